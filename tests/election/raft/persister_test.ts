import assert from "node:assert/strict";
import { Persister } from "../../../mod/election/raft/persister.ts";
import type { PersistBatch } from "../../../mod/election/raft/types.ts";
import { batch, entry, hard } from "../../contracts/storage.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { MemoryDisk, MemoryStorage } from "../../fakes/memory_storage.ts";
import { settle } from "../../fakes/raft_cluster.ts";

interface Bench {
  readonly disk: MemoryDisk;
  readonly clock: VirtualClock;
  readonly durable: number[];
  readonly failures: { count: number };
  readonly persister: Persister;
}

async function bench(): Promise<Bench> {
  const disk = new MemoryDisk();
  const storage = new MemoryStorage(disk);
  await storage.open();
  const clock = new VirtualClock();
  const durable: number[] = [];
  const failures = { count: 0 };
  const onDurable = (seq: number): void => void durable.push(seq);
  const persister = new Persister({ storage, clock, onDurable, onFailure: () => failures.count++ });
  return { disk, clock, durable, failures, persister };
}

function step(seq: number, parts: Partial<PersistBatch> = {}): PersistBatch {
  return { ...batch(parts), seq };
}

Deno.test("batches are reported durable in order", async () => {
  const { disk, durable, persister } = await bench();
  persister.write(step(1, { hard: hard(1, "a") }));
  persister.write(step(2, { entries: [entry(1, 1)] }));
  assert.deepEqual(durable, []);
  await settle();
  assert.deepEqual(durable, [1, 2]);
  assert.deepEqual(disk.durable.entries, [entry(1, 1)]);
});

Deno.test("a failing disk is reported once, tried again ever slower, and everything is there when it works", async () => {
  const { disk, clock, durable, failures, persister } = await bench();
  disk.failing = "no space left on device";
  persister.write(step(1, { hard: hard(1, "a") }));
  persister.write(step(2, { entries: [entry(1, 1)] }));
  await settle();
  const failedAt: number[] = [];
  for (let ms = 0; ms < 20_000; ms += 50) {
    const before = persister.failures;
    clock.advance(50);
    await settle();
    if (persister.failures > before) failedAt.push(ms + 50);
  }
  assert.deepEqual(failedAt, [100, 300, 700, 1500, 3100, 6300, 11_300, 16_300]);
  assert.deepEqual([persister.state, failures.count, durable.length], ["failing", 1, 0]);
  disk.failing = null;
  clock.advance(5000);
  await settle();
  assert.deepEqual(durable, [2]);
  assert.equal(persister.state, "working");
  assert.deepEqual(disk.durable.hard, hard(1, "a"));
  assert.deepEqual(disk.durable.entries, [entry(1, 1)]);
  assert.equal(clock.pending, 0);
});

Deno.test("after a batch was refused nothing is ever reported durable again", async () => {
  const { clock, durable, failures, persister } = await bench();
  persister.write(step(1, { entries: [entry(5, 1)] }));
  await settle();
  persister.write(step(2, { hard: hard(1, "a") }));
  await settle();
  assert.deepEqual([persister.state, failures.count, durable.length, clock.pending], ["lost", 1, 0, 0]);
});

Deno.test("nothing is reported after the stop, and no timer stays", async () => {
  const { disk, clock, durable, persister } = await bench();
  disk.failing = "broken";
  persister.write(step(1, { hard: hard(1, "a") }));
  await settle();
  assert.equal(clock.pending, 1);
  persister.stop();
  disk.failing = null;
  persister.write(step(2, { hard: hard(2, "a") }));
  await settle();
  assert.deepEqual([durable.length, clock.pending], [0, 0]);
});
