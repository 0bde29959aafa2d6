import assert from "node:assert/strict";
import { PREFIX, Script, TIMES } from "./script.ts";

/** A script whose node holds, its transcript so far forgotten. */
async function holding(script = new Script()): Promise<Script> {
  await script.pass(0);
  assert.ok(script.core.right !== null);
  script.said();
  return script;
}

Deno.test("a node alone takes a lease, stands, and holds from the start of the grant on", async () => {
  const script = new Script();
  await script.pass(11_000);
  assert.deepEqual(script.said(), [
    "0 grant L1: alive",
    "0 stand L1: done",
    "0 until 14000",
    "4667 keep L1: alive",
    "4667 until 18667",
    "9333 keep L1: alive",
    "9333 until 23333",
  ]);
});

Deno.test("a right counts from the start of a keep-alive, however late the answer is", async () => {
  const script = await holding();
  script.now = 5000;
  script.core.tick(5000);
  const step = script.core.next(5000);
  assert.ok(step !== null && step.do === "keep");
  script.core.answered(9000, { step, startedAt: 5000, outcome: { is: "alive", ttlMs: 15_000 } });
  assert.equal(script.core.right?.validUntil, 19_000);
});

Deno.test("an answer that comes after the right ran out gives no right before a new look", async () => {
  const script = await holding();
  script.now = 10_000;
  script.core.tick(10_000);
  const step = script.core.next(10_000);
  assert.ok(step !== null && step.do === "keep");
  script.core.answered(14_500, { step, startedAt: 10_000, outcome: { is: "alive", ttlMs: 15_000 } });
  assert.deepEqual([script.core.right, script.core.lossReason], [null, "lease-lost"]);
  const look = script.core.next(14_500);
  assert.ok(look !== null && look.do === "look");
  script.core.answered(14_500, { step: look, startedAt: 14_500, outcome: await script.answer(look) });
  assert.equal(script.core.right?.validUntil, 24_000);
});

Deno.test("who stands behind others waits, and holds as soon as they are gone", async () => {
  const script = new Script();
  const first = await script.other("go");
  await script.pass(3000);
  assert.equal(script.core.leader, "go");
  assert.deepEqual(script.said(), ["0 grant L1: alive", "0 stand L1: done"]);
  script.etcd.revoke(first);
  script.core.changed(script.now);
  await script.pass(0);
  assert.deepEqual(script.said(), ["3000 until 14000"]);
  assert.equal(script.core.transitions, 1);
  assert.equal(script.core.leader, "node1");
});

Deno.test("without word from the watch a candidate looks every second", async () => {
  const script = new Script();
  const first = await script.other("go");
  await script.pass(3100);
  script.etcd.revoke(first);
  await script.pass(1000);
  assert.ok(script.core.right !== null);
});

Deno.test("keep-alives that fail end the hold in time; the same lease is resumed if it lives", async () => {
  const script = new Script();
  script.lateMs = 5000;
  await holding(script);
  script.instead = (): { is: "failed"; cause: string } => ({ is: "failed", cause: "cut off" });
  await script.pass(14_500);
  const said = script.said();
  assert.equal(said.filter((line) => line.includes("until")).length, 0);
  assert.ok(said.includes("14000 nothing, lease-lost"), said.join("\n"));
  assert.equal(script.core.trouble, "cut off");
  script.instead = null;
  await script.pass(1700);
  assert.match(script.said().join("; "), /^\d+ keep L1: alive; (\d+) until (\d+)$/);
  assert.equal(script.core.trouble, null);
});

