import assert from "node:assert/strict";
import { DeadlineNode, Deadlines } from "../../../mod/balance/user/deadlines.ts";
import { seededRandom } from "../../fakes/random.ts";

class Probe extends DeadlineNode {
  readonly fired: number[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    super();
    this.#now = now;
  }

  override expire(): void {
    this.fired.push(this.#now());
  }
}

/** A wheel and the time that passes by its own account: it is run when it says so. */
class Bench {
  nowMs: number;
  readonly deadlines: Deadlines;
  runs = 0;

  constructor(startMs = 1234.5) {
    this.nowMs = startMs;
    this.deadlines = new Deadlines(startMs);
  }

  probe(): Probe {
    return new Probe(() => this.nowMs);
  }

  until(endMs: number): void {
    for (;;) {
      const waitMs = this.deadlines.waitMs(this.nowMs);
      if (waitMs < 0 || this.nowMs + waitMs > endMs) break;
      this.nowMs += waitMs;
      this.deadlines.run(this.nowMs);
      assert.ok(++this.runs < 100_000, "it must get on");
    }
    this.nowMs = endMs;
  }
}

/** The lateness that is promised: an eighth, 100 ms at most; 2 ms is what whole milliseconds cost. */
function latestMs(delayMs: number): number {
  return Math.max(2, Math.min(100, delayMs / 8));
}

Deno.test("every delay is kept: never early, late by an eighth at most", () => {
  for (const delayMs of [0, 0.2, 1, 7, 63, 64, 65, 500, 511, 512, 513, 1000, 5000, 65_000, 70_000, 300_000]) {
    const bench = new Bench();
    const probe = bench.probe();
    const fromMs = bench.nowMs;
    bench.deadlines.set(probe, fromMs, delayMs);
    bench.until(fromMs + delayMs + 200);
    assert.equal(probe.fired.length, 1, `${delayMs} ms`);
    const tookMs = (probe.fired[0] ?? NaN) - fromMs;
    assert.ok(tookMs >= delayMs && tookMs <= delayMs + latestMs(delayMs), `${delayMs} ms took ${tookMs}`);
    assert.equal(bench.deadlines.waitMs(bench.nowMs), -1, "nothing is left");
  }
});

Deno.test("a deadline that moves away again and again fires once, and costs few looks", () => {
  const bench = new Bench();
  const probe = bench.probe();
  for (let n = 0; n < 1000; n++) {
    bench.deadlines.set(probe, bench.nowMs, 10_000);
    bench.until(bench.nowMs + 100);
  }
  assert.deepEqual(probe.fired, []);
  assert.ok(bench.runs < 30, `${bench.runs} looks in 100 s`);
  const lastMs = bench.nowMs;
  bench.until(lastMs + 10_200);
  assert.equal(probe.fired.length, 1);
  assert.ok((probe.fired[0] ?? 0) >= lastMs + 9_900);
});

Deno.test("a deadline that moves nearer fires at the nearer time", () => {
  const bench = new Bench();
  const probe = bench.probe();
  bench.deadlines.set(probe, bench.nowMs, 60_000);
  bench.deadlines.set(probe, bench.nowMs, 100);
  const fromMs = bench.nowMs;
  bench.until(fromMs + 61_000);
  assert.equal(probe.fired.length, 1);
  assert.ok((probe.fired[0] ?? Infinity) <= fromMs + 100 + latestMs(100));
});

Deno.test("one that is taken back does not fire, also among those that are due at once", () => {
  const bench = new Bench();
  const [first, second, third] = [bench.probe(), bench.probe(), bench.probe()];
  for (const probe of [first, second, third]) bench.deadlines.set(probe, bench.nowMs, 50);
  first.expire = () => {
    bench.deadlines.remove(second);
    first.fired.push(bench.nowMs);
    bench.deadlines.set(first, bench.nowMs, 50);
  };
  bench.until(bench.nowMs + 75);
  assert.deepEqual([first.fired.length, second.fired.length, third.fired.length], [1, 0, 1]);
  bench.until(bench.nowMs + 60);
  assert.equal(first.fired.length, 2, "and it may be set anew from within");
});

Deno.test("nothing to do is no reason to wake", () => {
  const bench = new Bench();
  assert.equal(bench.deadlines.waitMs(bench.nowMs), -1);
  const probe = bench.probe();
  bench.deadlines.set(probe, bench.nowMs, 1000);
  bench.deadlines.remove(probe);
  bench.until(bench.nowMs + 5000);
  assert.ok(bench.runs <= 1, "at most the look that was planned");
  assert.equal(bench.deadlines.waitMs(bench.nowMs), -1);
});

Deno.test("many deadlines at random keep what is promised", () => {
  const seed = 99;
  const random = seededRandom(seed);
  const bench = new Bench(5e6 + 0.25);
  const set = new Map<Probe, { atMs: number; delayMs: number }>();
  let fired = 0;
  for (let step = 0; step < 4000; step++) {
    const known = [...set.keys()];
    const again = known[Math.floor(random() * known.length * 3)];
    const probe = again ?? bench.probe();
    const delayMs = random() < 0.5 ? random() * 400 : random() * 20_000;
    bench.deadlines.set(probe, bench.nowMs, delayMs);
    set.set(probe, { atMs: bench.nowMs + delayMs, delayMs });
    if (random() < 0.2 && again !== undefined) {
      bench.deadlines.remove(probe);
      set.delete(probe);
    }
    bench.until(bench.nowMs + random() * 20);
    for (const [one, { atMs, delayMs }] of set) {
      const at = one.fired.pop();
      if (at === undefined) {
        assert.ok(bench.nowMs <= atMs + latestMs(delayMs) + 1, `seed ${seed}, step ${step}: overdue`);
        continue;
      }
      assert.ok(at >= atMs && at <= atMs + latestMs(delayMs) + 1, `seed ${seed}, step ${step}: ${at - atMs} ms late`);
      set.delete(one);
      fired++;
    }
  }
  assert.ok(fired > 1000, `${fired} fired`);
});
