import assert from "node:assert/strict";
import { Child } from "./child.ts";
import { formatTick, parseTick } from "./stall_probe.ts";
import { Stalls } from "./stalls.ts";
import { sharedNow, sleep } from "./time.ts";
import { privileged } from "../fakes/privileges.ts";
import { Network } from "./network.ts";
import { station } from "./plan.ts";

const STOPPED_MS = 200;

Deno.test("a tick and its line are the same in both directions, and other lines are none", () => {
  assert.equal(formatTick({ atMs: 12.5, lateMs: 0 }), "t 12.50 0.00");
  assert.deepEqual(parseTick("t 12.50 30.25"), { atMs: 12.5, lateMs: 30.25 });
  for (const line of ["", "t 1", "s 4 0 1.00", "t 1 x"]) assert.equal(parseTick(line), null, line);
});

privileged("a processor that nobody gets for a while is noticed, whichever it is, and when", async () => {
  const network = Network.create();
  const children: Child[] = [];
  try {
    const machine = network.connect(station("a", 1));
    const lab = {
      run: (at: typeof machine, name: string, argv: readonly string[], onLine: (line: string) => void): Child => {
        const child = Child.start(argv, { name, inside: at.inside, onLine });
        children.push(child);
        return child;
      },
    };
    const stalls = await Stalls.start(lab, machine);
    for (const child of children) {
      const sinceMs = sharedNow();
      child.signal("SIGSTOP");
      await sleep(STOPPED_MS);
      child.signal("SIGCONT");
      const seenMs = await stalls.longestMs(sinceMs);
      assert.ok(seenMs > STOPPED_MS / 2, `${seenMs} ms`);
      const afterMs = sharedNow();
      assert.ok(await stalls.longestMs(afterMs) < seenMs, "what is over is over");
    }
  } finally {
    await Promise.all(children.map((child) => child.stop("SIGKILL")));
    network.close();
  }
});
