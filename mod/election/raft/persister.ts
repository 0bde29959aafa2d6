/**
 * Hands batches to the storage in order and says when they are durable. A disk that fails is tried again, slower and slower; the
 * batches that did not make it are part of the next write that does ({@link Storage.write}).
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { getLog } from "../../observe/log.ts";
import { StorageError } from "./storage.ts";
import type { Storage } from "./storage.ts";
import type { PersistBatch } from "./types.ts";

const log = getLog("election");

const RETRY_FIRST_MS = 100;
const RETRY_LAST_MS = 5000;
const NOTHING = { hard: null, snapshot: null, truncateFrom: null, entries: [] } as const;

/** `failing`: the last write did not reach the disk; `lost`: the storage refused a batch, nothing can be relied on any more. */
export type PersisterState = "working" | "failing" | "lost";

export interface PersisterOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  /** The batch `seq` and all before it are durable. */
  readonly onDurable: (seq: number) => void;
  /** The state has changed to a worse one. */
  readonly onFailure: () => void;
}

/** One owner of a storage's writes. Ends with {@link Persister.stop}; the storage is closed by its owner. */
export class Persister {
  readonly #options: PersisterOptions;
  #state: PersisterState = "working";
  #lastSeq = 0;
  #retryMs = RETRY_FIRST_MS;
  #retry: Timer | null = null;
  #stopped = false;
  #failures = 0;

  constructor(options: PersisterOptions) {
    this.#options = options;
  }

  get state(): PersisterState {
    return this.#state;
  }

  /** Writes that did not reach the disk. */
  get failures(): number {
    return this.#failures;
  }

  write(batch: PersistBatch): void {
    this.#lastSeq = batch.seq;
    const { hard, snapshot, truncateFrom, entries } = batch;
    this.#follow(this.#options.storage.write({ hard, snapshot, truncateFrom, entries }), batch.seq);
  }

  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    this.#retry = null;
  }

  #follow(write: Promise<void>, seq: number): void {
    write.then(() => null, (error: unknown) => error).then((error) => {
      if (this.#stopped) return;
      if (error === null) this.#durable(seq);
      else this.#failed(error);
    });
  }

  #durable(seq: number): void {
    if (this.#state === "lost") return;
    if (this.#state === "failing") log.info("State is written again, taking part", { seq });
    this.#state = "working";
    this.#retryMs = RETRY_FIRST_MS;
    this.#retry?.cancel();
    this.#retry = null;
    this.#options.onDurable(seq);
  }

  #failed(error: unknown): void {
    this.#failures++;
    const mends = error instanceof StorageError && error.operation === "write";
    const state = mends && this.#state !== "lost" ? "failing" : "lost";
    if (state !== this.#state) {
      this.#state = state;
      log.error("State cannot be written, taking no part until it can", { error: String(error), state });
      this.#options.onFailure();
    }
    if (state === "failing") this.#retryLater();
  }

  #retryLater(): void {
    if (this.#retry !== null) return;
    this.#retry = this.#options.clock.after(this.#retryMs, () => {
      this.#retry = null;
      this.#follow(this.#options.storage.write(NOTHING), this.#lastSeq);
    });
    this.#retryMs = Math.min(RETRY_LAST_MS, this.#retryMs * 2);
  }
}
