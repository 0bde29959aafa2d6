import assert from "node:assert/strict";
import { HostKernel } from "../../mod/agent/host_kernel.ts";
import { peersRoutingOf, routingOf } from "../../mod/agent/routing_choice.ts";
import { loadPeersConfig } from "../../mod/config/load.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { input, mustLoad, vars } from "../config/manager/helpers.ts";
import { privileged } from "../fakes/privileges.ts";

const PEERS = "bgp_peers=192.0.2.1:65001";

privileged("each mode tells routers in its own way: ARP not at all, BGP by a speaker, routes by a table", async () => {
  const kernel = new HostKernel(systemClock);
  const parts = { kernel, link: { name: "lo" }, client: null, clock: systemClock };
  assert.equal(routingOf(mustLoad(), parts), null);
  const bgp = routingOf(mustLoad({ env: vars("vip_arp=false", "bgp_enable=true", PEERS) }), parts);
  assert.equal(bgp?.bgp()?.peers[0]?.name, "192.0.2.1:179");
  await bgp?.close();
  const table = routingOf(mustLoad({ env: vars("vip_arp=false", "vip_routingtable=true") }), parts);
  assert.equal(table?.bgp(), null);
  assert.deepEqual(table?.status(), { bgp: [], routes: [] });
  await table?.close();
  await kernel.close();
});

privileged("among peers BGP is there if it was configured", async () => {
  const kernel = new HostKernel(systemClock);
  const file = (bgp: unknown): string =>
    JSON.stringify({
      localPeer: "a:192.0.2.5:10000",
      singleNode: true,
      vip: "192.0.2.9",
      ...bgp === null ? {} : { bgp },
    });
  const load = (bgp: unknown): ReturnType<typeof peersRoutingOf> => {
    const result = loadPeersConfig(input({ content: file(bgp) }));
    assert.equal(result.outcome, "valid", JSON.stringify(result));
    return peersRoutingOf(result.config, { kernel, clock: systemClock });
  };
  assert.equal(load(null), null);
  const routing = load({ as: 65000, peers: ["192.0.2.1:65001"] });
  assert.equal(routing?.bgp()?.as, 65000);
  await routing?.close();
  await kernel.close();
});
