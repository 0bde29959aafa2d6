/** Which comings and goings of one session are told: all, unless it comes and goes all the time. Pure. */

/** A session that has lasted so long is in order, whatever ends it. */
export const STABLE_MS = 60_000;
/** So many short sessions in a row are told one by one… */
const FREE = 4;
/** …and of those that follow one in this time. */
const EVERY_MS = 60_000;

/** What is to be done about an end; `untold`: so many sessions have come and gone since the last line. */
export type EndTelling = { readonly is: "tell"; readonly untold: number } | { readonly is: "hush" };

/** Remembers how one peer's sessions went. */
export class Flaps {
  #short = 0;
  #toldMs = -Infinity;
  #untold = 0;

  /** The session is up: told now, or when it has lasted for {@link STABLE_MS}. */
  get up(): "tell" | "wait" {
    return this.#short < FREE ? "tell" : "wait";
  }

  /** It has ended after `lifeMs`, at this moment of a monotonic clock. */
  ended(lifeMs: number, now: number): EndTelling {
    this.#short = lifeMs >= STABLE_MS ? 0 : this.#short + 1;
    if (this.#short > FREE && now - this.#toldMs < EVERY_MS) {
      this.#untold += 1;
      return { is: "hush" };
    }
    const untold = this.#untold;
    this.#toldMs = now;
    this.#untold = 0;
    return { is: "tell", untold };
  }
}
