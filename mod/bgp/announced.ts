/** Which addresses routers are to be told about, and how. Pure. */

import { Owners } from "../routes/owners.ts";

/** Whether what routers are to be told is another thing now. */
export type Told = "changed" | "same";

/** Addresses with owners, and those of them that are about to go. */
export class Announced {
  readonly #owners = new Owners();
  readonly #draining = new Set<string>();

  /** `owner` wants `ip` (canonical text) to be announced, as any other address. */
  announce(ip: string, owner: string): Told {
    const isFirst = this.#owners.claim(ip, owner) === "first";
    return this.#draining.delete(ip) || isFirst ? "changed" : "same";
  }

  /** `owner` does not want it any more. The address of those that are left is not about to go. */
  withdraw(ip: string, owner: string): Told {
    const released = this.#owners.release(ip, owner);
    if (released === "not-an-owner") return "same";
    return this.#draining.delete(ip) || released === "last" ? "changed" : "same";
  }

  /** `ip` is about to go (RFC 8326); nothing if nobody announces it. */
  drain(ip: string): Told {
    if (!this.#owners.has(ip) || this.#draining.has(ip)) return "same";
    this.#draining.add(ip);
    return "changed";
  }

  /** Nobody wants anything; gives what was announced. */
  clear(): string[] {
    this.#draining.clear();
    return this.#owners.clear();
  }

  has(ip: string): boolean {
    return this.#owners.has(ip);
  }

  isDraining(ip: string): boolean {
    return this.#draining.has(ip);
  }

  addresses(): string[] {
    return this.#owners.addresses();
  }
}
