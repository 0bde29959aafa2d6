/** `mpbgp_nexthop` and its addresses, global or of one peer (reference §6.3). */

import type { NextHopPolicy } from "../../bgp/types.ts";
import { ipOf } from "./kinds.ts";

/** As given; empty texts for nothing. */
export interface GivenNextHop {
  readonly how: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** Where the session comes from. */
interface Source {
  readonly sourceIp: string | null;
  readonly sourceInterface: string | null;
}

export type NextHopResult =
  /** null: plain BGP, only the session's own family. */
  | { readonly outcome: "valid"; readonly policy: NextHopPolicy | null }
  /** `what` ends a sentence that names who. */
  | { readonly outcome: "invalid"; readonly what: string };

/** `key=value` pairs of a peer string, keys known. */
export function nextHopOptions(pairs: string): GivenNextHop {
  const options = new Map(
    pairs.split(";").map((pair): [string, string] => {
      const [key = "", value = ""] = pair.split("=");
      return [key, value];
    }),
  );
  const of = (key: string): string => options.get(key) ?? "";
  return { how: of("mpbgp_nexthop"), ipv4: of("mpbgp_ipv4"), ipv6: of("mpbgp_ipv6") };
}

/** What a peer has counts before what all have. */
export function mergeNextHop(own: GivenNextHop, all: GivenNextHop): GivenNextHop {
  return { how: own.how || all.how, ipv4: own.ipv4 || all.ipv4, ipv6: own.ipv6 || all.ipv6 };
}

/** The policy, or why there can be none. */
export function nextHopPolicy(given: GivenNextHop, source: Source): NextHopResult {
  switch (given.how) {
    case "":
      return valid(null);
    case "fixed":
      return fixed(given);
    case "auto_sourceip":
      return source.sourceIp === null
        ? invalid("mpbgp_nexthop auto_sourceip needs a source address (bgp_sourceip)")
        : valid({ is: "source-address" });
    case "auto_sourceif":
      return source.sourceInterface === null
        ? invalid("mpbgp_nexthop auto_sourceif needs a source interface (bgp_sourceif)")
        : valid({ is: "source-interface" });
    default:
      return invalid("mpbgp_nexthop must be fixed, auto_sourceip or auto_sourceif");
  }
}

function fixed({ ipv4, ipv6 }: GivenNextHop): NextHopResult {
  if (ipv4 === "" && ipv6 === "") return invalid("mpbgp_nexthop fixed needs mpbgp_ipv4, mpbgp_ipv6 or both");
  const [four, six] = [ipOf(4, ipv4), ipOf(6, ipv6)];
  if (ipv4 !== "" && four === null) return invalid("mpbgp_ipv4 must be an IPv4 address");
  if (ipv6 !== "" && six === null) return invalid("mpbgp_ipv6 must be an IPv6 address");
  return valid({ is: "fixed", ipv4: four, ipv6: six });
}

function valid(policy: NextHopPolicy | null): NextHopResult {
  return { outcome: "valid", policy };
}

function invalid(what: string): NextHopResult {
  return { outcome: "invalid", what };
}
