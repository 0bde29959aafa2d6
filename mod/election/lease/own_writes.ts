/** What this process has written into the Lease lately, so that it knows its own records again. Pure. */
import type { LeaseRecord } from "./store.ts";

/** More writes than can be under way or unanswered at a time. */
const KEPT = 16;

/** One write: of which record, and when it was begun. */
export interface OwnWrite {
  readonly record: LeaseRecord;
  readonly startMs: number;
}

export class OwnWrites {
  #writes: OwnWrite[] = [];

  /** A write is about to begin. */
  begun(record: LeaseRecord, startMs: number): void {
    this.#writes = [...this.#writes.slice(1 - KEPT), { record, startMs }];
  }

  /** A write was done; kept although something was seen meanwhile that made {@link clear} forget it. */
  done(record: LeaseRecord, startMs: number): void {
    if (!this.wrote(record)) this.begun(record, startMs);
  }

  /** The write that put this record there, or null: somebody else did, or has changed it since. A mark that was taken away does not matter. */
  find(record: LeaseRecord): OwnWrite | null {
    const found = this.#named(record);
    if (found === null) return null;
    const { holder, durationSeconds, acquireTime, transitions, mark } = found.record;
    const same = (record.mark === null || record.mark === mark) && holder === record.holder &&
      durationSeconds === record.durationSeconds &&
      acquireTime === record.acquireTime && transitions === record.transitions;
    return same ? found : null;
  }

  /** True if this process wrote the record, whatever was done to it since. */
  wrote(record: LeaseRecord): boolean {
    return this.#named(record) !== null;
  }

  get isEmpty(): boolean {
    return this.#writes.length === 0;
  }

  /** What was written before says nothing any more: somebody else has written since. */
  clear(): void {
    this.#writes = [];
  }

  #named(record: LeaseRecord): OwnWrite | null {
    return this.#writes.findLast((each) => each.record.renewTime === record.renewTime) ?? null;
  }
}