Deno.test("tries come fast at first and then spread, but never so rare that a grant runs out between them", async () => {
  const script = await holding();
  const at: number[] = [];
  script.instead = (step): { is: "failed"; cause: string } => {
    if (step.do === "keep" || at.length === 0) at.push(script.now);
    return { is: "failed", cause: "cut off" };
  };
  await script.pass(14_000);
  const gaps = at.slice(1).map((ms, index) => ms - (at[index] ?? 0));
  assert.ok(gaps.length >= 6, `${gaps}`);
  assert.ok(Math.max(...gaps.slice(1)) <= TIMES.ttlMs / 8, `${gaps}`);
  const second = await holding();
  let failures = 1;
  second.instead = (): { is: "failed"; cause: string } | null =>
    failures-- > 0 ? { is: "failed", cause: "the first endpoint" } : null;
  await second.pass(2000);
  assert.equal(second.said()[0], "2000 look: failed");
  await second.pass(50);
  assert.ok((second.core.goodMs ?? 0) > 2000, "another endpoint was asked at once");
  assert.equal(second.core.trouble, null);
});

Deno.test("a lease that etcd does not know any more ends the hold at once, and a new one is taken", async () => {
  const script = await holding();
  script.etcd.revoke(script.core.leases[0] ?? "");
  await script.pass(4700);
  assert.deepEqual(script.said().slice(0, 3), [
    "2000 nothing, deposed",
    "2000 revoke L1: done",
    "2000 grant L2: alive",
  ]);
  const again = await holding();
  script.said();
  again.instead = (step): { is: "gone" } | null => step.do === "keep" ? { is: "gone" } : null;
  await again.pass(4667);
  assert.ok(again.said().includes("4667 nothing, lease-lost"));
});

Deno.test("a key that was deleted by hand ends the hold before its lease is revoked", async () => {
  const script = await holding();
  const key = script.etcd.keys.find((kv) => kv.key.startsWith(`${PREFIX}/`))?.key ?? "";
  script.etcd.delete(key);
  script.core.changed(script.now);
  await script.pass(0);
  assert.deepEqual(script.said(), [
    "0 nothing, deposed",
    "0 revoke L1: done",
    "0 grant L2: alive",
    "0 stand L2: done",
    "0 until 14000",
  ]);
});

Deno.test("the mark of a candidate whose key was deleted by hand holds up those behind it until it is gone", async () => {
  const script = new Script();
  const lease = await script.other("node2", { mark: "boot2" });
  script.etcd.delete(`${PREFIX}/${BigInt(lease).toString(16)}`);
  await script.pass(3000);
  assert.equal(script.core.right, null);
  assert.match(script.core.trouble ?? "", /deleted by hand/);
  script.etcd.revoke(lease);
  await script.pass(1000);
  assert.ok(script.core.right !== null);
  assert.equal(script.core.trouble, null);
});

Deno.test("a place that this boot of this machine left is resumed with a lease of its own", async () => {
  const script = new Script();
  const old = await script.other("node1", { mark: "boot1" });
  await script.other("node2", { mark: "boot2" });
  await script.pass(0);
  const place = BigInt(old).toString(16);
  assert.deepEqual(script.said(), ["0 grant L1: alive", `0 resume ${place} with L1: done`, "0 until 14000"]);
  // What the earlier process may still have under way:
  script.etcd.revoke(old);
  script.core.changed(script.now);
  await script.pass(0);
  assert.deepEqual(script.said(), []);
  assert.ok(script.core.right !== null);
});

Deno.test("a place of the same name is left alone if another boot or another program made it", async () => {
  for (const mark of [{ mark: "boot0" }, {}]) {
    const script = new Script();
    const old = await script.other("node1", mark);
    await script.pass(5000);
    assert.deepEqual(script.said().slice(0, 2), ["0 grant L1: alive", "0 stand L1: done"]);
    assert.equal(script.core.right, null);
    script.etcd.revoke(old);
    await script.pass(1000);
    assert.ok(script.core.right !== null);
  }
});

