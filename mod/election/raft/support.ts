/**
 * A voter's promise to the leader it hears: no vote for others for one election minimum (raft thesis §4.2.3, §6.4.1). The leader's
 * lease rests on it, so it outlives a change of term and even a change of role.
 */
export class Support {
  #term: number;
  #untilMs: number;
  #releasedTerm = -1;

  /** Begins with a promise to whomever an earlier life may have heard, in terms up to `term`. */
  constructor(term: number, untilMs: number) {
    this.#term = term;
    this.#untilMs = untilMs;
  }

  get untilMs(): number {
    return this.#untilMs;
  }

  /** Promises support to the leader of `term`, at least until `untilMs`. */
  promise(term: number, untilMs: number): void {
    this.#term = Math.max(this.#term, term);
    this.#untilMs = Math.max(this.#untilMs, untilMs);
  }

  /** The leader of `term` has given up its lease for good; so have all before it. */
  release(term: number): void {
    this.#releasedTerm = Math.max(this.#releasedTerm, term);
  }

  isReleased(term: number): boolean {
    return term <= this.#releasedTerm;
  }

  /** True if a vote in `term` would break the promise. `released`: the candidate knows that the lease of `term − 1` is over. */
  forbids(now: number, term: number, released: boolean): boolean {
    if (now >= this.#untilMs) return false;
    return this.#term > Math.max(this.#releasedTerm, released ? term - 1 : -1);
  }
}
