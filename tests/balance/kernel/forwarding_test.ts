import assert from "node:assert/strict";
import { Forwarding } from "../../../mod/balance/kernel/forwarding.ts";
import { readSysctl } from "../../../mod/linux/sysctl.ts";
import { SysctlKeeper } from "../../../mod/linux/sysctl_keeper.ts";
import { privileged } from "../../fakes/privileges.ts";
import { insideNamespace } from "./kit.ts";

privileged("forwarding is turned on for what needs it, and off again at the end", async () => {
  await insideNamespace(() => {
    const keeper = new SysctlKeeper();
    const forwarding = new Forwarding({ read: readSysctl, keeper }, () => ["lo"]);
    keeper.ensure(["ipv4", "ip_forward"], "0");
    assert.deepEqual([forwarding.isOn(4), forwarding.isOn(6)], [false, false]);
    assert.equal(forwarding.turnOn(4), null);
    assert.deepEqual([forwarding.isOn(4), forwarding.isOn(6)], [true, false]);
    assert.equal(forwarding.turnOn(6), null);
    assert.equal(forwarding.isOn(6), true);
    forwarding.keepOnly([4, 6]);
    assert.deepEqual([forwarding.isOn(4), forwarding.isOn(6)], [true, true]);
    forwarding.keepOnly([6]);
    assert.deepEqual([forwarding.isOn(4), forwarding.isOn(6)], [false, true]);
    forwarding.restore();
    forwarding.restore();
    assert.equal(forwarding.isOn(6), false);
    return Promise.resolve();
  });
});

Deno.test("where it may not be turned on the setting is named", () => {
  const key = ["ipv4", "ip_forward"];
  const keeper = {
    ensureForwarding: () => [{ outcome: "refused", key, is: "0", wanted: "1" } as const],
    restore: () => [],
  };
  const forwarding = new Forwarding({ read: () => "0", keeper }, () => []);
  assert.match(forwarding.turnOn(4) ?? "", /^net\.ipv4\.ip_forward is off and may not be turned on here/);
  assert.match(forwarding.turnOn(6) ?? "", /^net\.ipv6\.conf\.all\.forwarding is off/);
});
