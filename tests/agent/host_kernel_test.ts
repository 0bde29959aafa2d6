import assert from "node:assert/strict";
import { HostKernel } from "../../mod/agent/host_kernel.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import type { KernelEvent } from "../../mod/vip/kernel.ts";
import { privileged } from "../fakes/privileges.ts";
import { CabledMachine } from "../vip/machine.ts";

privileged("the kernel's sockets belong to the namespace they were opened in, and all close", async () => {
  const cabled = new CabledMachine();
  const kernel = cabled.machine.run(() => new HostKernel(systemClock));
  const heard = Promise.withResolvers<KernelEvent>();
  kernel.onEvent = (event) => {
    if (event.type === "address-added") heard.resolve(event);
  };
  assert.deepEqual(kernel.book.links().map((link) => link.name).sort(), ["eth0", "lo"]);
  kernel.book.put("10.98.0.200", 32, cabled.link.index, 10);
  assert.deepEqual(await heard.promise, { type: "address-added", ip: "10.98.0.200", linkIndex: cabled.link.index });
  await kernel.close();
  await cabled.close();
});
