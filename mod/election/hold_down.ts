/** Nodes that come and go make routes flap, and routers punish that (RFC 2439). Pure. */

/** Who served for less than this is coming and going. */
const STEADY_MS = 60_000;
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/**
 * How long a node has to be fit before it serves again: not at all after a first short service, a second after the next, doubling to half
 * a minute.
 */
export class HoldDown {
  /** Short services in a row. */
  #short = 0;
  #beganMs = -Infinity;
  #fitSinceMs: number | null = null;

  /** Whether a node that is fit or not at this moment may serve. To be asked at every look while it does not serve. */
  allows(isFit: boolean, now: number): boolean {
    if (!isFit) this.#fitSinceMs = null;
    else this.#fitSinceMs ??= now;
    return this.#fitSinceMs !== null && now - this.#fitSinceMs >= this.#penaltyMs();
  }

  /** It serves from now on. */
  begins(now: number): void {
    this.#beganMs = now;
  }

  /** It is not fit any more. */
  fails(now: number): void {
    this.#short = now - this.#beganMs < STEADY_MS ? this.#short + 1 : 0;
    this.#fitSinceMs = null;
  }

  #penaltyMs(): number {
    return this.#short < 2 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** (this.#short - 2));
  }
}
