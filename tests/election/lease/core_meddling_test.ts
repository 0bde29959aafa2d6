import assert from "node:assert/strict";
import type { LeaseRecord } from "../../../mod/election/lease/store.ts";
import { Bench, brief } from "./bench.ts";

/** A bench that leads since 0 and whose watch has shown it. */
function leading(): Bench {
  let chance = 0;
  const bench = new Bench({ random: () => chance });
  bench.watch(bench.lead());
  chance = 0.5;
  return bench;
}

Deno.test("a holder that sees its Lease deleted or blanked lets go, and takes it back at once", () => {
  for (const change of [null, { holder: "" }, { holder: "", durationSeconds: 1, mark: null, renewTime: "x" }]) {
    const bench = leading();
    bench.now = 1000;
    const record = bench.core.record;
    assert(record !== null);
    bench.watch(change === null ? null : { record: { ...record, ...change }, version: bench.version() });
    assert.equal(bench.core.tenure, null);
    assert.equal(bench.core.endReason, "lease-lost");
    assert.match(brief(bench.at(1000)), change === null ? /^create$/ : /^update/);
    bench.written();
    assert.equal(bench.left, 12_000);
  }
});

Deno.test("a holder that sees a stranger in its Lease lets go and waits for the stranger to run out", () => {
  const bench = leading();
  bench.now = 1000;
  bench.watch(bench.lease({ holder: "x" }));
  assert.equal(bench.core.tenure, null);
  assert.equal(bench.core.endReason, "deposed");
  assert(bench.onlyReads(16_000));
  assert.match(brief(bench.at(16_000)), /^update/);
});

Deno.test("a Lease that vanishes before the watch has shown this leadership is looked at first", () => {
  const bench = new Bench();
  const lease = bench.lead();
  bench.watch(null);
  assert.equal(bench.core.role, "leading", "what the watch shows may be from before");
  assert.equal(brief(bench.at(0)), "read");
  bench.answer({ outcome: "found", lease });
  assert.equal(bench.left, 12_000);
});

Deno.test("an old event of the watch changes nothing", () => {
  const bench = new Bench();
  const old = bench.lease();
  bench.lead();
  bench.watch(old);
  assert.equal(bench.core.role, "leading");
  assert.equal(bench.core.record?.holder, "a");
});

Deno.test("a write that is confirmed after the Lease was seen deleted or overwritten is not believed", () => {
  for (const seen of ["gone", "overwritten"]) {
    const bench = leading();
    bench.at(2000);
    const version = bench.version();
    bench.watch(seen === "gone" ? null : bench.lease({ holder: "x" }));
    bench.answer({ outcome: "written", version });
    assert.equal(bench.core.role, "candidate", seen);
    assert.equal(brief(bench.at(2001)), "read");
  }
});

Deno.test("a read that is older than what the watch has shown meanwhile is repeated", () => {
  const bench = leading();
  bench.at(2000);
  bench.failed();
  const record = bench.core.record;
  assert(record !== null);
  assert.equal(brief(bench.at(3000)), "read");
  bench.watch(null);
  bench.answer({ outcome: "found", lease: { record, version: bench.version() } });
  assert.equal(bench.core.tenure, null, "it was deleted since");
  assert.equal(brief(bench.at(3000)), "read");
});

Deno.test("what the watch shows of a write under way confirms it, and its answer adds nothing", () => {
  const bench = new Bench();
  bench.at(0);
  const foreign = bench.lease({ holder: "", durationSeconds: 1 });
  bench.answer({ outcome: "found", lease: foreign });
  const errand = bench.at(0);
  assert(errand?.kind === "update");
  bench.watch(foreign);
  const lease = { record: errand.record, version: bench.version() };
  bench.watch(lease);
  assert.equal(bench.left, 12_000);
  bench.answer({ outcome: "written", version: lease.version });
  bench.watch(lease);
  assert.equal(bench.core.role, "leading");
  assert(!bench.core.hasNamesake);
});

Deno.test("a write is known again although another record was seen while it was under way", () => {
  const bench = new Bench();
  bench.at(0);
  bench.answer({ outcome: "absent" });
  const errand = bench.at(0);
  assert(errand?.kind === "create");
  bench.watch({ record: bench.record({ holder: "", durationSeconds: 1 }), version: "7" });
  const version = bench.written();
  bench.watch({ record: errand.record, version });
  assert(!bench.core.hasNamesake);
  assert.equal(bench.core.role, "leading");
});

Deno.test("a candidate leaves a Lease that was deleted or robbed to its holder for a whole duration", () => {
  for (const free of [null, { holder: "", mark: "lease:9" }, { holder: "", durationSeconds: 1 }]) {
    const bench = new Bench();
    bench.at(0);
    bench.answer({ outcome: "found", lease: bench.lease({ mark: "lease:9" }) });
    bench.now = 5000;
    bench.watch(free === null ? null : bench.lease(free));
    assert(bench.onlyReads(20_000));
    assert.match(brief(bench.at(20_000)), /^(create|update)/);
  }
});

// Records in this node's name

function named(change: Partial<LeaseRecord>): Bench {
  const bench = new Bench();
  bench.at(0);
  bench.answer({ outcome: "found", lease: bench.lease({ holder: "a", ...change }) });
  return bench;
}

