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
  open(end: 0 | 1, filter?: Uint8Array): PacketSocket;
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
  const open = (end: 0 | 1, filter?: Uint8Array): PacketSocket => {
    const options = { linkIndex: end === 0 ? left : right, etherType: ARP };
    opened.push(namespace.run(() => new PacketSocket(filter === undefined ? options : { ...options, filter })));
    return opened.at(-1) ?? assert.fail();
  };
  try {
    await body({ routes, ends: [left, right], open });
  } finally {
    for (const closable of [...opened, routes, namespace]) closable.close();
  }
}

function senders(socket: PacketSocket): string[] {
  const found: string[] = [];
  socket.drain((frame) => found.push(decodeArpFrame(frame).arp.senderIp.text));
  return found;
}

privileged("a frame arrives on the other end of the cable, whole, and not on its own", () =>
  withWire(({ open }) => {
    const [left, right] = [open(0), open(1)];
    const frame = gratuitousRequest(MAC, ip("10.98.0.200"));
    assert.equal(left.send(frame), "sent");
    const got: Uint8Array[] = [];
    assert.equal(right.drain((bytes) => got.push(bytes.slice())), "drained");
    assert.deepEqual(got.map((bytes) => bytes.subarray(0, frame.length)), [frame]);
    assert.deepEqual(senders(left), [], "an outgoing copy is nobody else's claim");
  }));

privileged("a filter lets in only what it was written for, from the first frame on", () =>
  withWire(({ open }) => {
    const left = open(0);
    const right = open(1, encodeBpf(arpSenderFilter([ip("10.98.0.200").bytes])));
    for (const text of ["10.98.0.1", "10.98.0.200", "10.98.0.2"]) left.send(gratuitousRequest(MAC, ip(text)));
    assert.deepEqual(senders(right), ["10.98.0.200"]);
  }));

privileged("a malformed filter is refused when the socket is made", () =>
  withWire(({ open }) => {
    assert.throws(() => open(0, new Uint8Array(8).fill(0xff)), { code: "EINVAL" });
  }));

privileged("drain() takes 64 frames a turn", () =>
  withWire(({ open }) => {
    const [left, right] = [open(0), open(1)];
    for (let i = 0; i < 100; i++) left.send(gratuitousRequest(MAC, ip("10.98.0.200")));
    let count = 0;
    assert.equal(right.drain(() => count += 1), "more");
    assert.equal(count, 64);
    assert.equal(right.drain(() => count += 1), "drained");
    assert.equal(count, 100);
  }));

privileged(
  "a link that is down refuses the frame, and works again when it is up",
  () =>
    withWire(({ routes, ends, open }) => {
      const [left, right] = [open(0), open(1)];
      const frame = gratuitousRequest(MAC, ip("10.98.0.200"));
      routes.setDown(ends[0]);
      assert.equal(left.send(frame), "refused");
      assert.equal(left.drain(() => {}), "drained", "the error of the link is taken along");
      routes.setUp(ends[0]);
      assert.equal(left.send(frame), "sent");
      assert.deepEqual(senders(right), ["10.98.0.200"]);
      routes.deleteLink(ends[0]);
      assert.equal(left.send(frame), "refused");
    }),
);

privileged("a frame that arrives wakes the poller", () =>
  withWire(async ({ open }) => {
    const [left, right] = [open(0), open(1)];
    const poller = new Poller((error) => {
      throw error;
    });
    const heard = new Promise<string[]>((resolve) => {
      poller.watch(right.fd, () => resolve(senders(right)));
    });
    left.send(gratuitousRequest(MAC, ip("10.98.0.200")));
    assert.deepEqual(await heard, ["10.98.0.200"]);
    await poller.close();
  }));
