/** What OpenBGPD says, read. */

import { below, elements, members, number, text } from "./json.ts";
import { type RouterSession, sessionState, type TableRoute } from "./types.ts";

/** The answer to `show neighbor`. */
export function openbgpdSessions(json: string): RouterSession[] {
  return elements(members(JSON.parse(json))["neighbors"]).map((value) => {
    const one = members(value);
    const reset = ["last_error_received", "last_error_sent", "error", "last_shutdown_reason", "shutdown_reason"];
    return {
      peer: text(one["remote_addr"]),
      state: sessionState(text(one["state"])),
      bfd: null,
      lastReset: reset.map((name) => text(one[name])).filter((part) => part !== "").join("; "),
      received: number(below(value, "stats", "prefixes")["received"]),
    };
  });
}

function path(value: unknown): TableRoute {
  const one = members(value);
  const from = text(below(value, "neighbor")["remote_addr"]);
  const texts = (name: string): string[] => elements(one[name]).map(text);
  return {
    prefix: text(one["prefix"]),
    nextHops: [text(one["exit_nexthop"])],
    from: from === "???" ? "" : from,
    best: one["best"] === true,
    stale: one["stale"] === true,
    asPath: text(one["aspath"]).split(" ").filter((word) => /^\d+$/.test(word)).map(Number),
    med: number(one["metric"]),
    localPref: number(one["localpref"]),
    communities: texts("communities"),
    largeCommunities: texts("large_communities"),
  };
}

/** The answer to `show rib detail`. */
export function openbgpdRoutes(json: string): TableRoute[] {
  return elements(members(JSON.parse(json))["rib"]).map(path);
}
