/** Heads from a flow: plain ones straight from the loop's scratch, all others through the strict parsers. */
import { assertNever } from "../../base/assert.ts";
import type { HeadLimits, HeadProgress, RefusalReason } from "../../net/http1.ts";
import { HeldInput, type Input, type ScratchInput, type SpareBuffers, viewOf } from "./http_input.ts";
import type { Flow } from "./types.ts";

/** What {@link HeadReader.read} came to. */
export type HeadOutcome =
  /** The reader of plain heads has it. */
  | "plain"
  /** It is {@link HeadReader.head}. */
  | "strict"
  | "refused"
  /** There is no more now. */
  | "none"
  /** The peer's FIN has come. */
  | "ended"
  /** The flow is closed. */
  | "broken";

/** A reader of plain heads. */
export interface PlainReader {
  readonly lengthBytes: number;
  read(
    bytes: Uint8Array,
    start: number,
    options: { readonly end: number; readonly limits: HeadLimits },
  ): "plain" | "other";
}

/** A strict parser of one head. */
interface StrictParser<Head> {
  next(collected: Uint8Array): HeadProgress<Head>;
}

/** What a reader is made with. */
export interface HeadReaderOptions<Head> {
  readonly scratch: ScratchInput;
  readonly buffers: SpareBuffers;
  readonly plain: PlainReader;
  /** For one head. */
  readonly strict: () => StrictParser<Head>;
}

/** Reads the heads of one flow, one after the other. */
export class HeadReader<Head> {
  /** What has come and is not used: a part of a head, or what came behind one. */
  readonly held: HeldInput;
  /** Where the head is that was read: its first byte is at `start`. The reader's user moves it on. */
  input: Input;
  lengthBytes = 0;
  /** The head, if it was not plain. */
  head: Head | null = null;
  reason: RefusalReason = "bad-request-line";
  readonly #options: HeadReaderOptions<Head>;
  #parser: StrictParser<Head> | null = null;

  constructor(options: HeadReaderOptions<Head>) {
    this.#options = options;
    this.held = new HeldInput(options.buffers);
    this.input = this.held;
  }

  /** A part of a head has come. */
  get isBegun(): boolean {
    return this.#parser !== null;
  }

  /** Reads on until a head is complete or there is nothing more to receive. */
  read(flow: Flow, limits: HeadLimits, mayBePlain = true): HeadOutcome {
    if (this.held.length > 0 && this.#parser === null) {
      const outcome = this.#look(this.held, limits, mayBePlain);
      if (outcome !== "none") return outcome;
    }
    const { scratch } = this.#options;
    for (;;) {
      const count = scratch.receiveHead(flow);
      if (count <= 0) return outcomeOf(count);
      if (this.held.length > 0) this.held.append(scratch);
      const outcome = this.#look(this.held.length > 0 ? this.held : scratch, limits, mayBePlain);
      if (outcome !== "none") return outcome;
      this.held.append(scratch);
      if (!flow.hasInput) return "none";
    }
  }

  /** What comes next is held, if it is not already. */
  holdRest(): void {
    if (this.input !== this.held) this.held.append(this.input);
    else this.held.consume(0);
    this.input = this.held;
  }

  /** Forgets what has come of a head, and all that is held. */
  reset(): void {
    this.#parser = null;
    this.head = null;
    this.held.consume(this.held.length);
  }

  #look(input: Input, limits: HeadLimits, mayBePlain: boolean): HeadOutcome {
    const { plain, strict } = this.#options;
    this.input = input;
    if (
      mayBePlain && this.#parser === null &&
      plain.read(input.bytes, input.start, { end: input.end, limits }) === "plain"
    ) {
      this.lengthBytes = plain.lengthBytes;
      this.head = null;
      return "plain";
    }
    this.#parser ??= strict();
    const progress = this.#parser.next(viewOf(input));
    switch (progress.outcome) {
      case "incomplete":
        return "none";
      case "refused":
        this.reason = progress.reason;
        return "refused";
      case "complete":
        this.#parser = null;
        this.head = progress.head;
        this.lengthBytes = progress.lengthBytes;
        return "strict";
      default:
        return assertNever(progress);
    }
  }
}

function outcomeOf(count: number): "none" | "ended" | "broken" {
  if (count === 0) return "none";
  return count === -1 ? "ended" : "broken";
}