Deno.test("only a process that has had no place yet resumes one: two of them do not take it from each other in turn", async () => {
  const script = await holding();
  const place = script.etcd.keys.find((kv) => kv.key.startsWith(`${PREFIX}/`))?.key ?? "";
  script.etcd.grant(0, "77", 15);
  for (const kv of script.etcd.keys) {
    script.etcd.txn({ compare: [], success: [{ do: "put", key: kv.key, value: kv.value, lease: "77" }] });
  }
  script.core.changed(script.now);
  await script.pass(0);
  assert.deepEqual(script.said(), [
    "0 nothing, deposed",
    "0 revoke L1: done",
    "0 grant L2: alive",
    "0 stand L2: done",
  ]);
  assert.equal(script.etcd.keys.filter((kv) => kv.key === place).length, 1);
});

Deno.test("a place whose answer was lost is found, and never asked for twice with one lease", async () => {
  const script = new Script();
  let lost = 1;
  script.instead = (step): { is: "failed"; cause: string } | null => {
    if (step.do !== "stand" || lost-- === 0) return null;
    script.etcd.txn({ compare: [], success: [{ do: "put", key: `${PREFIX}/x`, value: "node1", lease: step.lease }] });
    return { is: "failed", cause: "lost" };
  };
  await script.pass(200);
  assert.deepEqual(script.said().map((line) => line.slice(line.indexOf(" ") + 1)), [
    "grant L1: alive",
    "stand L1: failed",
    "until 14000",
  ]);
  const refused = new Script();
  refused.instead = (step): { is: "done" } | null => step.do === "stand" ? { is: "done" } : null;
  await refused.pass(3000);
  const steps = refused.said().map((line) => line.replace(/^\d+ /, ""));
  assert.deepEqual(steps.slice(0, 5), [
    "grant L1: alive",
    "stand L1: done",
    "revoke L1: done",
    "grant L2: alive",
    "stand L2: done",
  ]);
  assert.ok(steps.length < 40, `${steps.length} steps`);
});

Deno.test("an unfit holder gives way to a fit candidate, at once, and to no other", async () => {
  for (const [mark, gives] of [["boot2 unfit", false], ["boot2", true], [undefined, true]] as const) {
    const script = await holding();
    await script.other("node2", mark === undefined ? {} : { mark });
    script.fit = false;
    script.core.changed(script.now);
    await script.pass(1500);
    assert.deepEqual(script.said(), gives ? ["0 nothing, unfit", "0 revoke L1: done"] : [], mark);
  }
});

Deno.test("an unfit node does not stand while another does, and after a second it stands alone, saying so", async () => {
  const script = new Script();
  script.fit = false;
  const other = await script.other("node2", { mark: "boot2" });
  await script.pass(5000);
  assert.deepEqual(script.said(), []);
  script.etcd.revoke(other);
  script.core.changed(script.now);
  await script.pass(2000);
  assert.deepEqual(script.said().map((line) => line.replace(/^\d+ /, "")), [
    "grant L1: alive",
    "stand L1 unfit: done",
    "until 20000",
  ]);
  assert.equal(script.etcd.keys.find((kv) => kv.key.startsWith("kube-vip/"))?.value, "boot1 unfit");
});

Deno.test("a candidate that becomes unfit withdraws, and stands again when it is fit", async () => {
  const script = new Script();
  await script.other("node2", { mark: "boot2" });
  await script.pass(1000);
  script.said();
  script.fit = false;
  await script.pass(500);
  assert.deepEqual(script.said().map((line) => line.replace(/^\d+ /, "")), ["revoke L1: done"]);
  script.fit = true;
  await script.pass(500);
  assert.deepEqual(script.said().map((line) => line.replace(/^\d+ /, "")), ["grant L2: alive", "stand L2: done"]);
});

