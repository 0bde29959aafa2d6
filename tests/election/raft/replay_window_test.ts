import assert from "node:assert/strict";
import { ReplayWindow, WINDOW_WIDTH } from "../../../mod/election/raft/replay_window.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";

Deno.test("numbers are fresh once, out of order within the window, and never below it", () => {
  const table: readonly [sequence: number, fresh: boolean][] = [
    [5, false],
    [4, false],
    [6, true],
    [6, false],
    [8, true],
    [7, true],
    [7, false],
    [8 + WINDOW_WIDTH - 1, true],
    [8, false],
    [9, true],
    [8 + WINDOW_WIDTH, true],
    [10, true],
    [8 + WINDOW_WIDTH + 1, true],
    [10, false],
    [9, false],
    [11, true],
    [2 ** 53 - 1, true],
    [2 ** 53 - 2, true],
    [2 ** 53 - 1 - WINDOW_WIDTH, false],
    [2 ** 53 - WINDOW_WIDTH, true],
    [1, false],
  ];
  const window = new ReplayWindow(5);
  for (const [sequence, fresh] of table) {
    assert.equal(window.isFresh(sequence), fresh, String(sequence));
    if (fresh) window.mark(sequence);
  }
});

Deno.test("it agrees with a plain set over 20,000 random arrivals", () => {
  const seed = seedFromEnv(3);
  const random = seededRandom(seed);
  const window = new ReplayWindow(0);
  const seen = new Set<number>();
  let highest = 0;
  let accepted = 0;
  for (let turn = 0; turn < 20_000; turn++) {
    const sequence = Math.max(0, highest + Math.floor((random() - 0.6) * 100));
    const expected = sequence > 0 && !seen.has(sequence) && sequence > highest - WINDOW_WIDTH;
    assert.equal(window.isFresh(sequence), expected, `seed ${seed}, turn ${turn}`);
    if (!expected) continue;
    accepted++;
    window.mark(sequence);
    seen.add(sequence);
    highest = Math.max(highest, sequence);
  }
  assert(accepted > 1000);
});
