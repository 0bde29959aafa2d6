/** What has to hold for BGP as a whole: from its settings to the speaker and its peers. */

import type { RoutePolicy } from "../../bgp/types.ts";
import type { Ip } from "../../net/ip.ts";
import type { Place } from "../findings.ts";
import type { Given } from "../section.ts";
import type { Setting } from "../setting.ts";
import { ipOf } from "./kinds.ts";
import { type GivenNextHop, nextHopOptions, nextHopPolicy } from "./next_hop.ts";
import { commonPassword, readPassword } from "./password.ts";
import { buildPeer, type PeerDraft, type PeerHelp } from "./peer.ts";
import { type BgpPeer, type BgpPeers, NO_OVERRIDES } from "./peer_string.ts";
import { BGP_CONFIG, RESTART_S } from "./settings.ts";
import type { BgpSettings, PeerDefaults } from "./types.ts";

/** Settings that have been read. */
export interface BgpReadings {
  get<T>(setting: Setting<T>): Given<T>;
}

export interface BgpOptions {
  /** Only one node at a time announces an address. */
  readonly elects: boolean;
  /** Peers come from somewhere else, too, so that there may be none here. */
  readonly othersFollow: boolean;
  /** In the place of `peers`; null: nothing is given there. */
  readonly peers: Given<BgpPeers> | null;
  /** The virtual ones, none of which is a router's. */
  readonly addresses: readonly PlacedAddress[];
  /** Reads password files; throws if that fails. */
  readonly readText: (path: string) => string;
}

/** The speaker; what is wrong is noted, and then the result is of no use. */
export function readBgp(readings: BgpReadings, options: BgpOptions): BgpSettings {
  refuseZebra(readings);
  const source = readSource(readings);
  const listenPort = readings.get(BGP_CONFIG.listenPort).value || null;
  const defaults: PeerDefaults = {
    password: commonPassword(readings.get(BGP_CONFIG.passwordFile), options.readText),
    ttlSecurityHops: readings.get(BGP_CONFIG.ttlSecurity).value || null,
    ...source,
    nextHop: readNextHop(readings, source),
    ...readTimers(readings),
    passive: readings.get(BGP_CONFIG.passive).value,
    policy: readPolicy(readings),
  };
  const routerId = readings.get(BGP_CONFIG.routerId).value;
  return {
    as: readAs(readings),
    routerId: routerId === "" ? null : routerId,
    routerInterface: readings.get(BGP_CONFIG.routerInterface).value,
    ...source,
    listenPort,
    gracefulRestartMs: readGracefulRestart(readings, options.elects),
    peers: readPeers(readings, { ...options, defaults, listens: listenPort !== null }),
    defaults,
  };
}

function refuseZebra(readings: BgpReadings): void {
  const { enabled, url, version, software } = BGP_CONFIG.zebra;
  const { value, place } = readings.get(enabled);
  if (value) {
    place.problem(
      "FRR's zebra is not spoken to; use routing-table mode (vip_routingtable) with FRR's redistribute table",
      "true",
    );
  }
  for (const setting of [url, version, software]) {
    const given = readings.get<string | number>(setting);
    if (given.origin === "default" || given.origin === "invalid") continue;
    given.place.warning("has no effect: FRR's zebra is not spoken to", String(given.value));
  }
}

type Source = Pick<PeerDefaults, "sourceIp" | "sourceInterface">;

function readSource(readings: BgpReadings): Source {
  const { value, place } = readings.get(BGP_CONFIG.sourceIp);
  const sourceInterface = readings.get(BGP_CONFIG.sourceInterface).value;
  if (value !== "" && sourceInterface !== null) {
    place.problem("sourceIP and SourceIF are mutually exclusive; give one of them", value);
  }
  return { sourceIp: value === "" ? null : value, sourceInterface };
}

/** RFC 6793 §4.2.2: stands for AS numbers that do not fit into two octets. */
const AS_TRANS = 23456;

function readAs(readings: BgpReadings): number {
  const { value, place } = readings.get(BGP_CONFIG.as);
  if (value === 0) place.problem("you need to provide AS; must be a number from 1 to 4294967295", "0");
  if (value === AS_TRANS) place.problem("stands for other numbers (RFC 6793) and is nobody's", String(value));
  return value;
}

