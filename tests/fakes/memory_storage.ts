import type { Clock } from "../../mod/base/clock.ts";
import { applyBatch, isNothing, NOTHING_STORED } from "../../mod/election/raft/journal.ts";
import { StorageError } from "../../mod/election/raft/storage.ts";
import type { Batch, Opened, Storage } from "../../mod/election/raft/storage.ts";
import type { Stored } from "../../mod/election/raft/types.ts";

/** What survives a crash of the storages on it. */
export class MemoryDisk {
  durable: Stored = NOTHING_STORED;
  /** While set, every write fails with this message. */
  failing: string | null = null;
  /** Set by a test: the next open finds this damage. */
  damage: string | null = null;
  locked = false;
}

/** {@link Storage} in memory. With a clock, a write takes `writeMs` of its time; without, a microtask. */
export class MemoryStorage implements Storage {
  readonly #disk: MemoryDisk;
  readonly #delay: { readonly clock: Clock; readonly writeMs: number } | null;
  #state: "new" | "open" | "closed" | "crashed" = "new";
  #seen = NOTHING_STORED;
  #last: Promise<void> = Promise.resolve();

  constructor(disk: MemoryDisk, delay: { readonly clock: Clock; readonly writeMs: number } | null = null) {
    this.#disk = disk;
    this.#delay = delay;
  }

  open(): Promise<Opened> {
    if (this.#state !== "new" || this.#disk.locked) return Promise.reject(error("lock", "is in use"));
    return Promise.resolve(this.#read());
  }

  #read(): Opened {
    this.#state = "open";
    this.#disk.locked = true;
    if (this.#disk.damage !== null) {
      const detail = this.#disk.damage;
      this.#disk.damage = null;
      this.#disk.durable = NOTHING_STORED;
      return { outcome: "damaged", detail };
    }
    this.#seen = this.#disk.durable;
    return isNothing(this.#seen) ? { outcome: "empty" } : { outcome: "restored", stored: this.#seen, cutBytes: 0 };
  }

  write(batch: Batch): Promise<void> {
    if (this.#state !== "open") return Promise.reject(error("refuse", "is not open"));
    const applied = applyBatch(this.#seen, batch);
    if (applied.outcome === "refused") return Promise.reject(error("refuse", applied.detail));
    this.#seen = applied.stored;
    const reached = this.#seen;
    const done = this.#settled().then(() => {
      if (this.#state === "crashed") return new Promise<void>(() => {});
      if (this.#disk.failing !== null) throw error("write", this.#disk.failing);
      this.#disk.durable = reached;
    });
    this.#last = Promise.allSettled([this.#last, done]).then(() => {});
    return done;
  }

  async close(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "closed";
    await this.#last;
    this.#disk.locked = false;
  }

  /** The process is gone: writes under way never reach the disk and never answer. */
  crash(): void {
    this.#state = "crashed";
    this.#disk.locked = false;
  }

  #settled(): Promise<void> {
    const delay = this.#delay;
    if (delay === null) return Promise.resolve();
    return new Promise((resolve) => void delay.clock.after(delay.writeMs, resolve));
  }
}

function error(operation: string, message: string): StorageError {
  return new StorageError(operation, "memory", { message });
}
