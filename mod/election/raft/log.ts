import { assert } from "../../base/assert.ts";
import type { Entry, Snapshot, Stored } from "./types.ts";

/** The end of what an append carries: with the headers it still fits one datagram. */
const MAX_APPEND_BYTES = 1000;
const MAX_APPEND_ENTRIES = 16;

/**
 * What came of an append. `contradiction`: it would replace a committed entry, which no leader may ask (it takes a majority of lost
 * states to get there); the log stays as it is.
 */
export type Appended =
  | { readonly outcome: "matched"; readonly index: number }
  | { readonly outcome: "mismatch"; readonly hint: number }
  | { readonly outcome: "contradiction" };

/** Changes of the log that storage has not been given yet. */
export interface Unsaved {
  readonly snapshot: Snapshot | null;
  readonly truncateFrom: number | null;
  readonly entries: readonly Entry[];
}

/** Entries after a snapshot, and how far they have been stored, committed and applied (raft thesis §3.5, §5.1). */
export class RaftLog {
  #snapshot: Snapshot | null;
  /** `#entries[0]` has index `baseIndex + 1`. */
  #entries: Entry[];
  #issued: number;
  #truncateFrom: number | null = null;
  #unsavedSnapshot: Snapshot | null = null;
  #durable: number;
  #commit: number;
  #applied: number;
  #restore: Snapshot | null = null;

  constructor(stored: Stored | null) {
    this.#snapshot = stored?.snapshot ?? null;
    this.#entries = [...(stored?.entries ?? [])];
    this.#entries.forEach((entry, at) => assert(entry.index === this.baseIndex + 1 + at, "stored entries have no gap"));
    this.#issued = this.lastIndex;
    this.#durable = this.lastIndex;
    this.#commit = this.baseIndex;
    this.#applied = this.baseIndex;
  }

  /** The last index the snapshot stands for; 0 without one. */
  get baseIndex(): number {
    return this.#snapshot?.index ?? 0;
  }

  get lastIndex(): number {
    return this.baseIndex + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#snapshot?.term ?? 0;
  }

  get commitIndex(): number {
    return this.#commit;
  }

  /** The last index known to be on disk. */
  get durableIndex(): number {
    return this.#durable;
  }

  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  /** Entries kept after the snapshot. */
  get length(): number {
    return this.#entries.length;
  }

  /** The term of the entry at `index`; null where the log does not reach. */
  termAt(index: number): number | null {
    if (index === this.baseIndex) return this.#snapshot?.term ?? 0;
    return this.#entries[index - this.baseIndex - 1]?.term ?? null;
  }

