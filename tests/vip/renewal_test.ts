import assert from "node:assert/strict";
import { PreparedBatch } from "../../mod/net/netlink/prepared_batch.ts";
import { renewGuard } from "../../mod/vip/guard.ts";
import { Renewal } from "../../mod/vip/renewal.ts";

const V4 = "10.98.0.200";
const V6 = "fd98::200";

Deno.test("a renewal is what encoding it anew gives, each time, in both ways", () => {
  for (const how of ["update", "replace"] as const) {
    const renewal = new Renewal([V4, V6], how);
    for (const [first, second] of [[200, 150], [1, 0xffff_ffff], [0, 0]] as const) {
      const live = [{ ip: V4, timeoutMs: first }, { ip: V6, timeoutMs: second }];
      assert.deepEqual(renewal.with(live).bytes, new PreparedBatch(renewGuard(live, how)).bytes);
    }
  }
});

Deno.test("other addresses, or another order, need another renewal", () => {
  const renewal = new Renewal([V4, V6], "update");
  const live = [V4, V6].map((ip) => ({ ip, timeoutMs: 1 }));
  assert.equal(renewal.fits(live), true);
  assert.equal(renewal.fits(live.toReversed()), false);
  assert.equal(renewal.fits(live.slice(1)), false);
  assert.throws(() => renewal.with([]), /same addresses/);
});

Deno.test("a time-out that is no whole number of milliseconds is a programmer's error", () => {
  const renewal = new Renewal([V4], "update");
  for (const timeoutMs of [1.5, -1, NaN, 2 ** 32]) {
    assert.throws(() => renewal.with([{ ip: V4, timeoutMs }]), /a time-out of/);
  }
});
