import assert from "node:assert/strict";
import { DiskImage } from "./disk.ts";

const data = new Uint8Array(0);
const nothing = { hard: null, snapshot: null, truncateFrom: null, entries: [] };

Deno.test("a disk that was never written has no state, one that was gives back what was written", () => {
  const disk = new DiskImage();
  assert.equal(disk.stored(), null);
  disk.apply({ ...nothing, hard: { term: 3, vote: "a", joining: false }, entries: [{ index: 1, term: 3, data }] });
  disk.apply({ ...nothing, truncateFrom: 1, entries: [{ index: 1, term: 4, data }, { index: 2, term: 4, data }] });
  disk.apply({ ...nothing, snapshot: { index: 1, term: 4, data } });
  assert.deepEqual(disk.stored(), {
    hard: { term: 3, vote: "a", joining: false },
    snapshot: { index: 1, term: 4, data },
    entries: [{ index: 2, term: 4, data }],
  });
});

Deno.test("a batch that leaves a gap is refused", () => {
  assert.throws(() => new DiskImage().apply({ ...nothing, entries: [{ index: 2, term: 1, data }] }), /gap/);
});
