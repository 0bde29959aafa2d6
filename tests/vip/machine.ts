import assert from "node:assert/strict";
import { Namespace } from "../../mod/linux/namespace.ts";
import { NftSocket } from "../../mod/linux/nft_socket.ts";
import { PacketSocket } from "../../mod/linux/packet_socket.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { decodeArpFrame, encodeArpFrame } from "../../mod/net/arp.ts";
import { BROADCAST, EtherType, multicastMac } from "../../mod/net/ethernet.ts";
import { type Ip, parseIp } from "../../mod/net/ip.ts";
import { decodeNeighbour, encodeNeighbour, solicitedNode } from "../../mod/net/ndp.ts";
import type { LinkRecord } from "../../mod/net/netlink/link.ts";
import { deleteTable } from "../../mod/net/netlink/nftables.ts";

const CLIENT_V4 = address("10.98.0.1");
const CLIENT_V6 = address("fe80::1");
/** A neighbour in the next namespace answers within a fraction of a millisecond; silence to four questions is believed after this. */
const SILENCE_MS = 100;
/** A carrier is seen within milliseconds, or a second where the kernel has just reported many. */
const CARRIER_LIMIT_MS = 5000;

export function address(text: string): Ip {
  const ip = parseIp(text);
  assert.ok(ip, text);
  return ip;
}

/** One machine and one neighbour on a cable, each in a namespace of its own, on the real kernel. */
export class CabledMachine {
  readonly machine = Namespace.create();
  readonly neighbour = Namespace.create();
  readonly routes: RouteSocket;
  readonly nft: NftSocket;
  readonly link: LinkRecord;
  readonly poller = new Poller((error) => {
    throw error;
  });
  readonly #neighbourRoutes: RouteSocket;
  readonly #neighbourLink: LinkRecord;

  constructor() {
    this.routes = this.machine.run(() => new RouteSocket());
    this.nft = this.machine.run(() => new NftSocket());
    this.#neighbourRoutes = this.neighbour.run(() => new RouteSocket());
    this.routes.addVeth({ name: "eth0", peerName: "eth0", peerNamespaceFd: this.neighbour.fd });
    this.#neighbourLink = found(this.#neighbourRoutes.linkByName("eth0"));
    this.#neighbourRoutes.setUp(this.#neighbourLink.index);
    this.routes.setUp(found(this.routes.linkByName("eth0")).index);
    awaitCarrier(this.routes);
    awaitCarrier(this.#neighbourRoutes);
    this.link = found(this.routes.linkByName("eth0"));
  }

  /** A packet socket at the neighbour's end. */
  listen(etherType: number): PacketSocket {
    return this.neighbour.run(() => new PacketSocket({ linkIndex: this.#neighbourLink.index, etherType }));
  }

  /** Whether the machine answers the neighbour's ARP request or solicitation. */
  async answers(text: string): Promise<boolean> {
    const ip = address(text);
    const socket = this.listen(ip.family === 4 ? EtherType.arp : EtherType.ipv6);
    const heard = Promise.withResolvers<boolean>();
    const hear = (): void => {
      socket.drain((frame) => {
        if (isAnswer(frame, ip)) heard.resolve(true);
      });
    };
    const watch = this.poller.watch(socket.fd, hear);
    const ask = (): void => assert.equal(socket.send(question(this.#neighbourLink.mac, ip)), "sent");
    const again = setInterval(ask, SILENCE_MS / 4);
    const silence = setTimeout(() => {
      // Where this thread stood still for so long, the answer may be here although nobody was told of it.
      hear();
      heard.resolve(false);
    }, SILENCE_MS);
    ask();
    const answered = await heard.promise;
    clearInterval(again);
    clearTimeout(silence);
    watch.stop();
    socket.close();
    return answered;
  }

  /** What `nft flush ruleset` does. */
  flushRules(): void {
    this.nft.commit(this.nft.tables().map((table) => deleteTable(table)));
  }

  /** Takes the neighbour's end down or up, which the machine sees as its carrier. */
  setCable(state: "plugged" | "unplugged"): void {
    if (state === "plugged") this.#neighbourRoutes.setUp(this.#neighbourLink.index);
    else this.#neighbourRoutes.setDown(this.#neighbourLink.index);
  }

  async close(): Promise<void> {
    this.routes.close();
    this.nft.close();
    this.#neighbourRoutes.close();
    await this.poller.close();
    this.machine.close();
    this.neighbour.close();
  }
}

/** Until the kernel has seen the carrier, in a worker of its own, the link throws away what it should send. */
function awaitCarrier(routes: RouteSocket): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const endMs = performance.now() + CARRIER_LIMIT_MS;
  while (routes.linkByName("eth0")?.running !== true) {
    assert.ok(performance.now() < endMs, "no carrier");
    Atomics.wait(pause, 0, 0, 2);
  }
}

function found(link: LinkRecord | null): LinkRecord {
  assert.ok(link);
  return link;
}

function question(mac: Uint8Array, ip: Ip): Uint8Array<ArrayBuffer> {
  if (ip.family === 4) {
    return encodeArpFrame({
      destination: BROADCAST,
      source: mac,
      arp: { operation: "request", senderMac: mac, senderIp: CLIENT_V4, targetMac: new Uint8Array(6), targetIp: ip },
    });
  }
  const group = solicitedNode(ip);
  return encodeNeighbour({
    destinationMac: multicastMac(group),
    sourceMac: mac,
    source: CLIENT_V6,
    destination: group,
    message: { type: "solicitation", target: ip, sourceMac: mac },
  });
}

function isAnswer(frame: Uint8Array, ip: Ip): boolean {
  try {
    if (ip.family === 4) {
      const { arp } = decodeArpFrame(frame);
      return arp.operation === "reply" && arp.senderIp.text === ip.text && arp.targetIp.text === CLIENT_V4.text;
    }
    const { message } = decodeNeighbour(frame);
    return message.type === "advertisement" && message.solicited && message.target.text === ip.text;
  } catch {
    return false;
  }
}
