import assert from "node:assert/strict";
import { PeerWatch } from "../../../mod/election/raft/peer_watch.ts";
import { TIMING } from "../../fakes/raft_cluster.ts";

const NOBODY: ReadonlySet<string> = new Set();

/** Hears `id` every 50 ms from one moment to another. */
function hear(watch: PeerWatch, id: string, { fromMs, toMs }: { fromMs: number; toMs: number }): void {
  for (let now = fromMs; now <= toMs; now += 50) watch.heard(now, id);
}

Deno.test("a peer counts after it was heard for two elections, and until it is silent for a lease", () => {
  const watch = new PeerWatch(["b", "c"], TIMING);
  assert.deepEqual(watch.live(0, NOBODY), []);
  hear(watch, "b", { fromMs: 0, toMs: 650 });
  assert.deepEqual(watch.live(699, NOBODY), []);
  hear(watch, "b", { fromMs: 700, toMs: 1000 });
  assert.deepEqual(watch.live(1000, NOBODY), ["b"]);
  assert.deepEqual(watch.live(1200, NOBODY), ["b"]);
  assert.deepEqual(watch.live(1201, NOBODY), []);
  watch.heard(1300, "b");
  assert.deepEqual(watch.live(1300, NOBODY), [], "it has to be there for a while again");
});

Deno.test("a peer that holds something counts as soon as it is heard", () => {
  const watch = new PeerWatch(["b"], TIMING);
  watch.heard(5, "b");
  assert.deepEqual(watch.live(5, new Set(["b"])), ["b"]);
});

Deno.test("a peer that says it leaves does not count for five seconds, though it is heard", () => {
  const watch = new PeerWatch(["b"], TIMING);
  hear(watch, "b", { fromMs: 0, toMs: 1000 });
  watch.leaving(1000, "b");
  hear(watch, "b", { fromMs: 1050, toMs: 6000 });
  assert.equal(watch.mayReturn(1000, "b"), false);
  assert.deepEqual(watch.live(5999, new Set(["b"])), []);
  assert.deepEqual(watch.live(6000, NOBODY), ["b"]);
  assert.equal(watch.mayReturn(6000, "b"), true);
});

Deno.test("a peer that left and came back counts again, as any that was away", () => {
  const watch = new PeerWatch(["b"], TIMING);
  hear(watch, "b", { fromMs: 0, toMs: 1000 });
  watch.leaving(1000, "b");
  hear(watch, "b", { fromMs: 1050, toMs: 1100 });
  assert.deepEqual(watch.live(1100, new Set(["b"])), []);
  hear(watch, "b", { fromMs: 1500, toMs: 1700 });
  assert.equal(watch.mayReturn(1700, "b"), true);
  assert.deepEqual(watch.live(1700, new Set(["b"])), ["b"]);
  assert.deepEqual(watch.live(1700, NOBODY), []);
});

Deno.test("silence is counted from the last word; strangers are not kept", () => {
  const watch = new PeerWatch(["b"], TIMING);
  assert.equal(watch.silentMs(10, "b"), null);
  watch.heard(10, "b");
  watch.heard(10, "mallory");
  watch.leaving(10, "mallory");
  assert.equal(watch.silentMs(25, "b"), 15);
  assert.equal(watch.silentMs(25, "mallory"), null);
  assert.equal(watch.mayReturn(25, "mallory"), false);
});
