import assert from "node:assert/strict";
import { parseHops, type RouteHops } from "./hops.ts";

const LINES: Readonly<Record<string, RouteHops | null>> = {
  "10.99.0.200 nhid 12 via 10.98.0.3 dev eth0 proto bgp metric 20 ": { prefix: "10.99.0.200", hops: ["10.98.0.3"] },
  "Deleted 10.99.0.200 nhid 12 via 10.98.0.3 dev eth0 proto bgp metric 20 ": { prefix: "10.99.0.200", hops: [] },
  "10.99.0.200 nhid 14 proto bgp metric 20 \\\tnexthop via 10.98.0.3 dev eth0 weight 1 \\\tnexthop via 10.98.0.4 dev eth0 weight 1 ":
    { prefix: "10.99.0.200", hops: ["10.98.0.3", "10.98.0.4"] },
  "fd99::200 nhid 13 via fd98::3 dev eth0 proto bgp metric 20 pref medium": { prefix: "fd99::200", hops: ["fd98::3"] },
  "10.99.0.200 via inet6 fe80::1 dev eth0 proto bgp": { prefix: "10.99.0.200", hops: ["fe80::1"] },
  "10.98.0.0/24 dev eth0 proto kernel scope link src 10.98.0.1 ": null,
  "local 10.98.0.1 dev eth0 table local proto kernel scope host src 10.98.0.1 ": null,
  "10.99.0.0/24 via 10.98.0.3 dev eth0 ": null,
  "": null,
};

Deno.test("a line of the kernel's route monitor tells where an address leads, and that nothing does", () => {
  for (const [line, expected] of Object.entries(LINES)) assert.deepEqual(parseHops(line), expected, line);
});
