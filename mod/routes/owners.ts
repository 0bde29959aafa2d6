/** Who wants an address to be announced: counted, so that Services that share one do not take it from each other. Pure. */

/** What a new owner changes: it is the first and the address is to be announced, or there are others, or it was one already. */
export type Claimed = "first" | "further" | "already";

/** What an owner that leaves changes: it was the last and the address is to be withdrawn, or others are left, or it was none. */
export type Released = "last" | "others-left" | "not-an-owner";

/** Address → owners. Holds what its callers have claimed and nothing else, so it is as large as what is configured. */
export class Owners {
  readonly #owners = new Map<string, Set<string>>();

  /** `owner` wants `ip` (canonical text) from now on. Idempotent. */
  claim(ip: string, owner: string): Claimed {
    const owners = this.#owners.get(ip);
    if (owners === undefined) {
      this.#owners.set(ip, new Set([owner]));
      return "first";
    }
    if (owners.has(owner)) return "already";
    owners.add(owner);
    return "further";
  }

  /** `owner` does not want `ip` any more. Idempotent. */
  release(ip: string, owner: string): Released {
    const owners = this.#owners.get(ip);
    if (owners === undefined || !owners.delete(owner)) return "not-an-owner";
    if (owners.size > 0) return "others-left";
    this.#owners.delete(ip);
    return "last";
  }

  /** Whether anybody wants `ip`. */
  has(ip: string): boolean {
    return this.#owners.has(ip);
  }

  /** Addresses that somebody wants, in the order in which they were first claimed. */
  addresses(): string[] {
    return [...this.#owners.keys()];
  }

  /** Owners of `ip`, in the order in which they came. */
  ownersOf(ip: string): string[] {
    return [...(this.#owners.get(ip) ?? [])];
  }

  /** Nobody wants anything any more; gives the addresses that were wanted. */
  clear(): string[] {
    const addresses = this.addresses();
    this.#owners.clear();
    return addresses;
  }
}
