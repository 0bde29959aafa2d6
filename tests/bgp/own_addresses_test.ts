import assert from "node:assert/strict";
import type { HostAddress } from "../../mod/bgp/next_hop.ts";
import { OwnAddresses } from "../../mod/bgp/own_addresses.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { ADDRESSES } from "./configs.ts";
import { recordedLog } from "./speaker_kit.ts";

/** A kernel that counts how often it is asked, and what is made of it. */
class Kernel {
  readonly clock = new VirtualClock();
  readonly lines: string[];
  readonly own: OwnAddresses;
  /** null: it does not say. */
  answer: readonly HostAddress[] | null = ADDRESSES;
  asked = 0;
  told = 0;

  constructor() {
    const { log, lines } = recordedLog();
    this.lines = lines;
    this.own = new OwnAddresses({
      read: () => this.#read(),
      clock: this.clock,
      log,
      onChange: () => {
        this.told++;
        this.own.current();
      },
    });
  }

  #read(): readonly HostAddress[] {
    this.asked++;
    if (this.answer === null) throw new Error("no buffer space available");
    return this.answer;
  }
}

Deno.test("a kernel that cannot answer leaves what was known, is asked again each second, and is told of once", async () => {
  const kernel = new Kernel();
  const { own, clock, lines } = kernel;
  assert.deepEqual(own.current(), ADDRESSES);
  await Promise.resolve();
  kernel.answer = null;
  assert.deepEqual(own.current(), ADDRESSES);
  for (let second = 0; second < 3; second++) {
    await Promise.resolve();
    clock.advance(1000);
  }
  assert.deepEqual([kernel.told, lines.length, clock.pending], [3, 1, 1]);
  await Promise.resolve();
  kernel.answer = [];
  clock.advance(1000);
  assert.deepEqual([kernel.told, clock.pending, own.current()], [4, 0, []]);
  await Promise.resolve();
  kernel.answer = null;
  own.current();
  assert.equal(lines.length, 2, "after an answer it is news again");
  own.stop();
  await Promise.resolve();
  own.current();
  own.changed();
  assert.deepEqual([clock.pending, kernel.told], [0, 4]);
});

Deno.test("within a turn the kernel is asked once, unless something has changed", async () => {
  const kernel = new Kernel();
  for (let i = 0; i < 100; i++) kernel.own.current();
  assert.equal(kernel.asked, 1);
  kernel.own.changed();
  assert.equal(kernel.asked, 2);
  await Promise.resolve();
  kernel.own.current();
  assert.equal(kernel.asked, 3);
  assert.equal(kernel.clock.pending, 0);
});

Deno.test("the first of many changes is told at once, the others together a little later", () => {
  const kernel = new Kernel();
  for (let i = 0; i < 1000; i++) kernel.own.changed();
  assert.equal(kernel.told, 1);
  kernel.clock.advance(100);
  assert.deepEqual([kernel.told, kernel.clock.pending], [2, 0]);
  kernel.clock.advance(100);
  kernel.own.changed();
  assert.deepEqual([kernel.told, kernel.clock.pending], [3, 0]);
});
