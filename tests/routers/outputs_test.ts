/** What routers say, read: answers of real ones to a speaker of AS 65100 whose routes have communities, a MED and a prepended path. */

import assert from "node:assert/strict";
import { birdBfd, birdRoutes, birdSessions } from "./bird_output.ts";
import { frrRoutes, frrSessions } from "./frr_output.ts";
import { gobgpRoutes, gobgpSessions } from "./gobgp_output.ts";
import { parseKernelRoutes } from "./kernel.ts";
import { openbgpdRoutes, openbgpdSessions } from "./openbgpd_output.ts";
import { type RouterSession, sessionState, type TableRoute } from "./types.ts";

const NODE = "10.98.0.2";

function answer(name: string): string {
  return Deno.readTextFileSync(new URL(`../testdata/routers/${name}`, import.meta.url));
}

const ROUTE: TableRoute = {
  prefix: "10.99.0.200/32",
  nextHops: [NODE],
  from: NODE,
  best: true,
  stale: false,
  asPath: [65100, 65100, 65100],
  med: 50,
  localPref: 100,
  communities: ["65100:7"],
  largeCommunities: ["65100:8:9"],
};
const ROUTE_6: TableRoute = { ...ROUTE, prefix: "fd99::200/128", nextHops: ["fd98::2"], localPref: null };

Deno.test("the routes of every router are read with all that is said of them", () => {
  assert.deepEqual(frrRoutes(answer("frr_routes.json")), [ROUTE_6]);
  assert.deepEqual(birdRoutes(answer("bird_routes.txt")), [{ ...ROUTE, from: "peer1" }]);
  assert.deepEqual(gobgpRoutes(answer("gobgp_routes.json")), [ROUTE_6]);
  assert.deepEqual(openbgpdRoutes(answer("openbgpd_routes.json")), [ROUTE]);
});

const UP: RouterSession = { peer: NODE, state: "established", bfd: null, lastReset: "", received: 2 };

Deno.test("the sessions of every router are read", () => {
  assert.deepEqual(frrSessions(answer("frr_neighbors.json")), [{
    ...UP,
    bfd: "up",
    lastReset: "No AFI/SAFI activated for peer",
  }]);
  const bird = birdSessions(answer("bird_protocols.txt"));
  assert.deepEqual([...bird], [["peer1", { ...UP, peer: "peer1" }]]);
  assert.deepEqual(gobgpSessions(answer("gobgp_neighbors.json")), [UP]);
  assert.deepEqual(openbgpdSessions(answer("openbgpd_neighbors.json")), [UP]);
});

Deno.test("the states of BIRD's BFD sessions are read by address", () => {
  assert.deepEqual([...birdBfd(answer("bird_bfd.txt"))], [[NODE, "up"]]);
});

Deno.test("a path of BIRD's without a prefix belongs to the prefix before it", () => {
  const text = `1007-Table master4:
 10.5.0.1/32          unicast [peer1 18:12:56.280] * (100) [AS65100i]
 \tvia 10.98.0.2 on eth0
1012-\tBGP.next_hop: 10.98.0.2
 \tBGP.community: (65100,7) (65535,0)
1007-                     unicast [peer2 18:12:57.100] (100) [AS65100i]
1012-\tBGP.next_hop: 10.98.0.3
0000 
`;
  const read = birdRoutes(text).map(({ prefix, from, best, communities }) => ({ prefix, from, best, communities }));
  assert.deepEqual(read, [
    { prefix: "10.5.0.1/32", from: "peer1", best: true, communities: ["65100:7", "65535:0"] },
    { prefix: "10.5.0.1/32", from: "peer2", best: false, communities: [] },
  ]);
});

Deno.test("routes of the kernel are read with one next hop, several, and one of the other family", () => {
  const json = JSON.stringify([
    { dst: "default", gateway: "10.98.0.9", protocol: "static" },
    { dst: "10.99.0.200", gateway: "10.98.0.2", protocol: "bgp" },
    { dst: "10.99.0.201", protocol: "bgp", nexthops: [{ gateway: "10.98.0.2" }, { gateway: "10.98.0.3" }] },
    { dst: "10.99.0.202", protocol: "bgp", via: { family: "inet6", host: "fe80::1" } },
    { dst: "10.98.0.0/24", dev: "eth0", protocol: "kernel" },
  ]);
  assert.deepEqual(parseKernelRoutes(json, 4), [
    { prefix: "default", nextHops: ["10.98.0.9"], protocol: "static" },
    { prefix: "10.99.0.200/32", nextHops: [NODE], protocol: "bgp" },
    { prefix: "10.99.0.201/32", nextHops: [NODE, "10.98.0.3"], protocol: "bgp" },
    { prefix: "10.99.0.202/32", nextHops: ["fe80::1"], protocol: "bgp" },
    { prefix: "10.98.0.0/24", nextHops: [], protocol: "kernel" },
  ]);
  assert.deepEqual(parseKernelRoutes("", 6), []);
});

Deno.test("states have one name, however a router writes them", () => {
  const written = ["Established", "OpenSent", "OPEN_CONFIRM", "Idle (Admin)", "Clearing", "Down", "Surprise"];
  const read = ["established", "opensent", "openconfirm", "idle", "idle", "idle", "unknown"];
  assert.deepEqual(written.map(sessionState), read);
});

Deno.test("why a session has ended is read with the text of the other side", () => {
  const bgp = { lastResetDueTo: "BGP Notification received", lastNotificationReason: "Cease/Administrative Shutdown" };
  const frr = JSON.stringify({ [NODE]: { bgpState: "Active", ...bgp, lastShutdownDescription: "good night" } });
  const why = "BGP Notification received; Cease/Administrative Shutdown; good night";
  assert.deepEqual(frrSessions(frr), [{ ...UP, state: "active", lastReset: why, received: 0 }]);
  const bird =
    `1002-peer1      BGP        ---        start  18:12:55.433  Active        Received: Administrative shutdown
1006-  BGP state:          Active
     Last error:       Received: Administrative shutdown
     Message:          good night
0000 
`;
  const session = {
    peer: "peer1",
    state: "active",
    bfd: null,
    lastReset: "Received: Administrative shutdown; good night",
  };
  assert.deepEqual(birdSessions(bird).get("peer1"), { ...session, received: 0 });
});