/** Bad addresses are noted here once, instead of with each peer. */
function readNextHop(readings: BgpReadings, source: Source): GivenNextHop {
  const how = readings.get(BGP_CONFIG.nextHop);
  const [ipv4, ipv6] = [readings.get(BGP_CONFIG.nextHop4), readings.get(BGP_CONFIG.nextHop6)];
  const given = { how: how.value, ipv4: ipv4.value, ipv6: ipv6.value };
  for (const { value, place } of [ipv4, ipv6]) {
    if (value !== "" && how.value !== "fixed") place.warning("has no effect without mpbgp_nexthop=fixed", value);
  }
  if (how.value !== "fixed") return given;
  if (![isAddress(ipv4, 4), isAddress(ipv6, 6)].every(Boolean)) return { ...given, how: "" };
  const result = nextHopPolicy(given, source);
  if (result.outcome === "valid") return given;
  how.place.problem(result.what, how.value);
  return { ...given, how: "" };
}

/** Whether it is empty or an address of that version; notes if it is not. */
function isAddress({ value, place }: Given<string>, family: 4 | 6): boolean {
  if (value === "" || ipOf(family, value) !== null) return true;
  place.problem(`must be an IPv${family} address`, value);
  return false;
}

/** Upstream's (GoBGP's) for a hold time of 0. */
const USUAL_HOLD_S = 90;
/** RFC 4271 §4.2: sixteen bits, and not 1 or 2. */
const LEAST_HOLD_S = 3;
const LONGEST_HOLD_S = 65_535;

function readTimers(readings: BgpReadings): Pick<PeerDefaults, "holdTimeMs" | "keepaliveMs"> {
  const hold = readings.get(BGP_CONFIG.holdTime);
  const keepalive = readings.get(BGP_CONFIG.keepalive);
  const holdS = hold.value === 0 ? USUAL_HOLD_S : hold.value;
  if (holdS < LEAST_HOLD_S || holdS > LONGEST_HOLD_S) {
    hold.place.problem(
      `must be 0 (for ${USUAL_HOLD_S}) or a number of seconds from ${LEAST_HOLD_S} to ${LONGEST_HOLD_S}`,
      String(hold.value),
    );
  }
  const holdTimeMs = holdS * 1000;
  const thirdMs = Math.floor(holdTimeMs / 3);
  if (keepalive.value === 0) return { holdTimeMs, keepaliveMs: thirdMs };
  if (keepalive.value < holdS) return { holdTimeMs, keepaliveMs: keepalive.value * 1000 };
  // A short hold time alone leaves the default of the other behind.
  if (keepalive.origin !== "default") {
    const message = `is not less than the hold time of ${holdS} seconds; a third of that is taken`;
    keepalive.place.warning(message, String(keepalive.value));
  }
  return { holdTimeMs, keepaliveMs: thirdMs };
}

function readPolicy(readings: BgpReadings): RoutePolicy {
  return {
    communities: readings.get(BGP_CONFIG.communities).value.map(({ value }) => value),
    largeCommunities: readings.get(BGP_CONFIG.largeCommunities).value.map(({ value }) => value),
    localPref: readings.get(BGP_CONFIG.localPref).value,
    med: readings.get(BGP_CONFIG.med).value,
    prepend: readings.get(BGP_CONFIG.prepend).value,
  };
}

/** With an election the next holder announces the address; a route that peers keep would compete with its. */
function readGracefulRestart(readings: BgpReadings, elects: boolean): number | null {
  const { value, place } = readings.get(BGP_CONFIG.gracefulRestart);
  if (!elects) return (value ?? RESTART_S) * 1000 || null;
  if (value !== null && value > 0) {
    place.warning(
      "has no effect with an election, whose next holder must not compete with a stale route",
      String(value),
    );
  }
  return null;
}

interface PeerOptions extends BgpOptions {
  readonly defaults: PeerDefaults;
  readonly listens: boolean;
}

