/** From text to a validated configuration of `start`: every problem is found in one go, nothing is touched. */

import { readBalancers } from "./balancers.ts";
import { readStartBgp } from "./bgp/start.ts";
import { parseFile } from "./file.ts";
import { Findings, Place } from "./findings.ts";
import { othersOf, resolveSecret } from "./membership.ts";
import { deriveClusterId, type GivenPeer, toPeer } from "./peers.ts";
import { type Given, Section, type Sources } from "./section.ts";
import type { Setting } from "./setting.ts";
import { SETTINGS, START } from "./settings.ts";
import type { Mapping } from "./tree.ts";
import type { ConfigResult, Effective, PeersConfig, Problem } from "./types.ts";
import { checkVips, type GivenVip, toVip } from "./vips.ts";

/** Everything that says how to run. */
export interface ConfigInput extends Sources {
  /** Name of the file for messages; null without a file. */
  readonly file: string | null;
  /** Contents of the file; null without a file. */
  readonly text: string | null;
  /** Reads the file that `peerSecretFile` names; throws if that fails. */
  readonly readText: (path: string) => string;
}

/** Reads, merges (env > flag > file > default) and checks a configuration. Never throws on bad input. */
export function loadPeersConfig(input: ConfigInput): ConfigResult {
  const findings = new Findings();
  const map = parseTop(input, findings);
  if (map === null) return { outcome: "invalid", problems: findings.problems, warnings: findings.warnings };
  const top = new Section(new Place(findings), map, input);
  const config = assemble(top, input, findings);
  top.finish(SETTINGS);
  const warnings = findings.warnings;
  return findings.problems.length > 0
    ? { outcome: "invalid", problems: inOrder(findings.problems), warnings }
    : { outcome: "valid", config, warnings, effective: inTableOrder(findings.effective) };
}

export type OneResult<T> =
  | { readonly outcome: "valid"; readonly value: T }
  | { readonly outcome: "invalid"; readonly problems: readonly Problem[] };

/** The value one setting gets, for commands that need no more than that; what is wrong with the others does not matter. */
export function loadOne<T>(setting: Setting<T>, input: Omit<ConfigInput, "readText">): OneResult<T> {
  const findings = new Findings();
  const map = parseTop(input, findings);
  const value = new Section(new Place(findings), map ?? EMPTY, input).read(setting).value;
  return findings.problems.length > 0
    ? { outcome: "invalid", problems: findings.problems }
    : { outcome: "valid", value };
}

const EMPTY: Mapping = { is: "map", entries: [], line: 1 };

function parseTop(input: Omit<ConfigInput, "readText">, findings: Findings): Mapping | null {
  return input.text === null ? EMPTY : parseFile(input.text, input.file ?? "configuration", findings);
}

/** By line, those without one last; what belongs to one line keeps its order. */
export function inOrder<T extends { readonly line: number | null }>(problems: readonly T[]): T[] {
  return [...problems].sort((a, b) =>
    (a.line ?? Infinity) === (b.line ?? Infinity) ? 0 : (a.line ?? Infinity) - (b.line ?? Infinity)
  );
}

/** As the documentation lists them. */
function inTableOrder(rows: readonly Effective[]): Effective[] {
  const rank = (row: Effective): number =>
    SETTINGS.findIndex((one) => [one.key, ...one.aliases].includes(row.key.split(/[.[]/)[0] ?? ""));
  return [...rows].sort((a, b) => rank(a) - rank(b));
}

interface Membership {
  /** Null if it is missing or cannot be read. */
  readonly local: GivenPeer | null;
  readonly remotes: readonly GivenPeer[];
  readonly singleNode: Given<boolean>;
}

function assemble(top: Section, input: ConfigInput, findings: Findings): PeersConfig {
  const members = readMembers(top, findings);
  const everyone = members.local === null ? members.remotes : [members.local, ...members.remotes];
  const singleNode = members.singleNode.value;
  const disableVip = readDisableVip(top, singleNode);
  const vips = readVips(top, everyone, disableVip);
  const balancers = readBalancers(top, {
    members: everyone,
    vips,
    local: members.local,
    addPeers: top.read(START.addPeersAsBackends),
  });
  const localPeer = members.local === null ? LONE_PEER : toPeer(members.local);
  const remotePeers = members.remotes.map(toPeer);
  const bgp = readStartBgp(top, { elects: !singleNode, disableVip, vips, balancers, readText: input.readText });
  const clusterId = top.read(START.clusterId).value;
  return {
    vips: vips.map(toVip),
    interface: top.read(START.interface).value,
    announce: top.read(START.gratuitousArp).value,
    announceEveryMs: top.read(START.announceInterval).value,
    bgp,
    localPeer,
    remotePeers,
    peerSecret: resolveSecret(top.read(START.peerSecret), top.read(START.peerSecretFile), {
      readText: input.readText,
      alone: singleNode || remotePeers.length === 0,
    }),
    clusterId: clusterId === "" ? deriveClusterId([localPeer, ...remotePeers]) : clusterId,
    singleNode,
    startAsLeader: top.read(START.startAsLeader).value,
    disableVip,
    timing: toTiming(top),
    placement: top.read(START.placement).value,
    stateDir: top.read(START.stateDir).value,
    balancers,
    logLevel: top.read(START.logLevel).value,
    logFormat: top.read(START.logFormat).value,
    watchConfig: readWatch(top, input),
    metrics: top.read(START.metrics).value.at,
  };
}

/** Stands for the local member of a node without peers, which needs no name. */
const LONE_PEER = { id: "local", address: "127.0.0.1", port: 10000 };

function readMembers(top: Section, findings: Findings): Membership {
  const local = top.read(START.localPeer);
  const remotes = top.read(START.remotePeers);
  const singleNode = top.read(START.singleNode);
  if (singleNode.value) {
    if (remotes.value.length > 0) remotes.place.warning("has no effect: singleNode is set");
    return { local: local.value, remotes: [], singleNode };
  }
  if (local.origin === "default") {
    local.place.problem("is missing: name this member, {id, address, port}, or set singleNode: true");
  }
  const advice = "list the others, or set singleNode: true";
  return { local: local.value, remotes: othersOf(local.value, remotes, { findings, advice }), singleNode };
}

function readWatch(top: Section, { file }: ConfigInput): boolean {
  const given = top.read(START.watchConfig);
  if (given.value && file === null) given.place.warning("has no effect: there is no file");
  return given.value;
}

function readDisableVip(top: Section, singleNode: boolean): boolean {
  const given = top.read(START.disableVip);
  if (given.value && !singleNode) {
    given.place.problem(
      "is only accepted together with singleNode, as without an address there is nothing to elect",
      "true",
    );
  }
  return given.value;
}

function readVips(top: Section, members: readonly GivenPeer[], disableVip: boolean): readonly GivenVip[] {
  const given = top.read(START.vip);
  if (given.origin === "default" && !disableVip) {
    given.place.problem("is missing: give the virtual address, for example 192.168.0.75");
  }
  checkVips(given.value, members);
  if (!disableVip) return given.value;
  if (given.value.length > 0) given.place.warning("has no effect: disableVIP is set");
  return [];
}

function toTiming(top: Section): PeersConfig["timing"] {
  const { beatMs, leaseMs, electionMinMs, electionMaxMs } = top.read(START.timing).value;
  return { beatMs, leaseMs, electionMinMs, electionMaxMs };
}
