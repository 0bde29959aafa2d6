import assert from "node:assert/strict";
import { PeersPages } from "../../mod/agent/peers_pages.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { NO_ROUTING } from "../../mod/observe/status_types.ts";
import { quietPort } from "../fakes/ports.ts";

const FACTS = {
  holds: () => [],
  balancers: () => [
    {
      name: "web",
      type: "tcp",
      engine: "kernel",
      listening: [],
      connections: 0,
      totalConnections: 5,
      backends: [],
    } as const,
  ],
  routing: () => NO_ROUTING,
};
const COMMON = { clock: systemClock, build: { version: "1.2.3", commit: "abc" }, node: "a", stallMs: 50, facts: FACTS };

Deno.test("a machine of peers mode shows what it is, its balancers and its changes of hold", async () => {
  const port = quietPort();
  const pages = new PeersPages({ ...COMMON, listen: { host: "127.0.0.1", port } });
  await pages.start();
  try {
    pages.held("10.0.0.9");
    pages.announced("10.0.0.9", 12);
    pages.released("10.0.0.9");
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    assert.match(text, /kube_vip_build_info\{version="1.2.3",build="abc",node="a"\} 1/);
    assert.match(text, /kube_vip_balancer_info\{balancer="web",type="tcp",engine="kernel",why=""\} 1/);
    assert.match(text, /kube_vip_balancer_connections_total\{balancer="web"\} 5/);
    assert.match(text, /kube_vip_takeover_seconds_count 1/);
  } finally {
    await pages.stop();
  }
});

Deno.test("without a place to listen nothing is served and nothing is left open", async () => {
  const pages = new PeersPages({ ...COMMON, listen: null });
  await pages.start();
  pages.held("10.0.0.9");
  await pages.stop();
});
