/** The content of a message on its way: how much of what came belongs to it, and in which form it goes on. */
import type { Framing } from "../../net/http1.ts";
import type { ChunkLimits } from "../../net/http1_chunked.ts";
import { BodyCursor, type Transform } from "../http_body.ts";
import { type Input, MOST_READS, type ScratchInput } from "./http_input.ts";
import type { Flow } from "./types.ts";

/** Bytes asked for at once: more while they come and leave that fast, less for a receiver that leaves them with us. */
const WINDOW = { min: 16 * 1024, first: 64 * 1024, max: 256 * 1024 };

/** What is to be passed on. */
export interface ContentPlan {
  readonly framing: Framing;
  readonly transform: Transform;
  readonly limits: ChunkLimits;
}

/** How far a piece brought it. */
export type ContentStep = "more" | "complete" | "malformed" | "too-large";

/** What {@link Content.pump} came to. */
export type PumpOutcome =
  | ContentStep
  /** The source's FIN has come before the content's end. */
  | "ended"
  /** The source is closed. */
  | "broken";

/** Follows the content of one message after the other. */
export class Content {
  /** What {@link take} found, if it is to be sent in another form than it came in; null: as it came. */
  changed: Uint8Array<ArrayBuffer> | null = null;
  readonly #scratch: ScratchInput;
  #cursor: BodyCursor | null = null;
  #remaining = 0;
  #window = WINDOW.first;

  constructor(scratch: ScratchInput) {
    this.#scratch = scratch;
  }

  /** Begins with another message. A length that is known, the usual case, needs no cursor. */
  begin(plan: ContentPlan): void {
    const { framing } = plan;
    this.changed = null;
    this.#window = WINDOW.first;
    this.#remaining = framing.kind === "length" ? framing.bytes : 0;
    this.#cursor = framing.kind === "length" || framing.kind === "none" ? null : new BodyCursor(plan);
  }

  /** Takes what belongs to it off the front of `input`. What is to be sent is that, or {@link changed}. */
  take(input: Input): ContentStep {
    if (this.#cursor !== null) return this.#takeByCursor(this.#cursor, input);
    const count = Math.min(this.#remaining, input.end - input.start);
    this.#remaining -= count;
    input.start += count;
    return this.#remaining === 0 ? "complete" : "more";
  }

  /**
   * Passes on what comes, while it comes and the sink takes it: `more` then, and both will tell when it goes on. After `complete` the rest
   * of what was received is in the scratch.
   */
  pump(from: Flow, to: Flow): PumpOutcome {
    const scratch = this.#scratch;
    for (let reads = 0; to.keptBytes === 0; reads++) {
      if (reads === MOST_READS) {
        from.readAgain();
        return "more";
      }
      const asked = this.#window;
      const count = scratch.receiveContent(from, asked);
      if (count === 0) return "more";
      if (count < 0) return count === -1 ? "ended" : "broken";
      const step = this.take(scratch);
      if (step === "malformed" || step === "too-large") return step;
      if (this.changed === null) scratch.sendUsed(to);
      else to.send(this.changed);
      if (to.keptBytes > 0) this.#window = Math.max(WINDOW.min, asked >> 1);
      else if (count === asked) this.#window = Math.min(WINDOW.max, asked << 1);
      if (step === "complete") return step;
    }
    return "more";
  }

  /** What is to be sent when the source has ended; null when it must not have ended yet. */
  atEnd(): Uint8Array<ArrayBuffer> | null {
    const parts = this.#cursor?.atEnd() ?? null;
    return parts === null ? null : joined(parts);
  }

  #takeByCursor(cursor: BodyCursor, input: Input): ContentStep {
    const { outcome, consumed, parts } = cursor.next(input.bytes.subarray(input.start, input.end));
    if (outcome === "malformed" || outcome === "too-large") return outcome;
    input.start += consumed;
    const isAsItCame = parts.length === 1 && parts[0]?.length === consumed;
    this.changed = isAsItCame || consumed === 0 ? null : joined(parts);
    return outcome;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