function readPeers(readings: BgpReadings, options: PeerOptions): BgpSettings["peers"] {
  const list = options.peers ?? readings.get(BGP_CONFIG.peers);
  if (list.value.peers.some(({ password }) => password !== "")) warnOfFlag(list);
  const bfd = new BfdNotes();
  const drafts = list.value.peers.map((peer) => ({ draft: draftOf(peer), place: peer.place }));
  const single = singlePeer(readings);
  if (single !== null) drafts.push(single);
  const seen = new Set<string>();
  const peers = drafts.flatMap(({ draft, place }) => {
    const peer = buildPeer(draft, helpAt(place, options, bfd));
    if (peer === null) return [];
    const vip = options.addresses.find(({ ip }) => peer.address.is === "ip" && ip?.text === peer.address.ip);
    if (vip !== undefined) {
      const mistake = `BGP peer ${peer.name} is a virtual address, which the nodes hold themselves (${vip.place.key})`;
      place.problem(`${mistake}; must be the address of a router`);
    }
    if (seen.has(peer.name)) place.problem(`BGP peer ${peer.name} is listed twice; give each peer once`);
    seen.add(peer.name);
    return [peer];
  });
  bfd.warn(list.place);
  const missing = drafts.length === 0 && list.origin !== "invalid" && !options.othersFollow;
  if (missing) list.place.problem("you need to provide at least one peer, like 192.168.0.1:65001");
  return peers;
}

function draftOf(peer: BgpPeer): PeerDraft {
  return { ...peer, nextHop: nextHopOptions(peer.mpbgp) };
}

/** The peer of `bgp_peeraddress` and what belongs to it. */
function singlePeer(readings: BgpReadings): { draft: PeerDraft; place: Place } | null {
  const { address, as, password, multihop } = BGP_CONFIG.peer;
  const given = readings.get(address);
  const secret = readings.get(password);
  if (given.value === "") {
    if (secret.value === "") return null;
    secret.place.warning(
      "has no effect without bgp_peeraddress, whose password it is; for other peers give bgp_peerpass_file",
      secret.value,
    );
    return null;
  }
  if (secret.value !== "") warnOfFlag(secret);
  const draft = {
    address: given.value.replace(/^\[(.*)\]$/, "$1"),
    interface: "",
    port: 0,
    as: readings.get(as).value,
    password: secret.value,
    multihop: readings.get(multihop).value,
    nextHop: nextHopOptions(""),
    bfd: "",
    overrides: NO_OVERRIDES,
  };
  return { draft, place: given.place };
}

/** A command line is no place for a password. */
function warnOfFlag({ origin, place }: Given<unknown>): void {
  if (origin !== "flag") return;
  place.warning(
    "has a password that everybody on this machine can read in the list of processes (ps); give it in a file",
  );
}

function helpAt(place: Place, options: PeerOptions, bfd: BfdNotes): PeerHelp {
  const { defaults, listens, readText } = options;
  const problem = (message: string): void => place.problem(message);
  return {
    defaults,
    listens,
    problem,
    warning: (message) => place.warning(message),
    noteBfd: (name, units) => bfd.add(name, units),
    readPassword: (path) => {
      const result = readPassword(path, readText);
      if (result.outcome === "read") return result.password;
      problem(`the password file ${path} ${result.what}`);
      return null;
    },
  };
}

/** Says once for all peers how their BFD times were taken. */
class BfdNotes {
  readonly #names = new Map<string, string[]>();

  add(name: string, units: string): void {
    this.#names.set(units, [...this.#names.get(units) ?? [], name]);
  }

  warn(place: Place): void {
    if (this.#names.size === 0) return;
    const each = [...this.#names].map(([units, names]) => `${names.join(", ")}: ${units}`).join("; ");
    place.warning(`BFD intervals are taken as follows (from 10000 on microseconds, less milliseconds): ${each}`);
  }
}

/** An address, as it was given and where. */
interface PlacedAddress {
  /** null: a name. */
  readonly ip: Ip | null;
  readonly shown: string;
  readonly place: Place;
}

/** Warns about addresses that no peer can be told of. */
export function warnUncarried(peers: BgpSettings["peers"], addresses: readonly PlacedAddress[]): void {
  const carried = new Set(peers.flatMap(({ families }) => [...families]));
  if (carried.size === 0) return;
  for (const { ip, shown, place } of addresses) {
    if (ip === null || carried.has(ip.family)) continue;
    place.warning(
      `no BGP peer carries IPv${ip.family} routes, so that nobody hears of this address; ` +
        `add an IPv${ip.family} peer or set mpbgp_nexthop`,
      shown,
    );
  }
}
