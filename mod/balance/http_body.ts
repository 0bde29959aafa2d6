/** A message's content from one connection to the other. */
import { assertNever } from "../base/assert.ts";
import { ChunkedParser, type ChunkLimits } from "../net/http1_chunked.ts";
import type { Framing } from "../net/http1.ts";
import type { ByteStream } from "./byte_stream.ts";

/** How content is passed on; changes are needed only where one side cannot know the end of it otherwise. */
export type Transform =
  | "as-is"
  /** Content that ends with its connection, to a client that understands chunks: it can then see a truncation. */
  | "into-chunks"
  /** Chunks, to an HTTP/1.0 client. */
  | "out-of-chunks";

/** How the passing on ended. */
export type BodyEnd =
  | "complete"
  /** The source ended before the content did, or broke. */
  | "truncated"
  /** The source's chunks are not chunks. */
  | "malformed"
  /** There is more content than the limits allow. */
  | "too-large"
  /** The sink takes no more. */
  | "sink-broken";

/** What is to be passed on. */
export interface BodyOptions {
  readonly framing: Framing;
  readonly transform: Transform;
  readonly limits: ChunkLimits;
  /** The head, sent together with the first part. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** Called whenever something moved. */
  readonly touch: () => void;
}

/** Parts up to this size are copied behind the head to be sent with it. */
const JOIN_BYTES = 64 * 1024;

interface Step {
  readonly outcome: "more" | "complete" | "malformed" | "too-large";
  /** Bytes of the source that belong to the content. */
  readonly consumed: number;
  readonly parts: readonly Uint8Array[];
}

/**
 * Finds out, piece by piece, what of a stream is content and how it is to be written. A limit counts the content alone; a
 * length that is too large is known before, from the head, and is not looked at here.
 */
export class BodyCursor {
  readonly #framing: Framing;
  readonly #transform: Transform;
  readonly #chunks: ChunkedParser;
  #data: Uint8Array[] = [];
  readonly #mostBytes: number;
  #remaining: number;
  #untilCloseBytes = 0;

  constructor({ framing, transform, limits }: Pick<BodyOptions, "framing" | "transform" | "limits">) {
    this.#framing = framing;
    this.#transform = transform;
    this.#mostBytes = limits.maxContentBytes ?? Infinity;
    this.#remaining = framing.kind === "length" ? framing.bytes : 0;
    const onData = transform === "out-of-chunks" ? (part: Uint8Array) => void this.#data.push(part) : null;
    this.#chunks = new ChunkedParser(limits, onData);
  }

  /** Takes what there is. */
  next(buffered: Uint8Array): Step {
    switch (this.#framing.kind) {
      case "none":
        return { outcome: "complete", consumed: 0, parts: [] };
      case "length":
        return this.#nextOfLength(buffered);
      case "chunked":
        return this.#nextOfChunks(buffered);
      case "until-close":
        return this.#nextUntilClose(buffered);
      default:
        return assertNever(this.#framing);
    }
  }

  /** What is to be written when the source has ended; null when it must not have ended yet. */
  atEnd(): readonly Uint8Array[] | null {
    if (this.#framing.kind !== "until-close") return null;
    return this.#transform === "into-chunks" ? [new TextEncoder().encode("0\r\n\r\n")] : [];
  }

  #nextUntilClose(buffered: Uint8Array): Step {
    this.#untilCloseBytes += buffered.length;
    if (this.#untilCloseBytes > this.#mostBytes) return { outcome: "too-large", consumed: 0, parts: [] };
    return { outcome: "more", consumed: buffered.length, parts: this.#wrapped(buffered) };
  }

  #nextOfLength(buffered: Uint8Array): Step {
    const consumed = Math.min(this.#remaining, buffered.length);
    this.#remaining -= consumed;
    const outcome = this.#remaining === 0 ? "complete" : "more";
    return { outcome, consumed, parts: consumed === 0 ? [] : [buffered.subarray(0, consumed)] };
  }

  #nextOfChunks(buffered: Uint8Array): Step {
    this.#data = [];
    const progress = this.#chunks.feed(buffered);
    if (progress.outcome === "refused") {
      const outcome = progress.reason === "content-too-large" ? "too-large" : "malformed";
      return { outcome, consumed: 0, parts: [] };
    }
    const consumed = progress.outcome === "complete" ? progress.consumed : buffered.length;
    const asIs = consumed === 0 ? [] : [buffered.subarray(0, consumed)];
    return { outcome: progress.outcome, consumed, parts: this.#transform === "out-of-chunks" ? this.#data : asIs };
  }

  #wrapped(buffered: Uint8Array): Uint8Array[] {
    if (buffered.length === 0) return [];
    if (this.#transform !== "into-chunks") return [buffered];
    const encoder = new TextEncoder();
    return [encoder.encode(`${buffered.length.toString(16)}\r\n`), buffered, encoder.encode("\r\n")];
  }
}

/** Several parts as few writes: small ones joined, since each write is a system call. */
function joined(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  if (parts.length < 2 || total > JOIN_BYTES) return parts;
  const whole = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return [whole];
}

async function writeAll(sink: ByteStream, parts: readonly Uint8Array[]): Promise<boolean> {
  try {
    for (const part of joined(parts)) await sink.write(part);
    return true;
  } catch {
    return false;
  }
}

async function fillMore(source: ByteStream): Promise<"more" | "ended" | "broken"> {
  try {
    return await source.fill() ? "more" : "ended";
  } catch {
    return "broken";
  }
}

/**
 * Sends the head and then the content, reading only when what was read before has been written: the slower side sets the
 * pace. Never rejects. Bytes behind the content stay in the source's buffer.
 */
export async function forwardBody(source: ByteStream, sink: ByteStream, options: BodyOptions): Promise<BodyEnd> {
  const cursor = new BodyCursor(options);
  let head: readonly Uint8Array[] = [options.head];
  for (;;) {
    const step = cursor.next(source.buffered);
    if (step.outcome === "malformed" || step.outcome === "too-large") return step.outcome;
    const parts = [...head, ...step.parts];
    if (!await writeAll(sink, parts)) return "sink-broken";
    head = [];
    source.consume(step.consumed);
    options.touch();
    if (step.outcome === "complete") return "complete";
    const filled = await fillMore(source);
    if (filled === "broken") return "truncated";
    if (filled === "ended") {
      const last = cursor.atEnd();
      if (last === null) return "truncated";
      return await writeAll(sink, last) ? "complete" : "sink-broken";
    }
  }
}
