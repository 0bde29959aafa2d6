import assert from "node:assert/strict";
import { majority, reachedBy } from "../../../mod/election/raft/quorum.ts";
import { seededRandom } from "../../fakes/random.ts";

Deno.test("a majority is more than half, for 1 to 9 members", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map(majority), [1, 2, 2, 3, 3, 4, 4, 5, 5]);
});

/** Second implementation: tries every value. */
function slowly(values: readonly number[], count: number): number {
  const reached = values.filter((value) => values.filter((other) => other >= value).length >= count);
  return reached.length === 0 ? -Infinity : Math.max(...reached);
}

Deno.test("the value that enough members reach agrees with counting them one by one", () => {
  const random = seededRandom(11);
  for (let round = 0; round < 5000; round++) {
    const values = Array.from({ length: Math.floor(7 * random()) }, () => Math.floor(6 * random()));
    const count = 1 + Math.floor(7 * random());
    assert.equal(reachedBy(values, count), slowly(values, count), `${values} reached by ${count}`);
  }
  assert.equal(reachedBy([], 0), Infinity);
});
