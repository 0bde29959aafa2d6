import assert from "node:assert/strict";
import { gratuitousReply, gratuitousRequest } from "../../mod/net/arp.ts";
import { EtherType } from "../../mod/net/ethernet.ts";
import { parseMac } from "../../mod/net/mac.ts";
import { routersAdvert, unsolicitedAdvert } from "../../mod/net/ndp.ts";
import { LanAnnouncer } from "../../mod/vip/lan_announcer.ts";
import { NetlinkAddressBook } from "../../mod/vip/netlink_book.ts";
import type { Sighting } from "../../mod/vip/conflict.ts";
import { privileged } from "../fakes/privileges.ts";
import { address, CabledMachine } from "./machine.ts";

const V4 = "10.98.0.200";
const V6 = "fd98::200";
const STRANGER = parseMac("02:00:00:00:00:99");

async function withAnnouncer(run: (announcer: LanAnnouncer, cabled: CabledMachine) => Promise<void>): Promise<void> {
  const cabled = new CabledMachine();
  const book = new NetlinkAddressBook(cabled.routes);
  const announcer = new LanAnnouncer({
    vips: [V4, V6].map((ip) => ({ ip, linkName: "eth0" })),
    poller: cabled.poller,
    book,
  });
  cabled.machine.run(() => announcer.attach(cabled.link));
  try {
    await run(announcer, cabled);
  } finally {
    announcer.close();
    await cabled.close();
  }
}

