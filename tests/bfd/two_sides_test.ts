import assert from "node:assert/strict";
import type { Random } from "../../mod/base/clock.ts";
import type { BfdConfig, BfdState } from "../../mod/bfd/types.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";
import { type Side, TwoSides, type Way } from "./two_sides.ts";

const SEEDS = 1000;
const DELAY_MS = 8;
/** One slow interval, and a handshake of three packets. */
const COME_UP_MS = 1000 + 3 * DELAY_MS;
/** Before that, a side that believes itself up may have to find out that the other is not: three slow intervals. */
const SETTLE_MS = 3000 + COME_UP_MS;

function randomConfig(random: Random): BfdConfig {
  const pick = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  return { desiredTxMs: pick(20, 400), requiredRxMs: pick(20, 400), multiplier: pick(2, 6) };
}

/** A run with a seed of its own; what goes wrong names the seed. */
function eachSeed(body: (model: TwoSides, random: Random) => void): void {
  const first = seedFromEnv(1);
  const count = Deno.env.get("SEED") === undefined ? SEEDS : 1;
  for (let seed = first; seed < first + count; seed++) {
    const random = seededRandom(seed);
    const way: Way = { open: true, loss: 0, delayMs: DELAY_MS };
    const model = new TwoSides(random, { left: randomConfig(random), right: randomConfig(random) }, way);
    try {
      body(model, random);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error}`, { cause: error });
    }
  }
}

function states(model: TwoSides): BfdState[] {
  return model.sides.map(({ session }) => session.state);
}

function expectBoth(model: TwoSides, state: BfdState, what: string): void {
  assert.deepEqual(states(model), [state, state], what);
}

/** Lets the model run and gives the moment of a side's first change to a state since then. */
function firstChange(side: Side, state: BfdState, sinceMs: number): number {
  const found = side.changes.find(({ atMs, change }) => atMs >= sinceMs && change.state === state);
  assert.ok(found !== undefined, `a change to ${state}`);
  return found.atMs;
}

/** Everything that hears nothing is down after the detection time, and not before. */
function expectDetection(side: Side, { cutMs, detectionMs }: { cutMs: number; detectionMs: number }): void {
  const took = firstChange(side, "down", cutMs) - cutMs;
  // The last packet left at most one interval before the cut, and arrived at most one delay after it.
  const least = detectionMs - detectionMs / 2 - DELAY_MS;
  assert.ok(took >= least && took <= detectionMs + DELAY_MS, `down after ${took} ms, detection time ${detectionMs}`);
}

Deno.test("both sides come up, and stay up as long as packets arrive", () => {
  eachSeed((model) => {
    model.run(COME_UP_MS);
    expectBoth(model, "up", "come up");
    model.run(2000);
    for (const { changes } of model.sides) assert.equal(changes.at(-1)?.change.state, "up");
    for (const { changes } of model.sides) assert.ok(changes.length <= 2, "no flap");
  });
});

Deno.test("both sides come up over a path that loses every fourth packet", () => {
  eachSeed((model) => {
    for (const { way } of model.sides) way.loss = 0.25;
    model.run(6000);
    for (const { way } of model.sides) way.loss = 0;
    model.run(SETTLE_MS);
    expectBoth(model, "up", "after the losses");
  });
});

Deno.test("a cut is found by both sides within the detection time, and they are up again soon after it is mended", () => {
  eachSeed((model, random) => {
    model.run(COME_UP_MS + 1500 + 500 * random());
    expectBoth(model, "up", "come up");
    const detections = model.sides.map(({ session }) => session.detectionMs);
    const cutMs = model.nowMs;
    for (const { way } of model.sides) way.open = false;
    model.run(Math.max(...detections) + DELAY_MS + 1);
    for (const [index, side] of model.sides.entries()) {
      expectDetection(side, { cutMs, detectionMs: detections[index] ?? 0 });
    }
    model.run(5000 * random());
    for (const { way } of model.sides) way.open = true;
    model.run(COME_UP_MS);
    expectBoth(model, "up", "mended");
  });
});

Deno.test("with one direction dead, neither side is ever up", () => {
  eachSeed((model, random) => {
    const deaf = model.sides[random() < 0.5 ? 0 : 1];
    deaf.way.open = false;
    model.run(10_000);
    for (const { changes } of model.sides) assert.ok(changes.every(({ change }) => change.state !== "up"));
  });
});

Deno.test("when one direction dies, both sides are down within the detection time of the deaf one and stay down", () => {
  eachSeed((model, random) => {
    model.run(COME_UP_MS + 1500);
    const deaf = model.sides[random() < 0.5 ? 0 : 1];
    const limit = deaf.session.detectionMs + 2 * DELAY_MS + 1;
    deaf.way.open = false;
    const cutMs = model.nowMs;
    model.run(limit);
    for (const side of model.sides) firstChange(side, "down", cutMs);
    const seen = model.sides.map(({ changes }) => changes.length);
    model.run(5000);
    for (const [index, { changes }] of model.sides.entries()) {
      assert.ok(changes.slice(seen[index]).every(({ change }) => change.state !== "up"));
    }
  });
});

Deno.test("a side that starts again with another discriminator is up again within a handshake", () => {
  eachSeed((model, random) => {
    model.run(COME_UP_MS + 1500 * random());
    model.restart(model.sides[random() < 0.5 ? 0 : 1]);
    model.run(4 * DELAY_MS + 1);
    expectBoth(model, "up", "restarted");
    model.run(3000);
    expectBoth(model, "up", "and stays up");
  });
});

Deno.test("a side that stops is told from one that fails", () => {
  eachSeed((model) => {
    model.run(COME_UP_MS + 500);
    model.stop(model.left);
    model.run(DELAY_MS + 10_000);
    assert.deepEqual(model.right.changes.at(-1)?.change, {
      state: "down",
      why: "the other side has been shut down",
      remoteAdminDown: true,
    });
  });
});

Deno.test("no side sends faster than both have agreed, nor slower once it is up", () => {
  eachSeed((model) => {
    model.run(COME_UP_MS + 1000);
    const sinceMs = model.nowMs;
    model.run(2000);
    for (const [index, { sent, config }] of model.sides.entries()) {
      const other = model.sides[1 - index];
      const intervalMs = Math.max(config.desiredTxMs, other?.config.requiredRxMs ?? 0);
      const moments = sent.filter(({ atMs, packet }) => atMs >= sinceMs && !packet.final).map(({ atMs }) => atMs);
      assert.ok(moments.length >= 4, "packets to look at");
      for (const [at, moment] of moments.slice(1).entries()) {
        const gap = moment - (moments[at] ?? 0);
        assert.ok(gap >= 0.75 * intervalMs - 1e-6 && gap <= intervalMs + 1e-6, `${gap} of ${intervalMs} ms`);
      }
    }
  });
});
