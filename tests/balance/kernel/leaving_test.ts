import assert from "node:assert/strict";
import { backendName } from "../../../mod/balance/kernel/connections.ts";
import { Leaving } from "../../../mod/balance/kernel/leaving.ts";
import { VirtualClock } from "../../fakes/clock.ts";

const LOOK_MS = 2000;

function backend(host: number): { address: string; port: number; weight: number; usable: boolean } {
  return { address: `10.0.0.${host}`, port: 80, weight: 1, usable: true };
}

class Kit {
  readonly clock = new VirtualClock();
  live: Map<string, number> | null = new Map();
  readonly gone: string[] = [];
  readonly crowded: string[] = [];
  readonly leaving = new Leaving({
    clock: this.clock,
    count: () => Promise.resolve(this.live),
    onGone: (names) => void this.gone.push(...names),
    onCrowded: (names) => void this.crowded.push(...names),
  });

  get hosts(): string[] {
    return this.leaving.list().map(({ address }) => address);
  }

  async look(): Promise<void> {
    this.clock.advance(LOOK_MS);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
}

Deno.test("who leaves stays as long as it has connections, and gets none", async () => {
  const kit = new Kit();
  kit.live = new Map([[backendName("10.0.0.1", 80), 2]]);
  kit.leaving.change([backend(1), backend(2), backend(3)], [backend(3)]);
  assert.deepEqual(kit.leaving.list().map(({ address, usable }) => [address, usable]), [
    ["10.0.0.1", false],
    ["10.0.0.2", false],
  ]);
  await kit.look();
  assert.deepEqual([kit.hosts, kit.gone], [["10.0.0.1"], [backendName("10.0.0.2", 80)]]);
  assert.deepEqual(kit.crowded, []);
  kit.live = null;
  await kit.look();
  assert.deepEqual(kit.hosts, ["10.0.0.1"], "what cannot be counted is kept");
  kit.live = new Map();
  await kit.look();
  assert.deepEqual(kit.hosts, []);
  assert.equal(kit.clock.pending, 0, "nobody looks any more");
});

Deno.test("who is configured again does not leave", async () => {
  const kit = new Kit();
  kit.leaving.change([backend(1)], []);
  kit.leaving.change([{ ...backend(1), usable: false }], [backend(1)]);
  assert.deepEqual([kit.hosts, kit.gone], [[], []]);
  await kit.look();
  assert.equal(kit.clock.pending, 0);
});

Deno.test("of too many the first go, with what they have", () => {
  const kit = new Kit();
  kit.leaving.change(Array.from({ length: 70 }, (_, host) => backend(host)), []);
  assert.equal(kit.hosts.length, 64);
  assert.equal(kit.gone[0], backendName("10.0.0.0", 80));
  assert.equal(kit.gone.length, 6);
  assert.deepEqual(kit.crowded, kit.gone);
});

Deno.test("nothing is looked at after a stop", async () => {
  const kit = new Kit();
  kit.leaving.change([backend(1)], []);
  await kit.leaving.stop();
  assert.equal(kit.clock.pending, 0);
  kit.leaving.change([backend(2)], []);
  assert.equal(kit.clock.pending, 0);
});
