import assert from "node:assert/strict";
import { Checker, digest, Violation } from "./checks.ts";
import { DiskImage } from "./disk.ts";

const data = new Uint8Array([1]);
const start = { state: "", term: 1 };

Deno.test("each promise, broken on purpose, is noticed", () => {
  const log = new DiskImage();
  const broken: Record<string, (checker: Checker) => void> = {
    "two leaders in one term": (checker) => ["a", "b"].forEach((id) => checker.leads(id, 1, log)),
    "a leader without a committed entry": (checker) => {
      checker.applied("a", { index: 1, term: 1, data }, start);
      checker.leads("b", 2, log);
    },
    "another entry at the same place": (checker) => {
      checker.wrote("a", [{ index: 1, term: 1, data }], log);
      checker.wrote("b", [{ index: 1, term: 1, data: new Uint8Array([2]) }], log);
    },
    "another entry applied": (checker) => {
      checker.applied("a", { index: 1, term: 1, data }, start);
      checker.applied("b", { index: 1, term: 2, data }, start);
    },
    "a snapshot of something else": (checker) => checker.restored("a", { index: 1, term: 1, data }),
    "two holders": (checker) => {
      checker.allowed("a", { ip: "ip", now: 0, until: 10 });
      checker.allowed("b", { ip: "ip", now: 9, until: 20 });
    },
  };
  for (const [name, run] of Object.entries(broken)) assert.throws(() => run(new Checker()), Violation, name);
});

Deno.test("what is allowed passes: a holder after the time-out or the denial of the last, the same entries everywhere", () => {
  const checker = new Checker();
  checker.allowed("a", { ip: "ip", now: 0, until: 10 });
  checker.allowed("b", { ip: "ip", now: 10, until: 20 });
  checker.denied("b", "ip");
  checker.allowed("a", { ip: "ip", now: 11, until: 20 });
  assert.equal(checker.holder("ip", 19), "a");
  assert.equal(checker.holder("ip", 20), null);
  const entry = { index: 1, term: 1, data };
  assert.equal(checker.applied("a", entry, start), checker.applied("b", entry, start));
  assert.equal(
    checker.restored("c", { index: 1, term: 1, data: new TextEncoder().encode(digest("", entry)) }),
    digest("", entry),
  );
});
