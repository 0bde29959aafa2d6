import assert from "node:assert/strict";
import { Attempts } from "../../mod/vip/attempts.ts";
import { Fence } from "../../mod/vip/fence.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeKernel } from "../fakes/kernel.ts";

const A = { ip: "10.0.0.9", linkName: "eth0" };
const B = { ip: "10.0.0.10", linkName: "eth0" };

function bench(): { kernel: FakeKernel; fence: Fence; attempts: Attempts; clock: VirtualClock } {
  const clock = new VirtualClock();
  const kernel = new FakeKernel(clock);
  const attempts = new Attempts(() => clock.now());
  return { kernel, fence: new Fence(kernel, attempts), attempts, clock };
}

Deno.test("without nftables nothing is asked of the kernel", () => {
  const { kernel, fence } = bench();
  kernel.hasNftables = false;
  assert.equal(fence.start([A]), "lifetime");
  fence.place([A, B], []);
  fence.allow([]);
  fence.verify([]);
  fence.deny([A.ip]);
  fence.remove();
  assert.deepEqual(kernel.calls, []);
  assert.deepEqual([fence.isGuard, fence.isBehind], [false, false]);
});

Deno.test("a refusal to install that has another reason is thrown", () => {
  const { kernel, fence } = bench();
  kernel.failing.add("install");
  assert.throws(() => fence.start([A]), /install failed on purpose/);
  assert.equal(fence.isGuard, false);
});

Deno.test("a change that the kernel refuses leaves the guard behind until the next renewal or look", () => {
  for (const mend of ["allow", "verify"] as const) {
    const { kernel, fence, attempts, clock } = bench();
    fence.start([A]);
    kernel.failing.add("manage");
    fence.place([A, B], []);
    assert.equal(fence.isBehind, true);
    clock.advance(10);
    assert.equal(attempts.failing(/^permission$/, 0), "permission");
    fence[mend]([]);
    assert.equal(fence.isBehind, false);
    assert.equal(attempts.failing(/^permission$/, 0), null);
  }
});

Deno.test("a denied address is silent, and the guard can be removed", () => {
  const { kernel, fence, clock } = bench();
  fence.start([A]);
  kernel.put(A.ip, 32, 2, 10);
  fence.allow([{ ip: A.ip, validUntilMs: clock.now() + 1000 }]);
  assert.equal(kernel.answers(A.ip), true);
  fence.deny([A.ip]);
  assert.equal(kernel.answers(A.ip), false);
  fence.remove();
  assert.equal(kernel.answers(A.ip), true);
});
