/**
 * Other machines that claim our addresses (RFC 5227 in spirit, with an election in place of its random delays). Pure.
 *
 * While held here: the election has decided, so the claim is answered, at most once a second per address, and counted.
 * While not held: a claim is normal if some member of the cluster holds the address. If nobody does, the address belongs to a stranger,
 * and taking it would make two machines answer; it is refused until the stranger has been silent for {@link FOREIGN_MEMORY_MS}.
 */

/** At most one defence per address in this time; RFC 5227 §2.4 (DEFEND_INTERVAL) has 10 s for hosts that may give up instead. */
export const DEFEND_INTERVAL_MS = 1000;
/** A stranger's claim is believed this long: three probes, one a second. */
export const FOREIGN_MEMORY_MS = 3000;

/** A conflict that goes on is news again after this time. */
export const NEWS_EVERY_MS = 60_000;

/** What was seen on the wire: somebody with this hardware address says the address is his. */
export interface Sighting {
  readonly ip: string;
  readonly mac: string;
}

export type SightingOutcome =
  /** Held here: announce at once. `isNews`: this machine was not told of lately; two that go on for days are no news every second. */
  | { readonly rule: "defend"; readonly isNews: boolean }
  /** Held here, and defended less than a second ago. */
  | { readonly rule: "defended-already" }
  /** Not held here: remembered. */
  | { readonly rule: "remembered" }
  /** On a grant that is merely preserved: whoever holds it now is right, so it is given back. */
  | { readonly rule: "yielded" }
  /** Our own frame, come back by a loop or a mirror. */
  | { readonly rule: "own" };

interface Memory {
  mac: string;
  seenMs: number;
}

/** Remembers who claimed what. One entry per managed address. */
export class Conflicts {
  readonly #seen = new Map<string, Memory>();
  readonly #defendedMs = new Map<string, number>();
  /** The latest news of each address. */
  readonly #told = new Map<string, Memory>();
  readonly #counts = new Map<string, number>();

  /** Judges one sighting. `held`: the address is held here now; `preserved`: on a grant that nobody stands for. */
  see(
    sighting: Sighting,
    now: number,
    context: { readonly held: boolean; readonly preserved?: boolean; readonly ownMac: string },
  ): SightingOutcome {
    if (sighting.mac === context.ownMac) return { rule: "own" };
    if (!context.held) {
      this.#seen.set(sighting.ip, { mac: sighting.mac, seenMs: now });
      return { rule: "remembered" };
    }
    this.#counts.set(sighting.ip, this.count(sighting.ip) + 1);
    if (context.preserved === true) return { rule: "yielded" };
    const lastMs = this.#defendedMs.get(sighting.ip);
    if (lastMs !== undefined && now - lastMs < DEFEND_INTERVAL_MS) return { rule: "defended-already" };
    this.#defendedMs.set(sighting.ip, now);
    const told = this.#told.get(sighting.ip);
    const isNews = told?.mac !== sighting.mac || now - told.seenMs >= NEWS_EVERY_MS;
    if (isNews) this.#told.set(sighting.ip, { mac: sighting.mac, seenMs: now });
    return { rule: "defend", isNews };
  }

  /**
   * The stranger an address belongs to, or null.
   * @param elsewhereMs when a member of the cluster other than this one was last known to lead or hold; null: never. A claim from
   * before that moment, or up to `graceMs` after it, was that member's.
   */
  stranger(
    ip: string,
    now: number,
    elsewhere: { readonly atMs: number | null; readonly graceMs: number },
  ): string | null {
    const memory = this.#seen.get(ip);
    if (memory === undefined || now - memory.seenMs > FOREIGN_MEMORY_MS) return null;
    if (elsewhere.atMs !== null && memory.seenMs <= elsewhere.atMs + elsewhere.graceMs) return null;
    return memory.mac;
  }

  /** The address is not managed any more. */
  forget(ip: string): void {
    this.#seen.delete(ip);
    this.#defendedMs.delete(ip);
    this.#told.delete(ip);
    this.#counts.delete(ip);
  }

  /** How many claims of others were seen while the address was held here. */
  count(ip: string): number {
    return this.#counts.get(ip) ?? 0;
  }
}
