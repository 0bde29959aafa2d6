/**
 * A member's state in `raft.log` in its state directory: an append-only file of checksummed records (`journal.ts`), synchronised
 * before a write is reported done and rewritten when it has grown. A lock keeps a second agent out of the directory.
 */
import { applyBatch, encodeGroup, encodeJournal, isNothing, MAX_GROUP, NOTHING_STORED, replay } from "./journal.ts";
import type { Owner } from "./journal.ts";
import { StorageError } from "./storage.ts";
import type { Batch, Opened, Storage } from "./storage.ts";
import type { Stored } from "./types.ts";

const LOG = "raft.log";
/** Files set aside as damaged that are kept for a person to look at. */
const KEPT_DAMAGED = 3;
/** The file is rewritten when it exceeds this, or twice what the last rewrite took. */
const REWRITE_BYTES = 1024 * 1024;
const MAX_WAITING = 1024;

interface Waiting {
  readonly batch: Batch;
  readonly done: () => void;
  readonly failed: (error: StorageError) => void;
}

/** {@link Storage} in a directory, which is created with mode 0700 if it is missing. */
export class FileStorage implements Storage {
  readonly #directory: string;
  readonly #owner: Owner;
  readonly #path: string;
  #lock: Deno.FsFile | null = null;
  /** Open for appending; null when the next write has to make a new file. */
  #file: Deno.FsFile | null = null;
  #bytes = 0;
  #rewriteAt = REWRITE_BYTES;
  #stored = NOTHING_STORED;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | null = null;
  #state: "new" | "open" | "closed" = "new";

  constructor(directory: string, owner: Owner) {
    this.#directory = directory;
    this.#owner = owner;
    this.#path = `${directory}/${LOG}`;
  }

  /** Locks the directory and reads the state. Throws {@link StorageError} if the directory is in use or cannot be used. */
  async open(): Promise<Opened> {
    if (this.#state !== "new") throw this.#error("open", { message: "has been opened before" });
    this.#state = "open";
    try {
      await Deno.mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await this.#takeLock();
      await removeIfThere(`${this.#path}.new`);
      return await this.#read();
    } catch (error) {
      this.#release();
      throw error instanceof StorageError ? error : this.#error("open", { message: reason(error), cause: error });
    }
  }

  write(batch: Batch): Promise<void> {
    if (this.#state !== "open") return Promise.reject(this.#error("refuse", { message: "is not open" }));
    if (this.#waiting.length >= MAX_WAITING) {
      return Promise.reject(this.#error("refuse", { message: `has ${MAX_WAITING} writes waiting` }));
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ batch, done: resolve, failed: reject });
    this.#flushing ??= this.#flush();
    return promise;
  }

  async close(): Promise<void> {
    if (this.#state === "open") this.#state = "closed";
    await this.#flushing;
    this.#release();
  }

  async #takeLock(): Promise<void> {
    this.#lock = await Deno.open(`${this.#directory}/raft.lock`, { create: true, write: true, mode: 0o600 });
    if (await this.#lock.tryLock(true)) return;
    throw new StorageError("lock", this.#directory, {
      message: "another kube-vip uses this stateDir; give each agent one of its own",
    });
  }

  async #read(): Promise<Opened> {
    const bytes = await readIfThere(this.#path);
    if (bytes === null) return await this.#readNothing();
    const found = replay(bytes, this.#owner);
    if (found.outcome === "damaged") {
      const aside = await this.#setAside();
      return { outcome: "damaged", detail: `${this.#path}: ${found.detail}; kept as ${aside}` };
    }
    this.#file = await Deno.open(this.#path, { write: true, append: true });
    if (found.cutBytes > 0) {
      await this.#file.truncate(found.goodBytes);
      await this.#file.sync();
    }
    this.#bytes = found.goodBytes;
    this.#stored = found.stored;
    if (isNothing(found.stored) && found.cutBytes === 0) return { outcome: "empty" };
    return { outcome: "restored", stored: found.stored, cutBytes: found.cutBytes };
  }

  /** No file: a new member, unless a damaged one was set aside and nothing has been written since. */
  async #readNothing(): Promise<Opened> {
    const numbers = await this.#damagedNumbers();
    const last = numbers.at(-1);
    if (last === undefined) return { outcome: "empty" };
    const detail = `${this.#path} is missing and ${LOG}.damaged-${last} lies beside it`;
    return { outcome: "damaged", detail };
  }

  async #setAside(): Promise<string> {
    const numbers = await this.#damagedNumbers();
    const name = `${this.#path}.damaged-${(numbers.at(-1) ?? 0) + 1}`;
    await Deno.rename(this.#path, name);
    for (const old of numbers.slice(0, Math.max(0, numbers.length + 1 - KEPT_DAMAGED))) {
      await removeIfThere(`${this.#path}.damaged-${old}`);
    }
    await this.#syncDirectory();
    return name;
  }

  async #damagedNumbers(): Promise<number[]> {
    const numbers: number[] = [];
    for await (const entry of Deno.readDir(this.#directory)) {
      const match = /^raft\.log\.damaged-([0-9]{1,9})$/.exec(entry.name);
      if (match !== null) numbers.push(Number(match[1]));
    }
    return numbers.sort((a, b) => a - b);
  }

  /** Writes what waits, one group after the other, until nothing does. Never rejects. */
  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#admit(this.#waiting.splice(0, MAX_GROUP));
      try {
        await this.#persist(group.map((each) => each.batch));
        for (const each of group) each.done();
      } catch (cause) {
        // What a failed write or sync left in the file is unknown: the next write makes a new one.
        this.#file?.close();
        this.#file = null;
        const error = this.#error("write", { message: reason(cause), cause });
        for (const each of group) each.failed(error);
      }
    }
    this.#flushing = null;
  }

