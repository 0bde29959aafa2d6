/** From the configuration that runs to the one that is to run: what changes, and whether it can while the program runs. Pure. */
import { sameFront } from "../balance/front.ts";
import { deriveClusterId } from "../config/peers.ts";
import type { BalancerConfig, Peer, PeersConfig, Problem } from "../config/types.ts";

/** What becomes of the balancers. */
export interface BalancersPlan {
  /** Names of those that stay as they are. */
  readonly kept: readonly string[];
  /** The same front with other backends, checks, limits or times. */
  readonly updated: readonly BalancerConfig[];
  /** New, on ports that nobody has. */
  readonly added: readonly BalancerConfig[];
  /** New, each on the port of one that goes: that one has to let go of it first. */
  readonly swapped: readonly { readonly from: string; readonly to: BalancerConfig }[];
  /** Names of those that go, without those of {@link swapped}. */
  readonly removed: readonly string[];
  /** Every name, in the order of the configuration. */
  readonly order: readonly string[];
}

/** What a reload does. */
export interface ReloadPlan {
  readonly balancers: BalancersPlan;
  /** Peers that are somewhere else from now on. */
  readonly readdressed: readonly Peer[];
  readonly logging: boolean;
  readonly watching: boolean;
}

export type PlanResult =
  | { readonly outcome: "possible"; readonly plan: ReloadPlan }
  | { readonly outcome: "refused"; readonly problems: readonly Problem[] };

/** What may change while the program runs; how the members may is told one by one. `startAsLeader` is about the very first start only. */
type Live = "balancers" | "remotePeers" | "clusterId" | "logLevel" | "logFormat" | "watchConfig" | "startAsLeader";

/** All else, and the setting it comes from: a restart is needed for it. */
const NEEDS_RESTART: Readonly<Record<Exclude<keyof PeersConfig, Live>, string>> = {
  vips: "vip",
  interface: "interface",
  announce: "gratuitousARP",
  announceEveryMs: "announceInterval",
  bgp: "bgp",
  localPeer: "localPeer",
  peerSecret: "peerSecret",
  singleNode: "singleNode",
  disableVip: "disableVIP",
  timing: "timing",
  placement: "placement",
  stateDir: "stateDir",
  metrics: "prometheusHTTPServer",
};

const RESTART = "has changed, which needs a restart";

/** Compares the two; with every reason where it cannot be done. */
export function planReload(running: PeersConfig, next: PeersConfig): PlanResult {
  const keys = Object.keys(NEEDS_RESTART) as (keyof typeof NEEDS_RESTART)[];
  const problems = [
    ...keys.filter((key) => !same(running[key], next[key])).map((key) => problem(NEEDS_RESTART[key], RESTART)),
    ...memberProblems(running, next),
  ];
  if (problems.length > 0) return { outcome: "refused", problems };
  const at = new Map(running.remotePeers.map((peer) => [peer.id, peer]));
  return {
    outcome: "possible",
    plan: {
      balancers: planBalancers(running.balancers, next.balancers),
      readdressed: next.remotePeers.filter((peer) => !same(peer, at.get(peer.id))),
      logging: running.logLevel !== next.logLevel || running.logFormat !== next.logFormat,
      watching: running.watchConfig !== next.watchConfig,
    },
  };
}

function memberProblems(running: PeersConfig, next: PeersConfig): Problem[] {
  const ids = (config: PeersConfig): string[] => config.remotePeers.map(({ id }) => id).sort();
  const problems = same(ids(running), ids(next))
    ? []
    : [problem("remotePeers", "has other members than before, which needs a restart")];
  if (running.clusterId === next.clusterId) return problems;
  const isDerived = next.clusterId === deriveClusterId([next.localPeer, ...next.remotePeers]);
  const keep = `is derived from the members' ids and addresses, and would change with them; set clusterId: ` +
    `${running.clusterId}, by which the members know each other now`;
  return [...problems, problem("clusterId", isDerived ? keep : RESTART)];
}

function planBalancers(running: readonly BalancerConfig[], next: readonly BalancerConfig[]): BalancersPlan {
  const before = new Map(running.map((config) => [config.name, config]));
  const kept: string[] = [];
  const updated: BalancerConfig[] = [];
  const fresh: BalancerConfig[] = [];
  for (const config of next) {
    const old = before.get(config.name);
    if (old === undefined || !sameFront(old, config)) fresh.push(config);
    else if (same(old, config)) kept.push(config.name);
    else updated.push(config);
  }
  const staying = new Set([...kept, ...updated.map(({ name }) => name)]);
  const going = running.filter(({ name }) => !staying.has(name));
  const swapped = fresh.flatMap((to) => {
    const from = going.find((one) => samePort(one, to));
    return from === undefined ? [] : [{ from: from.name, to }];
  });
  const gone = new Set(swapped.map(({ from }) => from));
  return {
    kept,
    updated,
    added: fresh.filter((config) => !swapped.some(({ to }) => to === config)),
    swapped,
    removed: going.map(({ name }) => name).filter((name) => !gone.has(name)),
    order: next.map(({ name }) => name),
  };
}

/** Whether two balancers cannot listen at the same time. */
export function samePort(one: BalancerConfig, other: BalancerConfig): boolean {
  return one.port === other.port && (one.type === "udp") === (other.type === "udp");
}

/** What a plan changes, in words for one line of the log; "nothing" where it changes nothing. */
export function describePlan({ balancers, readdressed, logging, watching }: ReloadPlan): string {
  const { added, updated, swapped, removed } = balancers;
  const moved = added.map(({ name }) => name).filter((name) => removed.includes(name));
  const replaced = swapped.map(({ from, to }) => from === to.name ? from : `${from} by ${to.name}`);
  const names = (what: string, list: readonly string[]): string[] =>
    list.length === 0 ? [] : [`${what} ${list.join(", ")}`];
  const parts = [
    ...names("added", added.map(({ name }) => name).filter((name) => !moved.includes(name))),
    ...names("updated", updated.map(({ name }) => name)),
    ...names("replaced", [...moved, ...replaced]),
    ...names("removed", removed.filter((name) => !moved.includes(name))),
    ...names("other addresses of", readdressed.map(({ id }) => id)),
    ...(logging ? ["logging"] : []),
    ...(watching ? ["watchConfig"] : []),
  ];
  return parts.length === 0 ? "nothing" : parts.join("; ");
}

function problem(key: string, message: string): Problem {
  return { key, value: "", message, line: null };
}

/** Whether two values say the same; URLs by their text, sets by their members. */
function same(one: unknown, other: unknown): boolean {
  const plain = (_key: string, value: unknown): unknown => value instanceof Set ? [...value].sort() : value;
  return JSON.stringify(one, plain) === JSON.stringify(other, plain);
}
