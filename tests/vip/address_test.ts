import assert from "node:assert/strict";
import { ADDRESS_PROTOCOL, isOurs, lifetimeSeconds, UNFENCED_GRACE_MS } from "../../mod/vip/address.ts";

Deno.test("the lifetime outlives the permission when there is a guard, and is whole seconds in any case", () => {
  const rows: [remainingMs: number, guarded: boolean, seconds: number][] = [
    [200, true, 3],
    [1000, true, 3],
    [1001, true, 4],
    [15_000, true, 17],
    [200, false, 1],
    [2500, false, 3],
    [0, false, 1],
  ];
  for (const [remainingMs, guarded, seconds] of rows) {
    assert.equal(lifetimeSeconds(remainingMs, guarded), seconds, `${remainingMs} ${guarded}`);
  }
});

Deno.test("without a guard hand-over waits for the rounding and the late expiry", () => {
  // Expiry may be 250 ms late.
  for (let remainingMs = 0; remainingMs <= 3000; remainingMs++) {
    const beyondMs = lifetimeSeconds(remainingMs, false) * 1000 + 250 - remainingMs;
    assert.ok(beyondMs <= UNFENCED_GRACE_MS, `${remainingMs} ms`);
  }
});

Deno.test("our mark, or a finite lifetime where the kernel keeps no mark, makes an address ours", () => {
  const address = { ip: "10.0.0.9", prefixLength: 32, linkIndex: 2, protocol: 0, validSeconds: Infinity };
  assert.equal(isOurs(address), false);
  assert.equal(isOurs({ ...address, validSeconds: 3 }), true);
  assert.equal(isOurs({ ...address, validSeconds: 3, preferredSeconds: 0 }), true);
  assert.equal(isOurs({ ...address, validSeconds: 3600, preferredSeconds: 1800 }), false);
  assert.equal(isOurs({ ...address, protocol: ADDRESS_PROTOCOL }), true);
  assert.equal(isOurs({ ...address, protocol: 2, validSeconds: 1800 }), false);
});
