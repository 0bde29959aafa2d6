import assert from "node:assert/strict";
import { stopInOrder } from "../../mod/agent/orderly_stop.ts";
import type { Log } from "../../mod/observe/log.ts";
import { VirtualClock } from "../fakes/clock.ts";

Deno.test("every part is stopped in its turn, also after one that fails and one that hangs", async () => {
  const clock = new VirtualClock();
  const done: string[] = [];
  const said: string[] = [];
  const log: Log = {
    debug: () => {},
    info: () => {},
    warning: () => {},
    error: (_message, properties) => void said.push(String(properties?.["what"])),
  };
  const hangs = Promise.withResolvers<void>();
  const stopped = stopInOrder([
    ["one", () => void done.push("one")],
    ["bad", () => {
      throw new Error("no");
    }],
    ["stuck", () => hangs.promise],
    ["last", () => Promise.resolve(void done.push("last"))],
  ], { clock, log });
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  assert.deepEqual(done, ["one"]);
  clock.advance(10_000);
  await stopped;
  assert.deepEqual(done, ["one", "last"]);
  assert.deepEqual(said, ["bad", "stuck"]);
  hangs.resolve();
});
