import assert from "node:assert/strict";
import { Flaps } from "../../mod/bgp/flaps.ts";

Deno.test("sessions that last are told, however many there are", () => {
  const flaps = new Flaps();
  for (let now = 0; now < 100 * 60_000; now += 60_000) {
    assert.equal(flaps.up, "tell");
    assert.deepEqual(flaps.ended(60_000, now), { is: "tell", untold: 0 });
  }
});

Deno.test("of short ones the first four are told, then one a minute with the number of the others", () => {
  const flaps = new Flaps();
  const told: [number, number][] = [];
  for (let second = 0; second < 190; second++) {
    assert.equal(flaps.up, second < 4 ? "tell" : "wait");
    const telling = flaps.ended(500, second * 1000);
    if (telling.is === "tell") told.push([second, telling.untold]);
  }
  assert.deepEqual(told, [[0, 0], [1, 0], [2, 0], [3, 0], [63, 59], [123, 59], [183, 59]]);
});

Deno.test("one that lasts is told with those that were not, and all is as before", () => {
  const flaps = new Flaps();
  for (let second = 0; second < 6; second++) flaps.ended(500, second * 1000);
  assert.deepEqual(flaps.ended(60_000, 70_000), { is: "tell", untold: 2 });
  assert.equal(flaps.up, "tell");
  assert.deepEqual(flaps.ended(500, 71_000), { is: "tell", untold: 0 });
});
