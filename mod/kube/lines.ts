/** Cuts a stream of bytes into lines; a line, and a character, may be spread over any number of chunks. */

const NEWLINE = 0x0a;

/** Thrown when a line is longer than it may be. */
export class LineTooLongError extends Error {
  override readonly name = "LineTooLongError";

  constructor(readonly limitBytes: number) {
    super(`A line is longer than ${limitBytes} bytes`);
  }
}

export class LineSplitter {
  readonly #limitBytes: number;
  readonly #decoder = new TextDecoder();
  #parts: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /**
   * The lines that `chunk` completes, without their ends and without empty ones. What is left over waits for the next chunk, which may
   * not change it until then.
   *
   * @throws {LineTooLongError} also before such a line ends; the splitter is of no use after that
   */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#hold(chunk.subarray(start, end));
      const line = this.#take();
      if (line !== "") lines.push(line);
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return lines;
  }

  #hold(part: Uint8Array): void {
    this.#heldBytes += part.length;
    if (this.#heldBytes > this.#limitBytes) throw new LineTooLongError(this.#limitBytes);
    if (part.length > 0) this.#parts.push(part);
  }

  /** A newline byte is never part of a longer character, so whole lines are decoded. */
  #take(): string {
    let line = "";
    for (const part of this.#parts) line += this.#decoder.decode(part, { stream: true });
    line += this.#decoder.decode();
    this.#parts = [];
    this.#heldBytes = 0;
    return line;
  }
}
