import type { Entry, HardState, PersistBatch, Snapshot, Stored } from "../../mod/election/raft/types.ts";

/** What a batch does to a log: the meaning every storage must give it. */
export class DiskImage {
  hard: HardState | null = null;
  snapshot: Snapshot | null = null;
  entries: Entry[] = [];

  apply(batch: Omit<PersistBatch, "seq">): void {
    if (batch.hard !== null) this.hard = batch.hard;
    if (batch.snapshot !== null) {
      const { index } = batch.snapshot;
      this.snapshot = batch.snapshot;
      this.entries = this.entries.filter((entry) => entry.index > index);
    }
    const from = batch.truncateFrom;
    if (from !== null) this.entries = this.entries.filter((entry) => entry.index < from);
    for (const entry of batch.entries) {
      const expected = (this.entries.at(-1)?.index ?? this.snapshot?.index ?? 0) + 1;
      if (entry.index !== expected) throw new Error(`batch leaves a gap: entry ${entry.index}, expected ${expected}`);
      this.entries.push(entry);
    }
  }

  /** What a restart finds; null if nothing was ever written. */
  stored(): Stored | null {
    if (this.hard === null) return null;
    return { hard: this.hard, snapshot: this.snapshot, entries: [...this.entries] };
  }

  termAt(index: number): number | null {
    if (index === (this.snapshot?.index ?? 0)) return this.snapshot?.term ?? 0;
    const first = this.entries[0];
    return first === undefined ? null : this.entries[index - first.index]?.term ?? null;
  }

  clone(): DiskImage {
    const copy = new DiskImage();
    copy.hard = this.hard;
    copy.snapshot = this.snapshot;
    copy.entries = [...this.entries];
    return copy;
  }
}
