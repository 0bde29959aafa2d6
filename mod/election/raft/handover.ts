import type { MemberId, Timing } from "./types.ts";

/** `offer`: tell the target to campaign (again); `cancel`: nothing was offered yet, lead on; `give-up`: it was, and not taken. */
export type HandoverStep = "wait" | "offer" | "cancel" | "give-up";

/**
 * A leader on its way out (raft thesis §3.10). First `releasing`: members let go of what they hold while the lease still runs. Then
 * `handing`: the lease is over for good, for an offer that is on its way cannot be taken back; if nobody takes it, the leader itself
 * stands for the next term, which makes the offer worthless.
 */
export class Handover {
  /** Null: to whoever campaigns first. */
  readonly to: MemberId | null;
  readonly #timing: Timing;
  #phase: "releasing" | "handing" = "releasing";
  #endsAt: number;
  #offerAt = -Infinity;

  constructor(to: MemberId | null, options: { readonly now: number; readonly timing: Timing }) {
    this.to = to;
    this.#timing = options.timing;
    this.#endsAt = options.now + options.timing.electionMinMs;
  }

  get phase(): "releasing" | "handing" {
    return this.#phase;
  }

  get deadline(): number {
    return this.#phase === "releasing" ? this.#endsAt : Math.min(this.#endsAt, this.#offerAt);
  }

  /** What to do at `now`. `settled`: no member holds anything, and the target has the whole log. */
  next(now: number, settled: boolean): HandoverStep {
    if (this.#phase === "releasing") {
      if (settled) {
        this.#phase = "handing";
        this.#endsAt = now + this.#timing.electionMinMs;
      } else {
        return now >= this.#endsAt ? "cancel" : "wait";
      }
    } else if (now >= this.#endsAt) {
      return "give-up";
    }
    if (now < this.#offerAt) return "wait";
    this.#offerAt = now + 0.4 * this.#timing.beatMs;
    return "offer";
  }
}
