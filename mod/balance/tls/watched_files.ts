/** Files that are read at start, looked at from time to time, and read again when they have changed. */
import type { Clock, Timer } from "../../base/clock.ts";

/** How often files are looked at: certificates change once in weeks, and whoever is in a hurry asks for a reload. */
export const LOOK_EVERY_MS = 10_000;

/** What is to be made of which files. */
export interface WatchedFilesOptions<Value> {
  readonly clock: Clock;
  readonly paths: readonly string[];
  /** Makes the value of the texts, in the order of the paths; throws an error that names the file when it cannot. */
  readonly make: (texts: readonly string[]) => Value;
  /** Called with each value after the first. */
  readonly onChange: (value: Value) => void;
  /** Called once for each way in which a change could not be taken over: the value before it stays. */
  readonly onFailure: (reason: string) => void;
}

/** Owns the timer that looks. */
export class WatchedFiles<Value> {
  readonly #options: WatchedFilesOptions<Value>;
  readonly #value: { current: Value };
  #seen: string;
  #lastFailure = "";
  #timer: Timer | null = null;

  /** Reads the files. Throws what `make` throws, or an error that names the file which cannot be read. */
  constructor(options: WatchedFilesOptions<Value>) {
    this.#options = options;
    this.#seen = signature(options.paths);
    this.#value = { current: options.make(options.paths.map(readText)) };
    if (options.paths.length > 0) this.#arm();
  }

  /** What was made of the files last. */
  get value(): Value {
    return this.#value.current;
  }

  /** Looks now. Never throws. */
  look(): void {
    const { paths, make, onChange, onFailure } = this.#options;
    const seen = signature(paths);
    // What failed is tried again: a key often comes a moment after its certificate.
    if (seen === this.#seen && this.#lastFailure === "") return;
    try {
      const value = make(paths.map(readText));
      this.#seen = seen;
      this.#lastFailure = "";
      this.#value.current = value;
      onChange(value);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== this.#lastFailure) onFailure(reason);
      this.#lastFailure = reason;
    }
  }

  /** Looks no more. Idempotent. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(): void {
    this.#timer = this.#options.clock.after(LOOK_EVERY_MS, () => {
      this.look();
      this.#arm();
    });
  }
}

/** Changes when a file is written, replaced, or the link to it is moved, as Kubernetes does with Secrets. */
function signature(paths: readonly string[]): string {
  return paths.map((path) => {
    try {
      const { mtime, size, ino } = Deno.statSync(path);
      return `${mtime?.getTime()}:${size}:${ino}`;
    } catch {
      return "missing";
    }
  }).join(" ");
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new Error(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
