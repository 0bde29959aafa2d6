/** What the dump says of BGP and of routes in the kernel. */

import type { DumpFacts } from "./dump_types.ts";
import type { BgpPeerStatus } from "./status_types.ts";

/** `Key: value`. */
export type Line = readonly [key: string, value: string | number | boolean];

/** Upstream's lines of the speaker and its peers, and the state of each session. */
export function bgpLines({ bgp, routing }: DumpFacts): Line[] {
  if (bgp === null) return [];
  return [
    ["AS", bgp.as],
    ["Router ID", bgp.routerId],
    ["Source IP", bgp.sourceIp ?? ""],
    ["Source Interface", bgp.sourceInterface ?? ""],
    ["Hold Time", `${bgp.holdTimeMs / 1000} seconds`],
    ["Keepalive Interval", `${bgp.keepaliveMs / 1000} seconds`],
    ["BGP Peers", bgp.peers.length],
    ...bgp.peers.map(({ name, as, multihop }, i): Line => {
      const session = routing.bgp.find((one) => one.name === name);
      const state = session === undefined ? "" : `, ${stateText(session)}`;
      return [`  Peer ${i + 1}`, `${name} (AS: ${as ?? "any"}, MultiHop: ${multihop})${state}`];
    }),
  ];
}

function stateText({ state, stateForMs, bfd, lastError }: BgpPeerStatus): string {
  const watched = bfd === null ? "" : `, BFD ${bfd}`;
  const error = lastError === null ? "" : `, last error: ${lastError}`;
  return `${state} for ${(stateForMs / 1000).toFixed(1)} s${watched}${error}`;
}

/** Host routes that are announced, each with the number of peers that have routes of ours. */
export function ribLines({ bgp, routing }: DumpFacts): Line[] {
  const announced = bgp?.announced ?? [];
  const told = routing.bgp.filter(({ prefixesSent }) => prefixesSent > 0).length;
  return [
    ["Paths", announced.length],
    ...announced.map((ip): Line => ["Path", `${ip}/${ip.includes(":") ? 128 : 32}, next hop self`]),
    ...announced.length === 0 ? [] : [["Peers With Paths", told] as const],
  ];
}

/** Routes in a table of the kernel. */
export function routeLines({ routing }: DumpFacts): Line[] {
  return routing.routes.map(({ ip, state, why }): Line => [`Route ${ip}`, why === "" ? state : `${state}: ${why}`]);
}
