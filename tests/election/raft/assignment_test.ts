import assert from "node:assert/strict";
import { Assignment } from "../../../mod/election/raft/assignment.ts";

const WANTED = new Map([["10.0.0.1", "a"], ["2001:db8::1", "bb"]]);
const HEX = "01" + "02" + "0161" + "026262" + "02" + "0831302e302e302e31" + "01" + "0b323030313a6462383a3a31" + "02";

Deno.test("an entry is its members, then each address with the member's number", () => {
  const assignment = new Assignment();
  assert.equal(assignment.entryTowards(WANTED)?.toHex(), HEX);
  assignment.apply(Uint8Array.fromHex(HEX));
  assert.deepEqual(assignment.holders, WANTED);
  assert.equal(assignment.entryTowards(WANTED), null);
  assert.equal(assignment.snapshot().toHex(), HEX);
});

Deno.test("addresses that are wanted no more are removed", () => {
  const assignment = new Assignment();
  assignment.restore(Uint8Array.fromHex(HEX));
  const entry = assignment.entryTowards(new Map([["10.0.0.1", "a"]]));
  assert.equal(entry?.toHex(), "01" + "00" + "01" + "0b323030313a6462383a3a31" + "00");
  assignment.apply(entry ?? new Uint8Array());
  assert.deepEqual([...assignment.holders], [["10.0.0.1", "a"]]);
});

Deno.test("many addresses go in several entries, each small enough for a datagram with others", () => {
  const wanted = new Map(
    Array.from({ length: 300 }, (_, i) => [`2001:db8:1111:2222:3333::${i.toString(16)}`, `member-${i % 5}`]),
  );
  const assignment = new Assignment();
  let entries = 0;
  for (let entry = assignment.entryTowards(wanted); entry !== null; entry = assignment.entryTowards(wanted)) {
    assert(entry.length <= 1000, `${entry.length} bytes`);
    assert(++entries < 40);
    assignment.apply(entry);
  }
  assert.deepEqual(assignment.holders, wanted);
  const copy = new Assignment();
  copy.restore(assignment.snapshot());
  assert.deepEqual(copy.holders, wanted);
});

const MALFORMED = ["", "02", HEX.slice(0, -2), HEX + "00", HEX.slice(0, -2) + "03", "01" + "41", "01" + "00" + "8208"];

Deno.test("entries that cannot be read are counted and change nothing", () => {
  const assignment = new Assignment();
  assignment.apply(Uint8Array.fromHex(HEX));
  for (const hex of MALFORMED) assignment.apply(Uint8Array.fromHex(hex));
  assert.deepEqual(assignment.holders, WANTED);
  assert.equal(assignment.ignored, MALFORMED.length);
});

Deno.test("an empty snapshot is an empty assignment", () => {
  const assignment = new Assignment();
  assignment.apply(Uint8Array.fromHex(HEX));
  assignment.restore(new Uint8Array());
  assert.deepEqual([...assignment.holders], []);
});