/** The frames of one kind that the neighbour sees while `act` runs, as hex. */
async function seen(cabled: CabledMachine, etherType: number, act: () => void, count: number): Promise<string[]> {
  const socket = cabled.listen(etherType);
  const frames: string[] = [];
  const enough = Promise.withResolvers<void>();
  const watch = cabled.poller.watch(socket.fd, () => {
    socket.drain((frame) => void frames.push(hex(frame)));
    if (frames.length >= count) enough.resolve();
  });
  act();
  const late = setTimeout(() => enough.reject(new Error(`only ${frames.length} of ${count} frames`)), 5000);
  await enough.promise;
  clearTimeout(late);
  watch.stop();
  socket.close();
  return frames;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

privileged(
  "an IPv4 address is announced in request and in reply form",
  () =>
    withAnnouncer(async (announcer, cabled) => {
      const frames = await seen(cabled, EtherType.arp, () => assert.equal(announcer.announce(V4), "sent"), 2);
      const mac = cabled.link.mac;
      assert.deepEqual(frames, [hex(gratuitousRequest(mac, address(V4))), hex(gratuitousReply(mac, address(V4)))]);
    }),
);

privileged(
  "an IPv6 address is announced to all nodes and to all routers, from the link-local address",
  () =>
    withAnnouncer(async (announcer, cabled) => {
      const local = address("fe80::77");
      cabled.routes.putAddress({
        ip: local,
        prefixLength: 64,
        linkIndex: cabled.link.index,
        validSeconds: Infinity,
        preferredSeconds: Infinity,
        nodad: true,
        protocol: 0,
      });
      const frames = await seen(cabled, EtherType.ipv6, () => assert.equal(announcer.announce(V6), "sent"), 2);
      const sources = cabled.routes.addresses().filter((entry) => entry.ip.startsWith("fe80:")).map((entry) =>
        address(entry.ip)
      );
      const expected = sources.flatMap((source) =>
        [unsolicitedAdvert, routersAdvert].map((make) => hex(make(cabled.link.mac, { source, target: address(V6) })))
      );
      assert.equal(frames.filter((frame) => expected.includes(frame)).length >= 2, true);
    }),
);

privileged(
  "a stranger's claim of a managed address is reported, that of another address is not",
  () =>
    withAnnouncer(async (announcer, cabled) => {
      assert.ok(STRANGER);
      const heard: Sighting[] = [];
      const both = Promise.withResolvers<void>();
      announcer.onSighting = (sighting) => {
        heard.push(sighting);
        if (heard.length === 2) both.resolve();
      };
      const arp = cabled.listen(EtherType.arp);
      const neighbour = cabled.listen(EtherType.ipv6);
      arp.send(gratuitousReply(STRANGER, address("10.98.0.201")));
      arp.send(gratuitousReply(STRANGER, address(V4)));
      neighbour.send(unsolicitedAdvert(STRANGER, { source: address("fe80::99"), target: address(V6) }));
      await both.promise;
      assert.deepEqual(heard.map((sighting) => sighting.ip).sort(), [V4, V6]);
      assert.equal(heard[0]?.mac, "02:00:00:00:00:99");
      arp.close();
      neighbour.close();
    }),
);

privileged(
  "a probe asks without claiming, and the owner's answer is heard",
  () =>
    withAnnouncer(async (announcer, cabled) => {
      const heard = Promise.withResolvers<Sighting>();
      announcer.onSighting = (sighting) => heard.resolve(sighting);
      const socket = cabled.listen(EtherType.arp);
      const watch = cabled.poller.watch(socket.fd, () => {
        socket.drain(() => {
          assert.ok(STRANGER);
          socket.send(gratuitousReply(STRANGER, address(V4)));
        });
      });
      assert.equal(announcer.probe(V4), "sent");
      assert.equal((await heard.promise).ip, V4);
      watch.stop();
      socket.close();
    }),
);

privileged(
  "the addresses change: a new one's claims are reported and announced, an old one's not",
  () =>
    withAnnouncer(async (announcer, cabled) => {
      assert.ok(STRANGER);
      const [newest, newest6] = ["10.98.0.222", "fd98::222"];
      const heard: Sighting[] = [];
      const both = Promise.withResolvers<void>();
      announcer.onSighting = (sighting) => {
        heard.push(sighting);
        if (heard.length === 2) both.resolve();
      };
      announcer.place([newest, newest6].map((ip) => ({ ip, linkName: "eth0" })));
      const arp = cabled.listen(EtherType.arp);
      const neighbour = cabled.listen(EtherType.ipv6);
      arp.send(gratuitousReply(STRANGER, address(V4)));
      arp.send(gratuitousReply(STRANGER, address(newest)));
      neighbour.send(unsolicitedAdvert(STRANGER, { source: address("fe80::99"), target: address(V6) }));
      neighbour.send(unsolicitedAdvert(STRANGER, { source: address("fe80::99"), target: address(newest6) }));
      await both.promise;
      assert.deepEqual(heard.map((sighting) => sighting.ip).sort(), [newest, newest6]);
      const frames = await seen(cabled, EtherType.arp, () => assert.equal(announcer.announce(newest), "sent"), 2);
      assert.equal(frames[0], hex(gratuitousRequest(cabled.link.mac, address(newest))));
      announcer.place([{ ip: newest, linkName: "eth9" }]);
      assert.equal(announcer.announce(newest), "refused", "eth0 was let go");
      arp.close();
      neighbour.close();
    }),
);

privileged("nothing is announced on a loopback link", async () => {
  const cabled = new CabledMachine();
  const book = new NetlinkAddressBook(cabled.routes);
  const announcer = new LanAnnouncer({ vips: [{ ip: V4, linkName: "lo" }], poller: cabled.poller, book });
  const lo = cabled.routes.linkByName("lo") ?? assert.fail("no lo");
  cabled.machine.run(() => announcer.attach(lo));
  assert.deepEqual([announcer.announce(V4), announcer.probe(V4)], ["refused", "refused"]);
  announcer.close();
  await cabled.close();
});

privileged("with the link down nothing is sent, and that is no error", () =>
  withAnnouncer((announcer, cabled) => {
    cabled.routes.setDown(cabled.link.index);
    for (const ip of [V4, V6]) {
      assert.equal(announcer.announce(ip), "refused");
      assert.equal(announcer.probe(ip), "refused");
    }
    return Promise.resolve();
  }));
