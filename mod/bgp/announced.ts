/** Which addresses routers are to be told about, and how. Pure. */

import { Owners } from "../routes/owners.ts";

/** Whether what routers are to be told is another thing now. */
export type Told = "changed" | "same";

/** Addresses with owners, and those of them that are about to go. */
export class Announced {
  readonly #owners = new Owners();
  /** Address → owner → term of its grant; owners without a term are not in it. */
  readonly #terms = new Map<string, Map<string, number>>();
  readonly #draining = new Set<string>();

  /** `owner` wants `ip` (canonical text) to be announced, as any other address, under this term, or under none. */
  announce(ip: string, owner: string, term: number | null): Told {
    const before = this.term(ip);
    const isFirst = this.#owners.claim(ip, owner) === "first";
    this.#setTerm(ip, owner, term);
    return this.#draining.delete(ip) || isFirst || this.term(ip) !== before ? "changed" : "same";
  }

  /** `owner` does not want it any more. The address of those that are left is not about to go. */
  withdraw(ip: string, owner: string): Told {
    const before = this.term(ip);
    const released = this.#owners.release(ip, owner);
    if (released === "not-an-owner") return "same";
    this.#setTerm(ip, owner, null);
    return this.#draining.delete(ip) || released === "last" || this.term(ip) !== before ? "changed" : "same";
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
    this.#terms.clear();
    return this.#owners.clear();
  }

  has(ip: string): boolean {
    return this.#owners.has(ip);
  }

  isDraining(ip: string): boolean {
    return this.#draining.has(ip);
  }

  /** The highest term under which `ip` is announced; null: under none. */
  term(ip: string): number | null {
    const terms = this.#terms.get(ip);
    return terms === undefined ? null : Math.max(...terms.values());
  }

  addresses(): string[] {
    return this.#owners.addresses();
  }

  #setTerm(ip: string, owner: string, term: number | null): void {
    const terms = this.#terms.get(ip) ?? new Map<string, number>();
    if (term === null) terms.delete(owner);
    else terms.set(owner, term);
    if (terms.size > 0) this.#terms.set(ip, terms);
    else this.#terms.delete(ip);
  }
}
