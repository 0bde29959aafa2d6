import assert from "node:assert/strict";
import { Fitness } from "../../../mod/election/raft/fitness.ts";

interface Bench {
  readonly fitness: Fitness;
  /** What it told the others. */
  readonly said: string[];
  readonly switches: { fit: boolean };
}

function bench(): Bench {
  const said: string[] = [];
  const switches = { fit: true };
  const fitness = new Fitness({
    self: "a",
    peers: ["b", "c"],
    now: 0,
    fit: () => switches.fit,
    say: (to, word) => said.push(`${to} ${word}`),
  });
  return { fitness, said, switches };
}

function run(fitness: Fitness, { fromMs, toMs }: { fromMs: number; toMs: number }): void {
  for (let now = fromMs; now < toMs; now += 50) fitness.tick(now);
}

Deno.test("a fit member says nothing, an unfit one says so twice a second, one that mends says so once", () => {
  const state = bench();
  run(state.fitness, { fromMs: 0, toMs: 1000 });
  assert.deepEqual(state.said, []);
  state.switches.fit = false;
  run(state.fitness, { fromMs: 1000, toMs: 2000 });
  assert.deepEqual(state.said, ["b unfit", "c unfit", "b unfit", "c unfit"]);
  assert.deepEqual([...state.fitness.unfit(2000)], ["a"]);
  state.switches.fit = true;
  run(state.fitness, { fromMs: 2000, toMs: 4000 });
  assert.deepEqual(state.said.slice(4), ["b fit", "c fit"]);
  assert.ok(state.fitness.isFit);
});

Deno.test("a peer that turns up, for the first time or again, hears at once that this member is unfit", () => {
  const { fitness, said, switches } = bench();
  fitness.met(0, "b");
  switches.fit = false;
  fitness.tick(100);
  said.length = 0;
  for (const now of [110, 120, 500]) fitness.met(now, "b");
  assert.deepEqual(said, [], "it was there when this was said");
  for (const now of [510, 520]) fitness.met(now, "c");
  fitness.met(1000, "b");
  fitness.met(1010, "mallory");
  assert.deepEqual(said, ["c unfit", "b unfit"]);
});

Deno.test("a peer that turns up is no successor before it can have spoken", () => {
  const { fitness, switches } = bench();
  switches.fit = false;
  fitness.tick(2000);
  fitness.met(2000, "b");
  const named = (now: number): string | null => fitness.successor(now, () => ["b"]);
  assert.deepEqual([named(2000), named(2049), named(2050)], [null, null, "b"]);
});

Deno.test("what a peer says is believed until it says otherwise, or for three seconds; strangers are not kept", () => {
  const { fitness } = bench();
  fitness.heard(0, "b", "unfit");
  fitness.heard(0, "c", "unfit");
  fitness.heard(0, "mallory", "unfit");
  fitness.heard(1, "c", "fit");
  assert.deepEqual([...fitness.unfit(2999)], ["b"]);
  assert.deepEqual([...fitness.unfit(3000)], []);
});

Deno.test("only an unfit member names a successor: a fit one, once it may know all, and once a second", () => {
  const state = bench();
  const { fitness } = state;
  const named = (now: number): string | null => fitness.successor(now, () => ["b", "c"]);
  run(fitness, { fromMs: 0, toMs: 100 });
  assert.equal(named(5000), null, "it is fit");
  state.switches.fit = false;
  fitness.tick(100);
  assert.equal(named(999), null, "the others may not have spoken yet");
  fitness.heard(1000, "b", "unfit");
  assert.deepEqual([named(1000), named(1999), named(2000)], ["c", null, "c"]);
  fitness.heard(2500, "c", "unfit");
  assert.equal(named(3000), null, "nobody is better");
  fitness.heard(3100, "b", "fit");
  assert.equal(named(3100), "b");
});