  /** Takes over the batches that follow from the state; refuses the others. */
  #admit(group: readonly Waiting[]): Waiting[] {
    return group.filter((each) => {
      const applied = applyBatch(this.#stored, each.batch);
      if (applied.outcome === "applied") this.#stored = applied.stored;
      else each.failed(this.#error("refuse", { message: applied.detail }));
      return applied.outcome === "applied";
    });
  }

  async #persist(batches: readonly Batch[]): Promise<void> {
    if (batches.length === 0) return;
    const compacts = batches.some((batch) => batch.snapshot !== null);
    if (this.#file === null || compacts || this.#bytes > this.#rewriteAt) return await this.#rewrite(this.#stored);
    const bytes = encodeGroup(batches);
    await writeAll(this.#file, bytes);
    await this.#file.syncData();
    this.#bytes += bytes.length;
  }

  /** A new file beside the old one, complete on disk before it takes its name. */
  async #rewrite(stored: Stored): Promise<void> {
    const bytes = encodeJournal(this.#owner, stored);
    const temporary = `${this.#path}.new`;
    await removeIfThere(temporary);
    const file = await Deno.open(temporary, { createNew: true, append: true, write: true, mode: 0o600 });
    try {
      await writeAll(file, bytes);
      await file.sync();
      await Deno.rename(temporary, this.#path);
      await this.#syncDirectory();
    } catch (error) {
      file.close();
      throw error;
    }
    this.#file?.close();
    this.#file = file;
    this.#bytes = bytes.length;
    this.#rewriteAt = Math.max(REWRITE_BYTES, 2 * bytes.length);
  }

  async #syncDirectory(): Promise<void> {
    using directory = await Deno.open(this.#directory, { read: true });
    await directory.sync();
  }

  #release(): void {
    this.#file?.close();
    this.#file = null;
    this.#lock?.close();
    this.#lock = null;
  }

  #error(operation: string, detail: { readonly message: string; readonly cause?: unknown }): StorageError {
    return new StorageError(operation, this.#path, detail);
  }
}

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
