import assert from "node:assert/strict";
import { StateLock, StateLockError } from "../../mod/agent/state_lock.ts";

Deno.test("a directory serves one agent at a time, and is made if it is missing", async () => {
  const parent = await Deno.makeTempDir();
  const directory = `${parent}/state`;
  const first = StateLock.take(directory);
  assert.equal((Deno.statSync(directory).mode ?? 0) & 0o777, 0o700);
  assert.throws(
    () => StateLock.take(directory),
    (error: unknown) => error instanceof StateLockError && error.message.includes(directory),
  );
  first.release();
  first.release();
  StateLock.take(directory).release();
  await Deno.remove(parent, { recursive: true });
});

Deno.test("a directory that cannot be made is named", () => {
  assert.throws(() => StateLock.take("/proc/nowhere/state"), /Cannot use stateDir "\/proc\/nowhere\/state"/);
});
