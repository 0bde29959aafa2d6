/** BGP of `start`: the group `bgp` of the file, and the names it had in the raft era. */

import { Readings } from "../manager/readings.ts";
import { group } from "../manager/kinds.ts";
import type { Given, Section } from "../section.ts";
import { type Setting, setting } from "../setting.ts";
import { isHarmless } from "../tree.ts";
import type { GivenVip } from "../vips.ts";
import { type BgpReadings, readBgp, warnUncarried } from "./read.ts";
import {
  BGP_CONFIG,
  BGP_ENABLED,
  BGP_FIELDS,
  BGP_PEER_GROUP,
  OLD_BGP_KEY,
  START_BGP_GROUP,
  START_BGP_KEY,
} from "./settings.ts";
import type { BalancerConfig } from "../types.ts";
import type { BgpSettings } from "./types.ts";

interface StartOptions {
  readonly elects: boolean;
  readonly disableVip: boolean;
  readonly vips: readonly GivenVip[];
  readonly balancers: readonly Pick<BalancerConfig, "name" | "port">[];
  readonly readText: (path: string) => string;
}

/** The speaker; null if BGP is off. */
export function readStartBgp(top: Section, options: StartOptions): BgpSettings | null {
  const enabled = top.read(BGP_ENABLED);
  const readings = readGroups(top);
  const { elects, disableVip, vips, balancers, readText } = options;
  if (!isOn(top, enabled)) {
    if (enabled.origin === "default") warnOff(top, readings);
    return null;
  }
  if (disableVip) {
    enabled.place.warning("has no effect: disableVIP is set");
    return null;
  }
  const bgp = readBgp(readings, { elects, othersFollow: false, peers: null, addresses: vips, readText });
  warnUncarried(bgp.peers, vips);
  checkPort(readings.get(BGP_CONFIG.listenPort), balancers);
  return bgp;
}

/** BGP listens on every address, so that a load balancer which listens on the VIPs only clashes with it, too. */
function checkPort({ value, place }: Given<number>, balancers: StartOptions["balancers"]): void {
  const owner = balancers.find(({ port }) => port === value);
  if (owner === undefined) return;
  place.problem(`is the port of the load balancer ${owner.name}; BGP needs its own`, String(value));
}

/** Both groups: the speaker with its peers, and the single peer. */
function readGroups(top: Section): BgpReadings {
  if (named(START_BGP_KEY, top) !== null && named(OLD_BGP_KEY, top) !== null) {
    named(OLD_BGP_KEY, top)?.place.problem(`is the old name of ${START_BGP_KEY}, which is given too; give one of them`);
  }
  const speaker = new Readings(top.group(START_BGP_GROUP), BGP_FIELDS, "by key");
  const single = new Readings(top.group(BGP_PEER_GROUP), BGP_PEER_GROUP.fields, "by key");
  return {
    get: <T>(one: Setting<T>): Given<T> => (BGP_PEER_GROUP.fields.includes(one) ? single : speaker).get(one),
  };
}

/** What the file has under one name of a group. */
function named(key: string, top: Section): ReturnType<Section["tree"]> {
  return top.tree(setting<null>({ key, kind: group, fallback: null, help: "" }));
}

/** `enableBGP` decides; without it the group of today's files is enough, as an old one has `bgpConfig` whether it is used or not. */
function isOn(top: Section, enabled: Given<boolean>): boolean {
  if (enabled.origin !== "default") return enabled.value;
  const own = named(START_BGP_KEY, top);
  return own !== null && !isHarmless(own.tree);
}

/** What old files and variables describe is off until somebody switches it on. */
function warnOff(top: Section, readings: BgpReadings): void {
  const why = "has no effect: BGP is off; set enableBGP to true (or bgp_enable, --bgp)";
  for (const key of [OLD_BGP_KEY, BGP_PEER_GROUP.key]) {
    const given = named(key, top);
    if (given !== null && !isHarmless(given.tree)) given.place.warning(why);
  }
  for (const one of [BGP_CONFIG.peers, BGP_CONFIG.peer.address]) {
    const { origin, place } = readings.get<unknown>(one);
    if (origin === "env" || origin === "flag") place.warning(why);
  }
}
