/** How long take-overs last: from the grant to the moment at which the network has been told. Pure. */

/** One entry per managed address. */
export class Takeovers {
  readonly #grantedMs = new Map<string, number>();
  readonly #lastMs = new Map<string, number>();

  /** The address was granted, and is not served yet. */
  begin(ip: string, now: number): void {
    this.#grantedMs.set(ip, now);
  }

  /** The address is served; gives how long that took, in milliseconds, or null if no take-over was under way. */
  reached(ip: string, now: number): number | null {
    const grantedMs = this.#grantedMs.get(ip);
    if (grantedMs === undefined) return null;
    this.#grantedMs.delete(ip);
    this.#lastMs.set(ip, now - grantedMs);
    return now - grantedMs;
  }

  /** The hold ended before it was served. */
  end(ip: string): void {
    this.#grantedMs.delete(ip);
  }

  /** How long the latest one took, in milliseconds; null: there was none. */
  last(ip: string): number | null {
    return this.#lastMs.get(ip) ?? null;
  }

  /** The address is not managed any more. */
  forget(ip: string): void {
    this.#grantedMs.delete(ip);
    this.#lastMs.delete(ip);
  }
}
