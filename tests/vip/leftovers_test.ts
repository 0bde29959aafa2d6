import assert from "node:assert/strict";
import { removeLeftovers } from "../../mod/vip/leftovers.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeKernel, fakeLink } from "../fakes/kernel.ts";
import { V4, V6 } from "./holder_kit.ts";

const OTHER = "10.0.0.77";

const PLACED = [V4, V6].map((ip) => ({ ip, prefixLength: 32, linkName: "eth0" }));

function kernelWithLeftovers(): FakeKernel {
  const kernel = new FakeKernel(new VirtualClock(), [fakeLink(), fakeLink({ index: 3, name: "eth1" })]);
  const left = { prefixLength: 32, protocol: 0, validSeconds: Infinity };
  kernel.foreignAddress({ ...left, ip: V4, linkIndex: 2 });
  kernel.foreignAddress({ ...left, ip: V4, linkIndex: 3 });
  kernel.foreignAddress({ ...left, ip: OTHER, linkIndex: 2 });
  kernel.foreignAddress({ ...left, ip: V6, linkIndex: 2 });
  return kernel;
}

function present(kernel: FakeKernel): string[] {
  return kernel.addresses().map(({ ip, linkIndex }) => `${ip}@${linkIndex}`);
}

Deno.test("what was left of the placed addresses on their link goes, and nothing else", () => {
  const kernel = kernelWithLeftovers();
  removeLeftovers(kernel, PLACED);
  assert.deepEqual(present(kernel), [`${V4}@3`, `${OTHER}@2`]);
});

Deno.test("a kernel that refuses keeps nobody from starting", () => {
  const kernel = kernelWithLeftovers();
  kernel.failing.add("remove");
  removeLeftovers(kernel, PLACED);
  assert.equal(present(kernel).length, 4);
});