  /** True if a log that ends so has everything this one has (§3.6.1). */
  isCoveredBy(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /** Adds one entry, for a leader. */
  add(term: number, data: Uint8Array): number {
    const index = this.lastIndex + 1;
    this.#entries.push({ index, term, data });
    return index;
  }

  /** Takes over a leader's entries after (`prevIndex`, `prevTerm`) (§3.5): what agrees stays, what conflicts goes. */
  append(prevIndex: number, prevTerm: number, entries: readonly Entry[]): Appended {
    // Everything up to the snapshot is committed, so the leader has it too.
    if (prevIndex >= this.baseIndex && this.termAt(prevIndex) !== prevTerm) {
      return { outcome: "mismatch", hint: this.#hint(prevIndex) };
    }
    for (const entry of entries) {
      if (entry.index <= this.baseIndex) continue;
      const own = this.termAt(entry.index);
      if (own === entry.term) continue;
      if (own !== null) {
        if (entry.index <= this.#commit) return { outcome: "contradiction" };
        this.#truncate(entry.index);
      }
      if (entry.index !== this.lastIndex + 1) return { outcome: "mismatch", hint: this.lastIndex };
      this.#entries.push(entry);
    }
    return { outcome: "matched", index: Math.max(prevIndex + entries.length, this.baseIndex) };
  }

  /** Where a leader should try next: skips the whole conflicting term (§3.5, last paragraph), never committed entries. */
  #hint(prevIndex: number): number {
    if (prevIndex > this.lastIndex) return this.lastIndex;
    const conflicting = this.termAt(prevIndex);
    let index = prevIndex;
    while (index > this.#commit && this.termAt(index) === conflicting) index--;
    return index;
  }

  #truncate(from: number): void {
    this.#entries.length = from - this.baseIndex - 1;
    if (from <= this.#issued) {
      this.#truncateFrom = Math.min(this.#truncateFrom ?? from, from);
      this.#issued = from - 1;
    }
    this.#durable = Math.min(this.#durable, from - 1);
  }

  /** Replaces log and state by a leader's snapshot (§5.3); false if everything in it is committed here already. */
  install(snapshot: Snapshot): boolean {
    if (snapshot.index <= this.#commit) return false;
    if (this.termAt(snapshot.index) === snapshot.term) {
      this.#entries = this.#entries.slice(snapshot.index - this.baseIndex);
    } else {
      if (snapshot.index < this.lastIndex) this.#truncate(snapshot.index + 1);
      this.#entries = [];
      this.#durable = Math.min(this.#durable, snapshot.index);
    }
    this.#snapshot = snapshot;
    this.#unsavedSnapshot = snapshot;
    this.#issued = Math.max(this.#issued, snapshot.index);
    this.#commit = snapshot.index;
    this.#applied = snapshot.index;
    this.#restore = snapshot;
    return true;
  }

  /** Replaces applied entries up to `index` by the state machine there (§5.1). */
  compact(index: number, data: Uint8Array): void {
    const term = this.termAt(index);
    assert(index <= this.#applied && term !== null, `compaction at ${index}, applied is ${this.#applied}`);
    if (index === this.baseIndex) return;
    this.#entries = this.#entries.slice(index - this.baseIndex);
    this.#snapshot = { index, term, data };
    this.#unsavedSnapshot = this.#snapshot;
    this.#issued = Math.max(this.#issued, index);
  }

  /** Entries from `from` on, as many as fit one append; at least one if there is one. */
  batchFrom(from: number): readonly Entry[] {
    const start = from - this.baseIndex - 1;
    let bytes = 0;
    let end = start;
    while (end < this.#entries.length && end - start < MAX_APPEND_ENTRIES) {
      bytes += (this.#entries[end]?.data.length ?? 0) + 24;
      if (end > start && bytes > MAX_APPEND_BYTES) break;
      end++;
    }
    return this.#entries.slice(start, end);
  }

  commitTo(index: number): void {
    if (index > this.#commit) this.#commit = Math.min(index, this.lastIndex);
  }

  get hasUnsaved(): boolean {
    return this.#unsavedSnapshot !== null || this.#truncateFrom !== null || this.#issued < this.lastIndex;
  }

  takeUnsaved(): Unsaved {
    const entries = this.#entries.slice(Math.max(0, this.#issued - this.baseIndex));
    const unsaved = { snapshot: this.#unsavedSnapshot, truncateFrom: this.#truncateFrom, entries };
    this.#unsavedSnapshot = null;
    this.#truncateFrom = null;
    this.#issued = this.lastIndex;
    return unsaved;
  }

  /** Storage has the log as it was when it ended in (`index`, `term`). Same index and term mean the same log (§3.5). */
  markDurable(index: number, term: number): void {
    if (index < this.baseIndex) return;
    if (this.termAt(index) === term) this.#durable = Math.max(this.#durable, index);
  }

  get hasCommitted(): boolean {
    return this.#restore !== null || this.#applied < this.#commit;
  }

  takeCommitted(): { readonly restore: Snapshot | null; readonly committed: readonly Entry[] } {
    const committed = this.#entries.slice(this.#applied - this.baseIndex, this.#commit - this.baseIndex);
    const restore = this.#restore;
    this.#applied = this.#commit;
    this.#restore = null;
    return { restore, committed };
  }
}
