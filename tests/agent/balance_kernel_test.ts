import assert from "node:assert/strict";
import { kernelEngineOf } from "../../mod/agent/balance_kernel.ts";
import { readSysctl, writeSysctl } from "../../mod/linux/sysctl.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { insideNamespace } from "../balance/kernel/kit.ts";
import { tcpConfig } from "../balance/kit.ts";
import { privileged } from "../fakes/privileges.ts";

privileged("on this kernel the engine takes a balancer, turns forwarding on, and leaves all as it was", async () => {
  await insideNamespace(async () => {
    writeSysctl(["ipv4", "ip_forward"], "0");
    const host = { vips: ["10.0.0.9"], linkNames: () => ["lo"], localAddresses: () => ["10.0.0.1"] };
    const engine = kernelEngineOf(host, systemClock);
    const backends = [{ address: "10.0.0.2", port: 80, weight: 1 }];
    const offer = engine.offer(tcpConfig([], { engine: "kernel", backends }), true);
    assert.equal(offer.outcome, "takes", JSON.stringify(offer));
    assert.equal(readSysctl(["ipv4", "ip_forward"]), "1");
    await engine.close();
    assert.equal(readSysctl(["ipv4", "ip_forward"]), "0");
  });
});
