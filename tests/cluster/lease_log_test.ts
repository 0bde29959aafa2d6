import assert from "node:assert/strict";
import { type Answered, type LeaseMoment, wrongs } from "./lease_log.ts";

const ours = (node: string): boolean => node.startsWith("ours");

function held(holder: string, atMs: number): LeaseMoment {
  return { holder, atMs, durationMs: holder === "" ? 1000 : 5000 };
}

function answers(node: string, fromMs: number, untilMs: number): Answered[] {
  return Array.from({ length: (untilMs - fromMs) / 100 + 1 }, (_, index) => ({ node, atMs: fromMs + index * 100 }));
}

Deno.test("a node that answers while another holds the Lease is found, unless it is a stranger", () => {
  const moments = [held("ours1", 0), held("theirs", 6000)];
  assert.deepEqual(wrongs(moments, answers("ours1", 0, 5900), ours), []);
  assert.deepEqual(wrongs(moments, answers("ours1", 0, 6500), ours), [
    "ours1 answered while theirs held the Lease: 6 times in 500 ms",
  ]);
  assert.deepEqual(wrongs([held("theirs", 0), held("ours1", 6000)], answers("theirs", 0, 9000), ours), []);
});

Deno.test("a node may answer a little before a server tells that it holds", () => {
  const moments = [held("theirs", 0), held("ours1", 6000)];
  assert.deepEqual(wrongs(moments, answers("ours1", 5800, 7000), ours), []);
  assert.equal(wrongs(moments, answers("ours1", 5600, 7000), ours).length, 1);
});

Deno.test("a Lease that is taken before its record has run out is found, a released one may be taken at once", () => {
  assert.deepEqual(wrongs([held("theirs", 0), held("theirs", 2000), held("ours1", 6000)], [], ours), [
    "ours1 took the Lease of theirs 4000 ms after it was renewed",
  ]);
  assert.deepEqual(wrongs([held("theirs", 0), held("theirs", 2000), held("ours1", 7000)], [], ours), []);
  assert.deepEqual(wrongs([held("theirs", 0), held("", 1000), held("ours1", 1010)], [], ours), []);
  assert.deepEqual(wrongs([held("ours1", 0), held("theirs", 1000)], [], ours), []);
});