Deno.test("a restarted process goes on at once with what an earlier one or upstream has written in its name", () => {
  for (const mark of [null, "lease:1"]) {
    const bench = named({ mark });
    const errand = bench.at(0);
    assert(errand?.kind === "update", String(mark));
    assert.equal(errand.record.transitions, 3);
    assert.equal(errand.record.acquireTime, "t0");
  }
});

Deno.test("a record of another boot in this node's name is taken after one missed renewal", () => {
  const bench = named({ mark: "lease:0" });
  assert.equal(brief(bench.at(1999)), "-");
  bench.at(2000);
  bench.failed();
  assert.equal(brief(bench.at(2999)), "read");
  bench.answer({ outcome: "found", lease: { record: bench.core.record ?? bench.record(), version: bench.version() } });
  assert.match(brief(bench.at(3000)), /^update/);
});

Deno.test("a namesake that goes on renewing is left alone for its whole duration", () => {
  const bench = named({ mark: "lease:0" });
  bench.now = 1000;
  bench.watch(bench.lease({ holder: "a", mark: "lease:0" }));
  assert(bench.onlyReads(16_000));
  assert.match(brief(bench.at(16_000)), /^update/);
});

Deno.test("a record that was moved to this node's name by hand does not say that its holder has let go", () => {
  const bench = new Bench();
  bench.at(0);
  const { record, version } = bench.lease({ mark: "lease:9", durationSeconds: 5 });
  bench.answer({ outcome: "found", lease: { record, version } });
  bench.now = 4000;
  bench.watch({ record: { ...record, holder: "a" }, version: bench.version() });
  assert(bench.onlyReads(9000), "a duration from this sight on");
  assert.match(brief(bench.at(9000)), /^update/);
});

Deno.test("an own write that shows up after a stranger's counts for nothing, also where versions are not numbers", () => {
  const bench = leading();
  const errand = bench.at(2000);
  assert(errand?.kind === "update");
  bench.now = 3000;
  bench.failed();
  bench.watch({ record: bench.record({ holder: "x" }), version: "opaque-2" });
  assert.equal(bench.left, null);
  bench.watch({ record: errand.record, version: "opaque-1" });
  assert.equal(bench.left, null);
});

Deno.test("a stop waits a moment for a request under way, and releases what it wrote", () => {
  const bench = leading();
  bench.at(2000);
  bench.core.stop(2000);
  assert.equal(bench.left, null);
  assert.equal(bench.core.endReason, "stopping");
  assert.equal(brief(bench.at(2100)), "-");
  const version = bench.written();
  const errand = bench.at(2100);
  assert.equal(brief(errand), `update ${version}`);
  assert(errand?.kind === "update" && errand.record.holder === "");
  bench.written();
  assert.equal(bench.core.role, "stopped");
  assert.equal(bench.core.lastRelease, "released");
});

Deno.test("a stop does not wait long for a request that hangs", () => {
  const bench = leading();
  const held = bench.core.record;
  bench.at(2000);
  bench.core.stop(2000);
  assert.equal(brief(bench.at(2299)), "-");
  const errand = bench.at(2300);
  assert(errand?.kind === "update" && errand.record.holder === "" && held !== null);
  bench.answer({ outcome: "conflict" });
  assert.equal(brief(bench.at(2310)), "read");
});

Deno.test("a candidate that stops releases what it may have won unawares, and else nothing", () => {
  const idle = new Bench();
  idle.at(0);
  idle.answer({ outcome: "found", lease: idle.lease() });
  idle.core.stop(100);
  assert.equal(idle.core.role, "stopped");
  const bench = new Bench();
  bench.at(0);
  bench.answer({ outcome: "absent" });
  const errand = bench.at(0);
  assert(errand?.kind === "create");
  bench.core.stop(10);
  bench.now = 200;
  bench.failed();
  assert.equal(brief(bench.at(400)), "read");
  const version = bench.version();
  bench.answer({ outcome: "found", lease: { record: errand.record, version } });
  assert.equal(brief(bench.at(400)), `update ${version}`);
});

Deno.test("a holder that meets its own name in a record it did not write lets go, and says so", () => {
  const bench = leading();
  bench.at(2000);
  bench.answer({ outcome: "conflict" });
  bench.at(2000);
  bench.answer({ outcome: "found", lease: bench.lease({ holder: "a" }) });
  assert.equal(bench.core.tenure, null);
  assert.equal(bench.core.endReason, "deposed");
  assert(bench.core.hasNamesake);
  assert(bench.onlyReads(17_000));
  assert.match(brief(bench.at(17_000)), /^update/);
});

Deno.test("a holder whose record was edited by hand lets go and writes it again", () => {
  const bench = leading();
  bench.now = 500;
  const record = bench.core.record;
  assert(record !== null);
  bench.watch({ record: { ...record, durationSeconds: 1 }, version: bench.version() });
  assert.equal(bench.core.tenure, null);
  assert(!bench.core.hasNamesake);
  assert.match(brief(bench.at(500)), /^update/);
  bench.written();
  assert.equal(bench.left, 12_000);
});