Deno.test("of two unfit nodes that stand at once the second withdraws", async () => {
  const script = new Script();
  script.fit = false;
  await script.pass(900);
  let late = true;
  script.instead = (step): null => {
    if (step.do === "grant" && late) void script.other("node2", { mark: "boot2 unfit" });
    late = step.do !== "grant";
    return null;
  };
  await script.pass(3000);
  assert.equal(script.core.right, null);
  assert.deepEqual(script.etcd.keys.filter((kv) => kv.key.startsWith(`${PREFIX}/`)).map((kv) => kv.value), ["node2"]);
});

Deno.test("a node with a mark of unfitness stands anew when it is fit, so that others count it", async () => {
  const script = new Script();
  await script.other("node2", { mark: "boot2" });
  await script.other("node1", { mark: "boot1 unfit" });
  // It resumes its old place, and by then is fit.
  script.fit = false;
  script.instead = (step): null => {
    if (step.do === "resume") script.fit = true;
    return null;
  };
  await script.pass(3000);
  assert.deepEqual(script.etcd.keys.filter((kv) => kv.key.startsWith("kube-vip/")).map((kv) => kv.value).sort(), [
    "boot1",
    "boot2",
  ]);
});

Deno.test("a hand-over gives the place to the next, and only if there is one", async () => {
  const script = await holding();
  assert.equal(script.core.handOver(script.now), "nobody-else");
  await script.other("node2", { mark: "boot2" });
  await script.pass(2000);
  assert.equal(script.core.handOver(script.now), "releasing");
  await script.pass(0);
  assert.equal(script.core.lossReason, "transfer");
  assert.equal(script.core.lastRelease, "released");
  assert.equal(script.core.leader, "node2");
  assert.equal(script.core.handOver(script.now), "not-leader");
});

Deno.test("a hand-over that etcd does not take in is a failure, and the lease is left to run out", async () => {
  const script = await holding();
  await script.other("node2", { mark: "boot2" });
  await script.pass(2000);
  script.instead = (step): { is: "failed"; cause: string } | null =>
    step.do === "revoke" ? { is: "failed", cause: "cut off" } : null;
  assert.equal(script.core.handOver(script.now), "releasing");
  assert.equal(script.core.right, null);
  await script.pass(1000);
  assert.equal(script.core.dropping, 0);
  assert.equal(script.core.lastRelease, "failed");
});

Deno.test("what a right that ran out was for is preserved, if that is wanted, until another holder is seen", async () => {
  for (const preserveOnLoss of [true, false]) {
    const script = await holding(new Script({ preserveOnLoss }));
    script.instead = (): { is: "failed"; cause: string } => ({ is: "failed", cause: "cut off" });
    await script.pass(14_500);
    assert.equal(script.core.right, null);
    assert.equal(script.core.preserved(14_500)?.validUntil ?? null, preserveOnLoss ? 28_500 : null);
    script.instead = null;
    script.etcd.revoke(script.core.leases[0] ?? "");
    await script.other("node2");
    await script.pass(3000);
    assert.equal(script.core.preserved(script.now), null);
  }
});

Deno.test("a machine that may answer longer is granted less, and nothing when the lease is too short for it", async () => {
  const script = new Script();
  script.graceMs = 3000;
  await script.pass(0);
  assert.equal(script.core.right?.validUntil, 11_000);
  script.graceMs = 13_800;
  await script.pass(250);
  assert.equal(script.core.right, null);
  assert.match(script.core.trouble ?? "", /too short/);
});

Deno.test("if etcd gives less time than it was asked for, the hold is as much shorter", async () => {
  const script = new Script();
  script.instead = (step): { is: "alive"; ttlMs: number } | null => {
    if (step.do === "grant") script.etcd.grant(0, step.lease, 10);
    return step.do === "grant" ? { is: "alive", ttlMs: 10_000 } : null;
  };
  await script.pass(0);
  assert.equal(script.core.right?.validUntil, 9000);
});

Deno.test("a boot id of more than one word, or none, is a mistake of the program", () => {
  for (const bootId of ["", "a b"]) assert.throws(() => new Script({ bootId }), { name: "AssertionError" });
});
