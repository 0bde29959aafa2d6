/** Which sequence numbers of a session have been seen, as in RFC 4303 §3.4.3 (anti-replay window). */

/** Datagrams may arrive this far out of order. */
export const WINDOW_WIDTH = 64;

const ALL_SEEN = (1n << BigInt(WINDOW_WIDTH)) - 1n;

/** Remembers the highest number seen and which of the {@link WINDOW_WIDTH} numbers up to it; older ones count as seen. */
export class ReplayWindow {
  #highest: number;
  /** Bit n: the number `highest − n` has been seen. */
  #seen = ALL_SEEN;

  /** Every number up to `floor` counts as seen. */
  constructor(floor: number) {
    this.#highest = floor;
  }

  /** True if `sequence` has not been seen and is not too old to tell. */
  isFresh(sequence: number): boolean {
    const behind = this.#highest - sequence;
    if (behind < 0) return true;
    return behind < WINDOW_WIDTH && (this.#seen >> BigInt(behind) & 1n) === 0n;
  }

  /** Remembers `sequence`, which has to be fresh. */
  mark(sequence: number): void {
    const ahead = sequence - this.#highest;
    if (ahead <= 0) {
      this.#seen |= 1n << BigInt(-ahead);
      return;
    }
    this.#seen = ahead >= WINDOW_WIDTH ? 1n : (this.#seen << BigInt(ahead) | 1n) & ALL_SEEN;
    this.#highest = sequence;
  }
}
