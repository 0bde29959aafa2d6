import assert from "node:assert/strict";
import { command } from "./helpers.ts";

Deno.test("docs settings prints the table of settings", async () => {
  const { code, out, err } = await command(["docs", "settings"]);
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /^# Settings of `kube-vip start`\n/);
  assert.match(out, /\| `loadBalancers\[\]\.port` \| `--lbPort` \| `lb_port` \|/);
  assert.match(out, /\n# Settings of `kube-vip manager`\n/);
  assert.match(out, /\| `bgpConfig\.peers` \| `--bgppeers` \| `bgp_peers` \|/);
});
