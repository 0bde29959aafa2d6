import assert from "node:assert/strict";
import { OwnWrites } from "../../../mod/election/lease/own_writes.ts";
import type { LeaseRecord } from "../../../mod/election/lease/store.ts";

function record(change: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    holder: "a",
    durationSeconds: 5,
    acquireTime: "t0",
    renewTime: "t1",
    transitions: 2,
    mark: "lease:1",
    ...change,
  };
}

Deno.test("a write of this process is known again, with the moment it began", () => {
  const writes = new OwnWrites();
  writes.begun(record(), 100);
  writes.begun(record({ renewTime: "t2" }), 200);
  assert.equal(writes.find(record())?.startMs, 100);
  assert.equal(writes.find(record({ renewTime: "t2" }))?.startMs, 200);
  assert.equal(writes.find(record({ renewTime: "t3" })), null);
});

Deno.test("a record that somebody changed is not ours, though this process wrote it", () => {
  const writes = new OwnWrites();
  writes.begun(record(), 100);
  for (const change of [{ holder: "b" }, { holder: "" }, { durationSeconds: 1 }, { transitions: 3 }, { mark: "x" }]) {
    assert.equal(writes.find(record(change)), null, JSON.stringify(change));
    assert(writes.wrote(record(change)));
  }
  assert.notEqual(writes.find(record({ mark: null })), null, "a mark that was taken away");
});

Deno.test("writes are forgotten when told to, except one that is known to be done, and after many others", () => {
  const writes = new OwnWrites();
  writes.begun(record(), 100);
  writes.clear();
  assert(writes.isEmpty);
  assert.equal(writes.find(record()), null);
  writes.done(record(), 100);
  writes.done(record(), 300);
  assert.equal(writes.find(record())?.startMs, 100);
  for (let at = 0; at < 16; at++) writes.begun(record({ renewTime: `u${at}` }), at);
  assert.equal(writes.find(record()), null);
  assert.notEqual(writes.find(record({ renewTime: "u0" })), null);
});
