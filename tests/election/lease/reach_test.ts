import assert from "node:assert/strict";
import { type Asked, Reach } from "../../../mod/election/lease/reach.ts";
import type { LeaseRead, LeaseWrite } from "../../../mod/election/lease/store.ts";

const RECORD = { holder: "a", durationSeconds: 15, acquireTime: "", renewTime: "", transitions: 0, mark: null };
const READ: Asked = { kind: "read" };
const UPDATE: Asked = { kind: "write", version: "7" };
const CREATE: Asked = { kind: "write", version: null };
const FAILED = { outcome: "failed", cause: "403" } as const;
const ABSENT = { outcome: "absent" } as const;
const WRITTEN = { outcome: "written", version: "8" } as const;
const CONFLICT = { outcome: "conflict" } as const;

function found(version: string): LeaseRead {
  return { outcome: "found", lease: { record: RECORD, version } };
}

Deno.test("a change is told once, and reads say nothing about writes that fail", () => {
  const rows: [string, [Asked, LeaseRead | LeaseWrite][], ReturnType<Reach["note"]>[]][] = [
    ["reads alone", [[READ, FAILED], [READ, FAILED], [READ, found("7")], [READ, found("7")]], [
      "lost",
      "same",
      "regained",
      "same",
    ]],
    ["an absent Lease is within reach", [[READ, FAILED], [READ, ABSENT]], ["lost", "regained"]],
    [
      "a Lease that may be read and not written",
      [[UPDATE, FAILED], [READ, found("7")], [UPDATE, FAILED], [READ, found("7")]],
      ["lost", "same", "same", "same"],
    ],
    [
      "a namespace that does not exist",
      [[READ, ABSENT], [CREATE, FAILED], [READ, ABSENT], [CREATE, FAILED]],
      ["same", "lost", "same", "same"],
    ],
    ["a write works again", [[UPDATE, FAILED], [READ, FAILED], [READ, found("7")], [UPDATE, WRITTEN]], [
      "lost",
      "same",
      "same",
      "regained",
    ]],
    ["somebody else's write works", [[UPDATE, FAILED], [READ, found("8")]], ["lost", "regained"]],
    ["a conflict is an answer", [[UPDATE, FAILED], [UPDATE, CONFLICT]], ["lost", "regained"]],
  ];
  for (const [what, notes, told] of rows) {
    const reach = new Reach();
    assert.deepEqual(notes.map(([asked, answer]) => reach.note(asked, answer)), told, what);
    assert.equal(reach.failure, told.findLast((one) => one !== "same") === "lost" ? "403" : null, what);
  }
});
