import assert from "node:assert/strict";
import { GUARD_FAMILIES, installGuard, removeGuard, renewGuard, revokeGuard } from "../../mod/vip/guard.ts";

const V4 = "10.98.0.200";
const V6 = "fd98::200";

function ops(messages: readonly { op: string; subject: string }[]): string[] {
  return messages.map((message) => `${message.op} ${message.subject}`);
}

Deno.test("an address of IPv4 is guarded in both tables, one of IPv6 in the table for packets", () => {
  assert.deepEqual(ops(revokeGuard([V4])), [
    "add element arp kube-vip live4",
    "delete element arp kube-vip live4",
    "add element inet kube-vip live4",
    "delete element inet kube-vip live4",
  ]);
  assert.deepEqual(ops(revokeGuard([V6])), ["add element inet kube-vip live6", "delete element inet kube-vip live6"]);
});

Deno.test("a renewal adds, on older kernels adds, deletes and adds, so that it works when the element is absent, live or expired", () => {
  const live = [{ ip: V6, timeoutMs: 200 }];
  assert.deepEqual(ops(renewGuard(live, "update")), ["add element inet kube-vip live6"]);
  assert.deepEqual(ops(renewGuard(live, "replace")), [
    "add element inet kube-vip live6",
    "delete element inet kube-vip live6",
    "add element inet kube-vip live6",
  ]);
});

Deno.test("installing replaces what is there: each table is added, deleted and added first", () => {
  const first = ops(installGuard([V4, V6], []));
  assert.deepEqual(first.slice(0, 6), [
    "add table arp kube-vip",
    "delete table arp kube-vip",
    "add table inet kube-vip",
    "delete table inet kube-vip",
    "add table arp kube-vip",
    "add table inet kube-vip",
  ]);
  assert.equal(first.filter((op) => op.startsWith("add rule")).length, 6);
  assert.equal(first.some((op) => op.includes("live") && op.startsWith("add element")), false);
  assert.equal(
    ops(installGuard([V4], [{ ip: V4, timeoutMs: 9 }])).filter((op) => op === "add element inet kube-vip live4").length,
    1,
  );
});

Deno.test("removing takes both tables and needs neither to be there", () => {
  assert.equal(removeGuard().length, 2 * GUARD_FAMILIES.length);
});
