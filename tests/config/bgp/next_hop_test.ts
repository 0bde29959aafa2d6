import assert from "node:assert/strict";
import { mergeNextHop, nextHopOptions, nextHopPolicy } from "../../../mod/config/bgp/next_hop.ts";

const NONE = { how: "", ipv4: "", ipv6: "" };
const NOWHERE: Record<"sourceIp" | "sourceInterface", string | null> = { sourceIp: null, sourceInterface: null };

Deno.test("the options of a peer string are read, and count before those of all peers", () => {
  const own = nextHopOptions("mpbgp_nexthop=fixed;mpbgp_ipv6=fd00::1");
  assert.deepEqual(own, { how: "fixed", ipv4: "", ipv6: "fd00::1" });
  assert.deepEqual(nextHopOptions(""), NONE);
  const all = { how: "auto_sourceip", ipv4: "10.0.0.1", ipv6: "fd00::2" };
  assert.deepEqual(mergeNextHop(own, all), { how: "fixed", ipv4: "10.0.0.1", ipv6: "fd00::1" });
  assert.deepEqual(mergeNextHop(NONE, all), all);
});

Deno.test("each kind of next hop has what it needs, or is refused with the reason", () => {
  const from = { sourceIp: "10.0.0.1", sourceInterface: "eth0" };
  const rows: [Partial<typeof NONE>, typeof NOWHERE, unknown][] = [
    [{}, NOWHERE, null],
    [{ ipv4: "10.0.0.1" }, NOWHERE, null],
    [{ how: "fixed", ipv4: "10.0.0.1" }, NOWHERE, { is: "fixed", ipv4: "10.0.0.1", ipv6: null }],
    [{ how: "fixed", ipv6: "fd00:0::1" }, NOWHERE, { is: "fixed", ipv4: null, ipv6: "fd00::1" }],
    [{ how: "fixed" }, from, /fixed needs mpbgp_ipv4, mpbgp_ipv6 or both/],
    [{ how: "fixed", ipv4: "fd00::1" }, from, /mpbgp_ipv4 must be an IPv4 address/],
    [{ how: "fixed", ipv4: "10.0.0.1", ipv6: "10.0.0.1" }, from, /mpbgp_ipv6 must be an IPv6 address/],
    [{ how: "auto_sourceip" }, from, { is: "source-address" }],
    [{ how: "auto_sourceip" }, { ...from, sourceIp: null }, /needs a source address/],
    [{ how: "auto_sourceif" }, from, { is: "source-interface" }],
    [{ how: "auto_sourceif" }, { ...from, sourceInterface: null }, /needs a source interface/],
    [{ how: "auto" }, from, /must be fixed, auto_sourceip or auto_sourceif/],
  ];
  for (const [given, source, wanted] of rows) {
    const result = nextHopPolicy({ ...NONE, ...given }, source);
    if (result.outcome === "valid") assert.deepEqual(result.policy, wanted);
    else assert.match(result.what, wanted instanceof RegExp ? wanted : /^$/);
  }
});
