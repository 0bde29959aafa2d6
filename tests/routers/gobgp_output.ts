/** What GoBGP says, read. */

import { below, elements, members, number, text } from "./json.ts";
import type { RouterSession, RouterSessionState, TableRoute } from "./types.ts";

/** `PeerState.SessionState` of its API. */
const STATES: readonly RouterSessionState[] = [
  "unknown",
  "idle",
  "connect",
  "active",
  "opensent",
  "openconfirm",
  "established",
];

/** Numbers of path attributes (RFC 4271, 4760, 1997, 8092). */
const ATTRIBUTE = { asPath: 2, nextHop: 3, med: 4, localPref: 5, communities: 8, reach: 14, large: 32 } as const;

/** The answer to `neighbor -j`. */
export function gobgpSessions(json: string): RouterSession[] {
  return elements(JSON.parse(json)).map((value) => {
    const state = below(value, "state");
    const accepted = elements(members(value)["afi_safis"])
      .map((family) => number(below(family, "state")["accepted"]) ?? 0);
    return {
      peer: text(below(value, "conf")["neighbor_address"]),
      state: STATES[number(state["session_state"]) ?? 0] ?? "unknown",
      bfd: null,
      lastReset: text(state["disconnect_message"]),
      received: accepted.reduce((sum, count) => sum + count, 0),
    };
  });
}

function communityText(value: unknown): string {
  const community = number(value) ?? 0;
  return `${community >>> 16}:${community & 0xffff}`;
}

function path(prefix: string, value: unknown): TableRoute {
  const one = members(value);
  const attribute = (type: number): Readonly<Record<string, unknown>> =>
    members(elements(one["attrs"]).find((candidate) => members(candidate)["type"] === type));
  const hop = text(attribute(ATTRIBUTE.nextHop)["nexthop"]) || text(attribute(ATTRIBUTE.reach)["nexthop"]);
  const segments = elements(attribute(ATTRIBUTE.asPath)["as_paths"]);
  const large = elements(attribute(ATTRIBUTE.large)["value"]).map(members);
  return {
    prefix,
    nextHops: hop === "" ? [] : [hop],
    from: text(one["neighbor-ip"]) || text(one["source-id"]),
    best: one["best"] === true,
    stale: one["stale"] === true,
    asPath: segments.flatMap((segment) => elements(members(segment)["asns"]).flatMap((as) => number(as) ?? [])),
    med: number(attribute(ATTRIBUTE.med)["metric"]),
    localPref: number(attribute(ATTRIBUTE.localPref)["value"]),
    communities: elements(attribute(ATTRIBUTE.communities)["communities"]).map(communityText),
    largeCommunities: large.map((entry) => [entry["ASN"], entry["LocalData1"], entry["LocalData2"]].join(":")),
  };
}

/** The answer to `global rib -j`. */
export function gobgpRoutes(json: string): TableRoute[] {
  return Object.entries(members(JSON.parse(json))).flatMap(([prefix, paths]) =>
    elements(paths).map((entry) => path(prefix, entry))
  );
}
