import { decodeArpFrame, encodeArpFrame } from "../../mod/net/arp.ts";
import { BROADCAST, EtherType, multicastMac } from "../../mod/net/ethernet.ts";
import { WireError } from "../../mod/net/errors.ts";
import { type Ip, isMulticast } from "../../mod/net/ip.ts";
import { formatMac } from "../../mod/net/mac.ts";
import { decodeNeighbour, encodeNeighbour, solicitedNode } from "../../mod/net/ndp.ts";
import {
  bindSocket,
  Family as SocketFamily,
  linkAddress,
  newSender,
  openSocket,
  SocketType,
  tryReceive,
  trySend,
} from "../../mod/linux/socket.ts";
import { ip, samplerSources } from "./plan.ts";
import type { Heard, Prober } from "./prober.ts";
import type { Family } from "./records.ts";

/**
 * Asks the whole link who has an address. Only replies to its own questions are answers: to this machine's hardware address and to
 * the address that asked. What is announced to everybody without being asked is a claim.
 */
export class Sampler implements Prober {
  readonly fd: number;
  readonly modulus: number;
  readonly #mac: Uint8Array;
  readonly #target: Ip;
  readonly #questions: readonly Uint8Array<ArrayBuffer>[];
  readonly #sources: ReadonlyMap<string, number>;
  readonly #address: Uint8Array<ArrayBuffer>;
  readonly #buffer = new Uint8Array(2048);
  readonly #sender = newSender();

  constructor(family: Family, link: { readonly index: number; readonly mac: Uint8Array }, target: string) {
    const etherType = family === 4 ? EtherType.arp : EtherType.ipv6;
    const sources = samplerSources(family);
    this.#mac = link.mac;
    this.#target = ip(target);
    this.#sources = new Map(sources.map((text, low) => [text, low]));
    this.modulus = sources.length;
    this.#questions = sources.map((text) => question(link.mac, ip(text), this.#target));
    this.#address = linkAddress(link.index, etherType);
    this.fd = openSocket(SocketFamily.PACKET, SocketType.RAW, 0);
    bindSocket(this.fd, this.#address, "sampler");
  }

  send(number: number): void {
    const frame = this.#questions[number % this.modulus];
    if (frame !== undefined) trySend(this.fd, frame, this.#address);
  }

  receive(): Heard | null {
    for (;;) {
      const got = tryReceive(this.fd, this.#buffer, this.#sender);
      if (got <= 0) return null;
      const heard = this.#read(this.#buffer.subarray(0, Math.min(got, this.#buffer.length)));
      if (heard !== null) return heard;
    }
  }

  #read(frame: Uint8Array): Heard | null {
    try {
      const told = this.#target.family === 4 ? readArp(frame) : readNeighbour(frame);
      if (told === null || told.about.text !== this.#target.text) return null;
      const mac = formatMac(told.mac);
      if (told.to === null) return { kind: "claim", mac };
      const low = this.#sources.get(told.to.text);
      const forMe = frame.subarray(0, 6).every((byte, place) => byte === this.#mac[place]);
      return low === undefined || !forMe ? null : { kind: "reply", low, mac };
    } catch (error) {
      // Other traffic of the link.
      if (error instanceof WireError) return null;
      throw error;
    }
  }
}

/** Where an address is said to be. */
interface Told {
  readonly about: Ip;
  readonly mac: Uint8Array;
  /** Who had asked; null when everybody is told. */
  readonly to: Ip | null;
}

function question(mac: Uint8Array, source: Ip, target: Ip): Uint8Array<ArrayBuffer> {
  if (target.family === 4) {
    const arp = { senderMac: mac, senderIp: source, targetMac: new Uint8Array(6), targetIp: target };
    return encodeArpFrame({ destination: BROADCAST, source: mac, arp: { operation: "request", ...arp } });
  }
  const destination = solicitedNode(target);
  return encodeNeighbour({
    destinationMac: multicastMac(destination),
    sourceMac: mac,
    source,
    destination,
    message: { type: "solicitation", target, sourceMac: mac },
  });
}

function readArp(frame: Uint8Array): Told | null {
  const { arp } = decodeArpFrame(frame);
  const told = { about: arp.senderIp, mac: arp.senderMac };
  if (arp.senderIp.text === arp.targetIp.text) return { ...told, to: null };
  return arp.operation === "reply" ? { ...told, to: arp.targetIp } : null;
}

function readNeighbour(frame: Uint8Array): Told | null {
  const { message, destination, sourceMac } = decodeNeighbour(frame);
  if (message.type !== "advertisement") return null;
  const told = { about: message.target, mac: message.targetMac ?? sourceMac };
  return { ...told, to: isMulticast(destination) ? null : destination };
}
