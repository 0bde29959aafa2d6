/** When a node leaves the Lease to others: after it gave it away, and while it could not put the addresses to use. Pure. */
import { type LeaseTimes, standAsideMs } from "./times.ts";

/** A holder that nobody relieved keeps the address, and offers it again only after this long, then twice as long, and so on. */
const FIRST_REST_MS = 30_000;
const LONGEST_REST_MS = 1_800_000;

/** What the rest of the node says about itself and the others. */
export interface Condition {
  /** True when this node can put its addresses to use. */
  readonly fit: boolean;
  /** True if another node is known that could take over. Asked only when it matters. */
  readonly rival: () => boolean;
}

export class MakingWay {
  readonly #asideMs: number;
  #asideUntilMs = -Infinity;
  #isForFitness = false;
  #fit = true;
  #restMs = FIRST_REST_MS;
  #restUntilMs = -Infinity;

  constructor(times: LeaseTimes) {
    this.#asideMs = standAsideMs(times);
  }

  /** Takes note of the node's condition. */
  tick(fit: boolean): void {
    this.#fit = fit;
    if (!fit) return;
    this.#restMs = FIRST_REST_MS;
    this.#restUntilMs = -Infinity;
    if (this.#isForFitness) this.#asideUntilMs = -Infinity;
  }

  /** True if a holder should hand over now. */
  shouldLeave(now: number, condition: Condition): boolean {
    return !condition.fit && now >= this.#restUntilMs && condition.rival();
  }

  /** The Lease was given away at `now`. */
  left(now: number, reason: "unfit" | "transfer"): void {
    this.#asideUntilMs = now + this.#asideMs;
    this.#isForFitness = reason === "unfit";
    if (reason !== "unfit") return;
    this.#restUntilMs = now + this.#restMs;
    this.#restMs = Math.min(2 * this.#restMs, LONGEST_REST_MS);
  }

  /** When a Lease that is free at `freeMs` may be tried for. */
  mayTryAt(freeMs: number): number {
    return Math.max(this.#fit ? freeMs : freeMs + this.#asideMs, this.#asideUntilMs);
  }

  /** When a Lease that is this node's already may be renewed after a loss. */
  mayResumeAt(freeMs: number): number {
    return Math.max(freeMs, this.#asideUntilMs);
  }
}
