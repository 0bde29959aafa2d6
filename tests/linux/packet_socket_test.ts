import assert from "node:assert/strict";
import { Namespace } from "../../mod/linux/namespace.ts";
import { PacketSocket } from "../../mod/linux/packet_socket.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { decodeArpFrame, gratuitousRequest } from "../../mod/net/arp.ts";
import { arpSenderFilter, encodeBpf } from "../../mod/net/bpf.ts";
import { type Ip, parseIp } from "../../mod/net/ip.ts";
import { privileged } from "../fakes/privileges.ts";

const ARP = 0x0806;
/** ETH_P_ALL: the only type that is given outgoing copies. */
const ALL = 0x0003;
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

function ip(text: string): Ip {
  const parsed = parseIp(text);
  assert.ok(parsed);
  return parsed;
}

interface Wire {
  readonly routes: RouteSocket;
  /** Indexes of the two ends of a cable. */
  readonly ends: readonly [number, number];
  open(end: 0 | 1, options?: { filter?: Uint8Array; etherType?: number }): PacketSocket;
}

/** Runs `body` in a namespace with a veth pair that is up; closes the sockets it opened. */
async function withWire(body: (wire: Wire) => void | Promise<void>): Promise<void> {
  const namespace = Namespace.create();
  const routes = namespace.run(() => new RouteSocket());
  const opened: PacketSocket[] = [];
  const left = routes.addVeth({ name: "left", peerName: "right" }).index;
  const right = routes.linkByName("right")?.index ?? 0;
  routes.setUp(left);
  routes.setUp(right);
  // Until the kernel has seen the carrier, in a worker of its own, the link throws away what it should send.
  await until(() => routes.links().filter((link) => link.running).length === 2);
  const open: Wire["open"] = (end, options = {}) => {
    const linkIndex = end === 0 ? left : right;
    opened.push(namespace.run(() => new PacketSocket({ linkIndex, etherType: ARP, ...options })));
    return opened.at(-1) ?? assert.fail();
  };
  try {
    await body({ routes, ends: [left, right], open });
  } finally {
    for (const closable of [...opened, routes, namespace]) closable.close();
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, "nothing happened for 5 s");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function rethrow(error: unknown): void {
  throw error;
}

/** The sender addresses of the next frames, until one is from `last`. */
async function senders(socket: PacketSocket, last: string): Promise<string[]> {
  const found: string[] = [];
  const poller = new Poller(rethrow);
  await new Promise<void>((resolve) => {
    poller.watch(socket.fd, () => {
      socket.drain((frame) => found.push(decodeArpFrame(frame).arp.senderIp.text));
      if (found.includes(last)) resolve();
    });
  });
  await poller.close();
  return found;
}

privileged(
  "a frame arrives on the other end of the cable, whole, and not on its own",
  () =>
    withWire(async ({ open }) => {
      const [left, beside, right] = [open(0), open(0, { etherType: ALL }), open(1)];
      const frame = gratuitousRequest(MAC, ip("10.98.0.200"));
      const got: Uint8Array[] = [];
      assert.equal(left.send(frame), "sent");
      await until(() => right.drain((bytes) => got.push(bytes.slice())) === "drained" && got.length > 0);
      assert.deepEqual(got.map((bytes) => bytes.subarray(0, frame.length)), [frame]);
      // IPv6 may have something to say on its own; ARP was only sent from here.
      beside.drain((bytes) => assert.notDeepEqual(bytes.subarray(0, frame.length), frame, "an outgoing copy"));
    }),
);

privileged(
  "a filter lets in only what it was written for, from the first frame on",
  () =>
    withWire(async ({ open }) => {
      const left = open(0);
      const right = open(1, { filter: encodeBpf(arpSenderFilter([ip("10.98.0.200").bytes, ip("10.98.0.9").bytes])) });
      for (const text of ["10.98.0.1", "10.98.0.200", "10.98.0.2", "10.98.0.9"]) {
        assert.equal(left.send(gratuitousRequest(MAC, ip(text))), "sent");
      }
      assert.deepEqual(await senders(right, "10.98.0.9"), ["10.98.0.200", "10.98.0.9"]);
    }),
);

privileged(
  "a filter can be replaced, and taken away",
  () =>
    withWire(async ({ open }) => {
      const [left, right] = [open(0), open(1, { filter: encodeBpf(arpSenderFilter([ip("10.98.0.1").bytes])) })];
      const send = (...texts: string[]): void => {
        for (const text of texts) assert.equal(left.send(gratuitousRequest(MAC, ip(text))), "sent");
      };
      right.setFilter(encodeBpf(arpSenderFilter([ip("10.98.0.2").bytes])));
      send("10.98.0.1", "10.98.0.2");
      assert.deepEqual(await senders(right, "10.98.0.2"), ["10.98.0.2"]);
      right.setFilter(null);
      right.setFilter(null);
      send("10.98.0.1", "10.98.0.2", "10.98.0.3");
      assert.deepEqual(await senders(right, "10.98.0.3"), ["10.98.0.1", "10.98.0.2", "10.98.0.3"]);
    }),
);

privileged("a malformed filter is refused when the socket is made", () =>
  withWire(({ open }) => {
    assert.throws(() => open(0, { filter: new Uint8Array(8).fill(0xff) }), { code: "EINVAL" });
  }));

privileged("drain() takes 64 frames a turn", () =>
  withWire(async ({ open }) => {
    const [left, right] = [open(0), open(1)];
    const turns: number[] = [];
    const drain = (): void => {
      let count = 0;
      const end = right.drain(() => count += 1);
      assert.equal(end, count === 64 ? "more" : "drained");
      turns.push(count);
    };
    let sent = 0;
    // Mostly all have arrived when they have been sent; a busy kernel may deliver some later, then it is done again.
    await until(() => {
      for (let i = 0; i < 100; i++, sent++) {
        assert.equal(left.send(gratuitousRequest(MAC, ip("10.98.0.200"))), "sent");
      }
      drain();
      return turns.includes(64);
    });
    await until(() => {
      drain();
      return turns.reduce((sum, turn) => sum + turn, 0) === sent;
    });
    assert.equal(Math.max(...turns), 64, turns.join());
  }));

privileged(
  "a link that is down refuses the frame, and works again when it is up",
  () =>
    withWire(async ({ routes, ends, open }) => {
      const [left, right] = [open(0), open(1)];
      const frame = gratuitousRequest(MAC, ip("10.98.0.200"));
      routes.setDown(ends[0]);
      assert.equal(left.send(frame), "refused");
      assert.equal(left.drain(() => {}), "drained", "the error of the link is taken along");
      routes.setUp(ends[0]);
      await until(() => routes.linkByName("left")?.running === true);
      assert.equal(left.send(frame), "sent");
      assert.deepEqual(await senders(right, "10.98.0.200"), ["10.98.0.200"]);
      routes.deleteLink(ends[0]);
      assert.equal(left.send(frame), "refused");
    }),
);
