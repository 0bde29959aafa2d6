import assert from "node:assert/strict";
import type { GivenAddress } from "../../mod/config/manager/types.ts";
import { NameWatch, type NameWatchOptions, type WatchedAddress } from "../../mod/names/resolver.ts";
import { VirtualClock } from "../fakes/clock.ts";

const NAME: GivenAddress = { is: "name", host: "vip.test" };
const LITERAL: GivenAddress = { is: "ip", ip: "fd00::1" };

/** What the next lookups give: addresses, a reason, or nothing until {@link Bench.release}. */
type Answer = readonly string[] | Error | "hangs";

class Bench {
  readonly clock = new VirtualClock();
  readonly asked: string[] = [];
  readonly changes: string[] = [];
  readonly #waiting: ((answer: readonly string[]) => void)[] = [];
  answer: Answer = ["10.0.0.9"];
  readonly watch: NameWatch;

  constructor(addresses: readonly GivenAddress[], change: Partial<NameWatchOptions> = {}) {
    this.watch = new NameWatch({
      addresses,
      dnsMode: "first",
      prefixLengths: { v4: 24, v6: 64 },
      lookup: (host) => this.#lookup(host),
      clock: this.clock,
      onChange: (current) => void this.changes.push(shown(current)),
      ...change,
    });
  }

  /** Ends every lookup that hangs. */
  release(answer: readonly string[]): void {
    for (const end of this.#waiting.splice(0)) end(answer);
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }

  #lookup(host: string): Promise<readonly string[]> {
    this.asked.push(host);
    if (this.answer === "hangs") return new Promise((resolve) => void this.#waiting.push(resolve));
    return this.answer instanceof Error ? Promise.reject(this.answer) : Promise.resolve(this.answer);
  }
}

/** Everything that is ready to run has run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

function shown(current: readonly WatchedAddress[]): string {
  return current.map(({ ip, prefixLength }) => `${ip}/${prefixLength}`).join(" ");
}

Deno.test("addresses pass through, and without names nothing runs", () => {
  const { watch, clock, asked } = new Bench([LITERAL, { is: "ip", ip: "10.0.0.9" }, LITERAL]);
  watch.start();
  assert.equal(shown(watch.current()), "fd00::1/64 10.0.0.9/24");
  assert.equal(watch.trouble(), null);
  assert.deepEqual([clock.pending, asked.length], [0, 0]);
  watch.close();
});

Deno.test("a name is looked up at once and every three seconds, and its address stands where the name stood", async () => {
  const bench = new Bench([NAME, LITERAL, { is: "ip", ip: "10.0.0.9" }]);
  assert.match(bench.watch.trouble() ?? "", /^vip\.test was not looked up yet/);
  bench.watch.start();
  await bench.advance(0);
  assert.equal(shown(bench.watch.current()), "10.0.0.9/24 fd00::1/64");
  assert.equal(bench.watch.trouble(), null);
  bench.answer = ["10.0.0.10"];
  await bench.advance(2999);
  assert.equal(bench.asked.length, 1);
  await bench.advance(1);
  await bench.advance(3000);
  await bench.advance(3000);
  assert.deepEqual(bench.changes, [
    "10.0.0.9/24 fd00::1/64",
    "10.0.0.9/24 10.0.0.10/24 fd00::1/64",
    "10.0.0.10/24 fd00::1/64 10.0.0.9/24",
  ]);
  bench.watch.close();
  assert.equal(bench.clock.pending, 0);
});

Deno.test("a name that cannot be looked up keeps its addresses; at the start it is tried on", async () => {
  const bench = new Bench([NAME]);
  bench.answer = new Error("on purpose");
  bench.watch.start();
  await bench.advance(0);
  assert.deepEqual(bench.watch.current(), []);
  assert.equal(bench.watch.trouble(), "vip.test could not be looked up: on purpose");
  bench.answer = ["127.0.0.1"];
  await bench.advance(3000);
  assert.match(bench.watch.trouble() ?? "", /^vip\.test has no address that other machines can reach/);
  bench.answer = ["10.0.0.9"];
  await bench.advance(3000);
  assert.equal(bench.watch.trouble(), null);
  bench.answer = new Error("on purpose");
  for (let round = 0; round < 10; round++) await bench.advance(3000);
  assert.deepEqual(bench.changes, ["10.0.0.9/24"]);
  assert.notEqual(bench.watch.trouble(), null);
  bench.watch.close();
});

Deno.test("a lookup that hangs is given up, not repeated while it hangs, and its late answer counts for nothing", async () => {
  const bench = new Bench([NAME]);
  bench.answer = "hangs";
  bench.watch.start();
  await bench.advance(2500);
  assert.equal(bench.watch.trouble(), "vip.test was not answered for within 2500 ms");
  await bench.advance(30_000);
  assert.equal(bench.asked.length, 1);
  bench.release(["10.0.0.9"]);
  await settled();
  assert.deepEqual(bench.watch.current(), []);
  bench.answer = ["10.0.0.10"];
  await bench.advance(3000);
  assert.equal(shown(bench.watch.current()), "10.0.0.10/24");
  bench.watch.close();
});

Deno.test("after closing nobody is told anything", async () => {
  const bench = new Bench([NAME]);
  bench.answer = "hangs";
  bench.watch.start();
  bench.watch.close();
  bench.release(["10.0.0.9"]);
  await settled();
  bench.watch.start();
  await bench.advance(10_000);
  assert.deepEqual([bench.changes, bench.asked.length, bench.clock.pending], [[], 1, 0]);
});

Deno.test("both families are given where that is wanted, and one alone is a problem where both are required", async () => {
  const bench = new Bench([NAME], { dnsMode: "dual" });
  bench.answer = ["fd00::9", "10.0.0.9"];
  bench.watch.start();
  await bench.advance(0);
  assert.equal(shown(bench.watch.current()), "10.0.0.9/24 fd00::9/64");
  bench.watch.close();
  const strict = new Bench([NAME], { dnsMode: "dual", dualRequired: true });
  strict.watch.start();
  await strict.advance(0);
  assert.match(strict.watch.trouble() ?? "", /both are required/);
  strict.watch.close();
});
