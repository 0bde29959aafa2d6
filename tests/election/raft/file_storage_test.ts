import assert from "node:assert/strict";
import { FileStorage } from "../../../mod/election/raft/file_storage.ts";
import { encodeGroup } from "../../../mod/election/raft/journal.ts";
import { StorageError } from "../../../mod/election/raft/storage.ts";
import type { Opened } from "../../../mod/election/raft/storage.ts";
import { batch, entry, hard } from "../../contracts/storage.ts";

const OWNER = { member: "a", cluster: "test" };

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir();
  try {
    await work(`${parent}/state`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

async function reopen(directory: string): Promise<Opened> {
  const storage = new FileStorage(directory, OWNER);
  const opened = await storage.open();
  await storage.close();
  return opened;
}

async function fill(directory: string): Promise<void> {
  const storage = new FileStorage(directory, OWNER);
  await storage.open();
  await storage.write(batch({ hard: hard(1, "a"), entries: [entry(1, 1)] }));
  await storage.write(batch({ hard: hard(2, "b") }));
  await storage.close();
}

Deno.test("the directory is for its owner alone, and so is the file", () =>
  inDirectory(async (directory) => {
    await fill(directory);
    assert.equal(((await Deno.stat(directory)).mode ?? 0) & 0o777, 0o700);
    assert.equal(((await Deno.stat(`${directory}/raft.log`)).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("a torn last record is cut off the file and counted, at every byte", () =>
  inDirectory(async (directory) => {
    await fill(directory);
    const whole = await Deno.readFile(`${directory}/raft.log`);
    const last = encodeGroup([batch({ hard: hard(2, "b") })]).length;
    for (let cut = 1; cut < last; cut++) {
      await Deno.writeFile(`${directory}/raft.log`, whole.subarray(0, whole.length - cut));
      const opened = await reopen(directory);
      assert(opened.outcome === "restored", `${cut} bytes missing`);
      assert.deepEqual(opened.stored.hard, hard(1, "a"));
      assert.equal(opened.cutBytes, last - cut);
      assert.equal((await Deno.stat(`${directory}/raft.log`)).size, whole.length - last);
    }
  }));

Deno.test("after a cut the file goes on as if the torn record had never been", () =>
  inDirectory(async (directory) => {
    await fill(directory);
    await Deno.truncate(`${directory}/raft.log`, (await Deno.stat(`${directory}/raft.log`)).size - 3);
    const storage = new FileStorage(directory, OWNER);
    await storage.open();
    await storage.write(batch({ hard: hard(7, "c") }));
    await storage.close();
    const opened = await reopen(directory);
    assert(opened.outcome === "restored" && opened.cutBytes === 0);
    assert.deepEqual(opened.stored.hard, hard(7, "c"));
  }));

Deno.test("a damaged file is set aside with the reason, and the last three are kept", () =>
  inDirectory(async (directory) => {
    for (let turn = 1; turn <= 5; turn++) {
      await fill(directory);
      const bytes = await Deno.readFile(`${directory}/raft.log`);
      bytes[30] = (bytes[30] ?? 0) ^ 1;
      await Deno.writeFile(`${directory}/raft.log`, bytes);
      const opened = await reopen(directory);
      assert(opened.outcome === "damaged");
      assert.match(opened.detail, new RegExp(`first record does not read back .*raft.log.damaged-${turn}$`));
      assert.deepEqual(await Deno.readFile(`${directory}/raft.log.damaged-${turn}`), bytes);
    }
    const names = (await Array.fromAsync(Deno.readDir(directory))).map((each) => each.name).sort();
    assert.deepEqual(names, ["raft.lock", "raft.log.damaged-3", "raft.log.damaged-4", "raft.log.damaged-5"]);
  }));

Deno.test("a member that stops before it recovered from damage is not taken for a new one", () =>
  inDirectory(async (directory) => {
    await Deno.mkdir(directory);
    await Deno.writeTextFile(`${directory}/raft.log`, "not ours");
    assert.equal((await reopen(directory)).outcome, "damaged");
    const again = await reopen(directory);
    assert(again.outcome === "damaged");
    assert.match(again.detail, /is missing and raft.log.damaged-1 lies beside it/);
    await fill(directory);
    assert.equal((await reopen(directory)).outcome, "restored");
  }));

Deno.test("a file of another member is damage that says whose it is", () =>
  inDirectory(async (directory) => {
    await fill(directory);
    const storage = new FileStorage(directory, { member: "b", cluster: "test" });
    const opened = await storage.open();
    await storage.close();
    assert(opened.outcome === "damaged");
    assert.match(opened.detail, /it belongs to member "a" of cluster "test"; this is member "b"/);
  }));

Deno.test("a file left half made by a crash is ignored and removed", () =>
  inDirectory(async (directory) => {
    await fill(directory);
    await Deno.writeTextFile(`${directory}/raft.log.new`, "half");
    assert.equal((await reopen(directory)).outcome, "restored");
    await assert.rejects(Deno.stat(`${directory}/raft.log.new`), Deno.errors.NotFound);
  }));

Deno.test("a snapshot, and growth beyond a mebibyte, rewrite the file", () =>
  inDirectory(async (directory) => {
    const storage = new FileStorage(directory, OWNER);
    await storage.open();
    const size = async (): Promise<number> => (await Deno.stat(`${directory}/raft.log`)).size;
    const data = new Uint8Array(50_000);
    for (let index = 1; index <= 5; index++) await storage.write(batch({ entries: [{ index, term: 1, data }] }));
    assert(await size() > 250_000);
    await storage.write(batch({ snapshot: { index: 5, term: 1, data: Uint8Array.of(1) } }));
    assert(await size() < 100, "after the snapshot");
    for (let turn = 0; turn < 25; turn++) {
      await storage.write(batch({ truncateFrom: 6, entries: [{ index: 6, term: 1, data }] }));
      assert(await size() < 1_200_000, `turn ${turn}`);
    }
    assert(await size() < 400_000, "after growth");
    await storage.close();
    const opened = await reopen(directory);
    assert(opened.outcome === "restored");
    assert.deepEqual(opened.stored.entries, [{ index: 6, term: 1, data }]);
  }));

Deno.test("a write that fails is part of the next one that succeeds", () =>
  inDirectory(async (directory) => {
    await fill(directory);
    const storage = new FileStorage(directory, OWNER);
    await storage.open();
    // The rewrite that a snapshot causes cannot make its file here, as on a full disk.
    await Deno.mkdir(`${directory}/raft.log.new/occupied`, { recursive: true });
    const snapshot = { index: 1, term: 1, data: Uint8Array.of(4) };
    await assert.rejects(storage.write(batch({ snapshot })), (error) => {
      return error instanceof StorageError && error.operation === "write" && error.subject === `${directory}/raft.log`;
    });
    await assert.rejects(storage.write(batch({ entries: [entry(2, 2)] })), StorageError);
    await Deno.remove(`${directory}/raft.log.new`, { recursive: true });
    await storage.write(batch({}));
    await storage.close();
    const opened = await reopen(directory);
    assert(opened.outcome === "restored");
    assert.deepEqual(opened.stored, { hard: hard(2, "b"), snapshot, entries: [entry(2, 2)] });
  }));

Deno.test("a state directory that cannot be made is an error that names it", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(directory, "a file where the directory should be");
    const storage = new FileStorage(directory, OWNER);
    await assert.rejects(storage.open(), (error) => error instanceof StorageError && error.message.includes(directory));
    await storage.close();
  }));

Deno.test("another process cannot open the directory either", () =>
  inDirectory(async (directory) => {
    const storage = new FileStorage(directory, OWNER);
    await storage.open();
    const { success } = await new Deno.Command("flock", { args: ["-n", `${directory}/raft.lock`, "true"] }).output();
    assert.equal(success, false);
    await storage.close();
  }));
