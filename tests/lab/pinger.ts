import { encodeEcho4, encodeEcho6 } from "../../mod/net/icmp_echo.ts";
import {
  Family as SocketFamily,
  internetAddress,
  newSender,
  openSocket,
  SocketType,
  tryReceive,
  trySend,
} from "../../mod/linux/socket.ts";
import { ip } from "./plan.ts";
import type { Heard, Prober } from "./prober.ts";
import type { Family } from "./records.ts";

const ICMP = 1;
const ICMPV6 = 58;
const ECHO_REPLY: Readonly<Record<Family, number>> = { 4: 0, 6: 129 };

/** Echo requests to one address over a raw socket of this namespace. */
export class Pinger implements Prober {
  readonly fd: number;
  readonly modulus = 0x10000;
  readonly #family: Family;
  readonly #identifier: number;
  readonly #address: Uint8Array<ArrayBuffer>;
  readonly #buffer = new Uint8Array(2048);
  readonly #sender = newSender();

  /** `nth` of this process: every raw socket hears all replies, and one has to know its own. */
  constructor(family: Family, target: string, nth: number) {
    this.#family = family;
    this.#identifier = (Deno.pid + nth * 0x8000) & 0xffff;
    this.#address = internetAddress(ip(target), 0);
    this.fd = family === 4
      ? openSocket(SocketFamily.INET, SocketType.RAW, ICMP)
      : openSocket(SocketFamily.INET6, SocketType.RAW, ICMPV6);
  }

  send(number: number): void {
    const echo = {
      kind: "request",
      identifier: this.#identifier,
      sequence: number & 0xffff,
      data: new Uint8Array(8),
    } as const;
    trySend(this.fd, this.#family === 4 ? encodeEcho4(echo) : encodeEcho6(echo), this.#address);
  }

  receive(): Heard | null {
    for (;;) {
      const got = tryReceive(this.fd, this.#buffer, this.#sender);
      if (got <= 0) return null;
      // A raw IPv4 socket gives the IP header as well.
      const start = this.#family === 4 ? ((this.#buffer[0] ?? 0) & 0xf) * 4 : 0;
      const message = new DataView(this.#buffer.buffer, start, 8);
      if (message.getUint8(0) !== ECHO_REPLY[this.#family]) continue;
      if (message.getUint16(4) === this.#identifier) return { kind: "reply", low: message.getUint16(6), mac: "" };
    }
  }
}
