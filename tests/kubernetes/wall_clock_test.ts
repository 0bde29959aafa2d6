import assert from "node:assert/strict";
import { privileged } from "../fakes/privileges.ts";
import { Child } from "../lab/child.ts";
import { forgetClock, missingClock, WallClock } from "./wall_clock.ts";

const HOUR_MS = 3_600_000;
const LIMIT_MS = 10_000;
/** Says on request what both clocks show. */
const PROGRAM =
  `for await (const _ of Deno.stdin.readable) console.log("wall", Date.now(), "monotonic", performance.now());`;

/** How much faster the child's clocks went than ours since `before`, milliseconds. */
interface Reading {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

async function read(child: Child): Promise<Reading> {
  const from = child.log.length;
  await child.write("?\n");
  const line = await child.waitForLine("wall", { limitMs: LIMIT_MS, from });
  const [, wall, , monotonic] = line.split(" ").map(Number);
  assert.ok(wall !== undefined && monotonic !== undefined);
  return { wallMs: wall - Date.now(), monotonicMs: monotonic - performance.now() };
}

function close(actualMs: number, expectedMs: number): void {
  assert.ok(Math.abs(actualMs - expectedMs) < 1000, `${actualMs} ms is about ${expectedMs} ms`);
}

async function stepped(): Promise<void> {
  const directory = await Deno.makeTempDir();
  const clock = new WallClock(`${directory}/clock`);
  const child = Child.start([Deno.execPath(), "eval", PROGRAM], {
    name: "a program with a clock of its own",
    inside: (action) => action(),
    env: { ...clock.env },
  });
  try {
    const before = await read(child);
    close(before.wallMs, 0);
    for (const byMs of [HOUR_MS, -HOUR_MS, 0]) {
      clock.set(byMs);
      const after = await read(child);
      close(after.wallMs, byMs);
      close(after.monotonicMs, before.monotonicMs);
    }
  } finally {
    await child.stop("SIGKILL");
    forgetClock(child.pid);
    await Deno.remove(directory, { recursive: true });
  }
  assert.deepEqual([...Deno.readDirSync("/dev/shm")].filter(({ name }) => name.endsWith(`_${child.pid}`)), []);
}

if (missingClock === null) {
  privileged("a process sees its wall clock stepped by an hour, its monotonic clock goes on", stepped);
} else {
  Deno.test({
    name: `a process sees its wall clock stepped by an hour [skipped: ${missingClock}]`,
    ignore: Deno.env.get("CI") !== "true",
    fn: () => assert.fail(missingClock ?? ""),
  });
}
