/** What FRR says, read. */

import { below, elements, members, number, text } from "./json.ts";
import { type RouterSession, sessionState, type TableRoute } from "./types.ts";

/** The answer to `show bgp neighbors json`. */
export function frrSessions(json: string): RouterSession[] {
  return Object.entries(members(JSON.parse(json))).map(([peer, value]) => {
    const one = members(value);
    const families = Object.values(below(value, "addressFamilyInfo"));
    const reset = ["lastResetDueTo", "lastNotificationReason", "lastShutdownDescription"].map((name) =>
      text(one[name])
    );
    return {
      peer,
      state: sessionState(text(one["bgpState"])),
      bfd: one["peerBfdInfo"] === undefined ? null : text(below(value, "peerBfdInfo")["status"]).toLowerCase(),
      lastReset: reset.filter((part) => part !== "").join("; "),
      received: families.reduce(
        (sum: number, family) => sum + (number(members(family)["acceptedPrefixCounter"]) ?? 0),
        0,
      ),
    };
  });
}

function path(prefix: string, value: unknown): TableRoute {
  const one = members(value);
  const segments = elements(below(value, "aspath")["segments"]);
  const words = (name: string): string[] => text(below(value, name)["string"]).split(" ").filter((word) => word !== "");
  const source = text(below(value, "peer")["peerId"]);
  return {
    prefix,
    // Of a global and a link-local next hop one is used.
    nextHops: elements(one["nexthops"]).map(members).filter((hop) => hop["used"] === true).map((hop) =>
      text(hop["ip"])
    ),
    from: source === "0.0.0.0" || source === "::" ? "" : text(below(value, "peer")["interface"]) || source,
    best: below(value, "bestpath")["overall"] === true || one["multipath"] === true,
    stale: one["stale"] === true,
    asPath: segments.flatMap((segment) => elements(members(segment)["list"]).flatMap((as) => number(as) ?? [])),
    med: number(one["metric"]),
    localPref: number(one["locPrf"]),
    communities: words("community"),
    largeCommunities: words("largeCommunity"),
  };
}

/** The answer to `show bgp ipv4 unicast json detail`. */
export function frrRoutes(json: string): TableRoute[] {
  return Object.entries(below(JSON.parse(json), "routes")).flatMap(([prefix, entries]) =>
    // The first entry is about the prefix itself.
    elements(entries).filter((entry) => members(entry)["aspath"] !== undefined).map((entry) => path(prefix, entry))
  );
}
