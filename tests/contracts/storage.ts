import assert from "node:assert/strict";
import { StorageError } from "../../mod/election/raft/storage.ts";
import type { Batch, Storage } from "../../mod/election/raft/storage.ts";
import type { Entry, HardState, Stored } from "../../mod/election/raft/types.ts";

/** Something that state can be kept on: `mount` gives a new, unopened storage each time, as a restarted process would. */
export interface Disk {
  mount(): Storage;
  dispose(): Promise<void>;
}

type Scenario = (disk: Disk) => Promise<void>;

const SCENARIOS: Record<string, Scenario> = {
  "what was never written is empty, also after an open that wrote nothing": async (disk) => {
    for (let turn = 0; turn < 2; turn++) {
      const storage = disk.mount();
      assert.deepEqual(await storage.open(), { outcome: "empty" });
      await storage.close();
    }
  },
  "what was written is restored": async (disk) => {
    await writeAll(disk, [batch({ hard: hard(3, "a"), entries: [entry(1, 2), entry(2, 3)] })]);
    await expectStored(disk, { hard: hard(3, "a"), snapshot: null, entries: [entry(1, 2), entry(2, 3)] });
  },
  "parts that a batch leaves out stay as they were": async (disk) => {
    await writeAll(disk, [
      batch({ hard: hard(1, "a") }),
      batch({ entries: [entry(1, 1)] }),
      batch({ hard: hard(2, null) }),
    ]);
    await expectStored(disk, { hard: hard(2, null), snapshot: null, entries: [entry(1, 1)] });
  },
  "a member that is still joining is found joining": async (disk) => {
    const joining = { term: 0, vote: null, joining: true };
    await writeAll(disk, [batch({ hard: joining })]);
    await expectStored(disk, { hard: joining, snapshot: null, entries: [] });
  },
  "truncation drops the tail before new entries take its place": async (disk) => {
    await writeAll(disk, [
      batch({ hard: hard(1, null), entries: [entry(1, 1), entry(2, 1), entry(3, 1)] }),
      batch({ truncateFrom: 2, entries: [entry(2, 2)] }),
    ]);
    await expectStored(disk, { hard: hard(1, null), snapshot: null, entries: [entry(1, 1), entry(2, 2)] });
  },
  "a snapshot replaces the entries up to it and keeps the later ones": async (disk) => {
    const snapshot = { index: 2, term: 1, data: Uint8Array.of(9) };
    await writeAll(disk, [
      batch({ hard: hard(1, null), entries: [entry(1, 1), entry(2, 1), entry(3, 1)] }),
      batch({ snapshot, entries: [entry(4, 1)] }),
    ]);
    await expectStored(disk, { hard: hard(1, null), snapshot, entries: [entry(3, 1), entry(4, 1)] });
  },
  "a snapshot from elsewhere replaces the whole log together with a truncation": async (disk) => {
    const snapshot = { index: 9, term: 4, data: Uint8Array.of(9) };
    await writeAll(disk, [
      batch({ hard: hard(1, null), entries: [entry(1, 1), entry(2, 1)] }),
      batch({ hard: hard(4, null), snapshot, truncateFrom: 1, entries: [entry(10, 4)] }),
    ]);
    await expectStored(disk, { hard: hard(4, null), snapshot, entries: [entry(10, 4)] });
  },
  "writes that wait together become durable in the order they were asked for": async (disk) => {
    const storage = disk.mount();
    await storage.open();
    const order: number[] = [];
    const writes = Array.from(
      { length: 150 },
      (_, i) =>
        storage.write(batch({ hard: hard(i + 1, null), entries: [entry(i + 1, i + 1)] })).then(() => order.push(i)),
    );
    await Promise.all(writes);
    await storage.close();
    assert.deepEqual(order, Array.from({ length: 150 }, (_, i) => i));
    const entries = Array.from({ length: 150 }, (_, i) => entry(i + 1, i + 1));
    await expectStored(disk, { hard: hard(150, null), snapshot: null, entries });
  },
  "a batch that does not follow from the state is refused and changes nothing": async (disk) => {
    const storage = disk.mount();
    await storage.open();
    await storage.write(batch({ hard: hard(2, "a"), entries: [entry(1, 1)] }));
    await assert.rejects(storage.write(batch({ entries: [entry(3, 2)] })), isRefusal);
    await assert.rejects(storage.write(batch({ hard: hard(1, null) })), isRefusal);
    await storage.close();
    await expectStored(disk, { hard: hard(2, "a"), snapshot: null, entries: [entry(1, 1)] });
  },
  "close waits for the writes under way, may be called twice, and later writes are refused": async (disk) => {
    const storage = disk.mount();
    await storage.open();
    const write = storage.write(batch({ hard: hard(5, "b") }));
    await Promise.all([storage.close(), write]);
    await storage.close();
    await assert.rejects(storage.write(batch({ hard: hard(6, null) })), isRefusal);
    await expectStored(disk, { hard: hard(5, "b"), snapshot: null, entries: [] });
  },
  "a second storage on one place is refused while the first is open": async (disk) => {
    const first = disk.mount();
    await first.open();
    const second = disk.mount();
    await assert.rejects(second.open(), (error) => error instanceof StorageError && error.operation === "lock");
    await second.close();
    await first.write(batch({ hard: hard(1, null) }));
    await first.close();
    await expectStored(disk, { hard: hard(1, null), snapshot: null, entries: [] });
  },
};

/** Registers the suite that every implementation of {@link Storage} passes. */
export function storageContract(name: string, makeDisk: () => Promise<Disk>): void {
  for (const [sentence, scenario] of Object.entries(SCENARIOS)) {
    Deno.test(`storage on ${name}: ${sentence}`, async () => {
      const disk = await makeDisk();
      try {
        await scenario(disk);
      } finally {
        await disk.dispose();
      }
    });
  }
}

/** A batch with the given parts and nothing else. */
export function batch(parts: Partial<Batch>): Batch {
  return { hard: null, snapshot: null, truncateFrom: null, entries: [], ...parts };
}

/** A term and vote of a member that knows its state. */
export function hard(term: number, vote: string | null): HardState {
  return { term, vote, joining: false };
}

/** An entry whose data tells its index. */
export function entry(index: number, term: number): Entry {
  return { index, term, data: Uint8Array.of(index % 256, 7) };
}

/** Opens, writes the batches one after the other, closes. */
export async function writeAll(disk: Disk, batches: readonly Batch[]): Promise<void> {
  const storage = disk.mount();
  await storage.open();
  for (const each of batches) await storage.write(each);
  await storage.close();
}

function isRefusal(error: unknown): boolean {
  return error instanceof StorageError && error.operation === "refuse";
}

async function expectStored(disk: Disk, stored: Stored): Promise<void> {
  const storage = disk.mount();
  assert.deepEqual(await storage.open(), { outcome: "restored", stored, cutBytes: 0 });
  await storage.close();
}
