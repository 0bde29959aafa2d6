/** Control-plane nodes that tell a router of their addresses, each beside an API server of its own, and a client behind the router. */

import { askAgent } from "../../mod/cli/control_client.ts";
import { parseClusterStatus } from "../../mod/cli/status_schema.ts";
import type { BgpPeerStatus, NodeStatus } from "../../mod/observe/status_types.ts";
import type { ProgramPaths } from "../kubernetes/build.ts";
import { ApiServerCluster } from "../kubernetes/cluster.ts";
import { withApiServers } from "../kubernetes/needs.ts";
import { productCommand, stateDirectory } from "../lab/daemon.ts";
import type { Machine } from "../lab/network.ts";
import { LabNode } from "../lab/node.ts";
import type { Station } from "../lab/plan.ts";
import { sleep } from "../lab/time.ts";
import { missingPackage, withRouters } from "../routers/needs.ts";
import { Pinging } from "../routers/pinging.ts";
import type { Router } from "../routers/router.ts";
import { RouterLab } from "../routers/router_lab.ts";
import { PATIENCE_MS } from "../routers/scenarios.ts";
import { type Neighbor, neighbor, type RouterConfig, type RouterKind } from "../routers/types.ts";
import { leadOver, NODE_AS, ROUTER_AS, ROUTES, VIP_4, VIP_6 } from "../routers/world.ts";
import { type LeaseSeconds, ManagerProgram, writeKubeconfig } from "./program.ts";

/** Nodes, their API servers, a router with FRR, and a client whose way to the addresses leads over it. */
export interface BgpWorld {
  readonly lab: RouterLab;
  readonly cluster: ApiServerCluster;
  readonly router: Router;
  readonly machines: readonly Machine[];
  /** Behind the router. */
  readonly client: Machine;
  readonly pings: Pinging;
  /** Tells the router how to talk to the nodes. */
  readonly neighbors: (other: Partial<Neighbor>) => Promise<void>;
}

/** What is done to nodes that have been made. */
export type Scenario = (world: BgpWorld, nodes: readonly LabNode[]) => Promise<void>;

export type Env = Readonly<Record<string, string>>;

export const TIMES: LeaseSeconds = { duration: 5, renewDeadline: 3, retryPeriod: 1 };
export const FAMILIES = [4, 6] as const;
const NODES = 3;
const POLL_MS = 10;

/** A test in such a world; skipped where the routers or the API servers cannot be had. */
export function withBgpWorld(
  name: string,
  kinds: readonly RouterKind[],
  use: (world: BgpWorld, t: Deno.TestContext) => Promise<void>,
): void {
  if (missingPackage(kinds) !== null) return withRouters(name, kinds, () => {});
  withApiServers(name, (paths, t) => made(paths, (world) => use(world, t)));
}

async function made(paths: ProgramPaths, use: (world: BgpWorld) => Promise<void>): Promise<void> {
  await RouterLab.with(async (lab) => {
    const border = lab.machine("frr");
    const client = lab.machine("client");
    leadOver(client, border);
    const machines = Array.from({ length: NODES }, (_, index) => lab.machine(`node${index + 1}`));
    await ApiServerCluster.with({ paths, machines }, async (cluster) => {
      for (const machine of machines) {
        const directory = directoryOf(lab, machine);
        Deno.mkdirSync(directory, { mode: 0o700 });
        writeKubeconfig(cluster, machine, directory);
      }
      const router = await lab.router("frr", routerConfig(border, machines, {}), border);
      const neighbors = (other: Partial<Neighbor>): Promise<void> =>
        router.reconfigure(routerConfig(border, machines, other));
      await use({ lab, cluster, router, machines, client, neighbors, pings: new Pinging(lab, client, border) });
    });
  });
}

/** What the router is told: all nodes are its neighbours, and it keeps the routes of one that restarts. */
function routerConfig(
  border: Machine,
  machines: readonly Machine[],
  other: Partial<Neighbor>,
): RouterConfig {
  const neighbors = machines.map(({ station }) => neighbor(station.ip4, NODE_AS, other));
  return { as: ROUTER_AS, routerId: border.station.ip4, neighbors, gracefulRestart: true, originate: [] };
}

function directoryOf(lab: RouterLab, machine: Machine): string {
  return `${lab.directory}/${machine.name}`;
}

/** The variables of a node that announces what it holds on its loopback; `peers` as `bgp_peers` has them. */
export function bgpEnv(peers: string): Env {
  return {
    ...routedEnv(),
    "bgp_enable": "true",
    "bgp_as": String(NODE_AS),
    "bgp_sourceif": "eth0",
    "bgp_hold_time": "9",
    "bgp_keepalive_interval": "3",
    "bgp_peers": peers,
  };
}

/** A peer string of the router: MP-BGP over IPv4. */
export function peerOf({ router }: BgpWorld, { password = "", bfd = "" }: { password?: string; bfd?: string }): string {
  const parts = [router.machine.station.ip4, ROUTER_AS, password, "false", 179, "mpbgp_nexthop=auto_sourceif", bfd];
  return parts.join(":").replace(/:+$/, "");
}

/** The variables of a node that puts routes into a table for a routing daemon. */
export function tableEnv(): Env {
  return { ...routedEnv(), "vip_routingtable": "true" };
}

/** What the modes that tell routers have in common. */
export function routedEnv(): Env {
  return {
    address: `${VIP_4},${VIP_6}`,
    "vip_arp": "false",
    "vip_interface": "lo",
    "vip_leaderelection": "false",
  };
}

/** Makes nodes with these variables, uses them, and stops them in order; a failure carries their logs. */
export async function withNodes(
  { lab, machines }: BgpWorld,
  env: (local: Station) => Env,
  use: (nodes: readonly LabNode[]) => Promise<void>,
): Promise<void> {
  const daemon = new ManagerProgram(await productCommand(), { times: TIMES, election: "kubernetes", env });
  const stations = machines.map(({ station }) => station);
  const nodes = machines.map((machine) =>
    new LabNode(machine, daemon, {
      local: machine.station,
      nodes: stations,
      directory: directoryOf(lab, machine),
    })
  );
  try {
    await use(nodes);
    await Promise.all(nodes.filter((node) => node.running).map((node) => node.terminate()));
  } catch (error) {
    const logs = nodes.map((node) => `--- ${node.name}\n${node.log.slice(-60).join("\n")}`).join("\n");
    throw new Error(`${error instanceof Error ? error.message : error}\n${logs}`, { cause: error });
  } finally {
    await Promise.all(nodes.map((node) => node.dispose()));
    for (const { machine } of nodes) lab.network.mend(machine);
  }
}

/** What a node says of itself. */
export async function statusOf(node: LabNode): Promise<NodeStatus> {
  const answer = await askAgent(stateDirectory(node.place.directory), { method: "GET", path: "/status" });
  if (answer.outcome !== "answered") throw new Error(`${node.name} gives no status: ${JSON.stringify(answer)}`);
  const parsed = parseClusterStatus(answer.value);
  if (parsed.outcome === "invalid") throw new Error(parsed.why);
  const own = parsed.status.nodes.find((one) => one.outcome === "answered" && one.node.id === node.name);
  if (own?.outcome !== "answered") throw new Error(`${node.name} does not speak of itself`);
  return own.node;
}

/** Its only session. */
export async function sessionOf(node: LabNode): Promise<BgpPeerStatus> {
  const { routing: { bgp } } = await statusOf(node);
  const [session] = bgp;
  if (session === undefined || bgp.length > 1) throw new Error(`${node.name} has ${bgp.length} sessions`);
  return session;
}

/** Waits until exactly these nodes lead to both addresses in the router's kernel; the milliseconds that took. */
export async function waitHops(router: Router, nodes: readonly LabNode[], limitMs = PATIENCE_MS): Promise<number> {
  const wanted = FAMILIES.map((family) => nodes.map(({ machine }) => hopOf(machine, family)).sort().join());
  const look = async (): Promise<true | null> => `${await hops(router)}` === `${wanted}` ? true : null;
  return (await router.waitFor(`ways over ${nodes.map(({ name }) => name)}`, limitMs, look)).tookMs;
}

/** Through which nodes the router's kernel leads to each address, IPv4 first. */
async function hops(router: Router): Promise<string[]> {
  return await Promise.all(FAMILIES.map(async (family) => {
    const routes = await router.kernelRoutes(family);
    return (routes.find(({ prefix }) => prefix === ROUTES[family])?.nextHops ?? []).toSorted().join();
  }));
}

function hopOf({ station }: Machine, family: 4 | 6): string {
  return family === 4 ? station.ip4 : station.ip6;
}

/** Starts all nodes; resolves when the router leads to every one, and the client gets answers. */
export async function startAll({ router, pings }: BgpWorld, nodes: readonly LabNode[]): Promise<void> {
  for (const node of nodes) if (!node.running) node.start();
  await Promise.all(nodes.map((node) => node.ready(PATIENCE_MS)));
  await waitHops(router, nodes);
  await pings.steady(PATIENCE_MS);
}

/** Waits until both addresses lead to one and the same of these nodes; which one. */
export async function waitHolder(router: Router, nodes: readonly LabNode[], limitMs = PATIENCE_MS): Promise<LabNode> {
  const wanted = nodes.map((node) => ({ node, hops: FAMILIES.map((family) => hopOf(node.machine, family)) }));
  const look = async (): Promise<LabNode | null> => {
    const seen = await hops(router);
    return wanted.find((one) => `${one.hops}` === `${seen}`)?.node ?? null;
  };
  return (await router.waitFor(`ways over one of ${nodes.map(({ name }) => name)}`, limitMs, look)).value;
}

/** The client's longest time without an answer of either family since then. */
export function longestMs(pings: Pinging, fromMs: number): number {
  return Math.max(...FAMILIES.map((family) => pings.outageMs(family, fromMs)));
}

/** The one with the highest number. */
export function last(nodes: readonly LabNode[]): LabNode {
  const node = nodes.at(-1);
  if (node === undefined) throw new Error("there are no nodes");
  return node;
}

/** The nodes other than this. */
export function without(nodes: readonly LabNode[], node: LabNode): LabNode[] {
  return nodes.filter((other) => other !== node);
}

const COUNTED_MS = 200;

/** The node that the client's IPv4 echo requests arrive at: those of one client go over one of the equal ways. */
export async function carrierOf(nodes: readonly LabNode[]): Promise<LabNode> {
  const before = nodes.map(({ machine }) => echoes(machine));
  await sleep(COUNTED_MS);
  const counts = nodes.map(({ machine }, index) => echoes(machine) - (before[index] ?? 0));
  const found = nodes[counts.indexOf(Math.max(...counts))];
  if (found === undefined || Math.max(...counts) === 0) throw new Error("no node gets echo requests");
  return found;
}

/** Echo requests that the kernel of a machine has seen. */
function echoes(machine: Machine): number {
  const text = machine.inside(() => Deno.readTextFileSync("/proc/thread-self/net/snmp"));
  const [names = [], values = []] = text.split("\n").filter((line) => line.startsWith("Icmp: ")).map((line) =>
    line.split(" ")
  );
  return Number(values[names.indexOf("InEchos")]);
}

/** Whether an address is on some link of a machine. */
export function holds({ routes }: Machine, ip: string): boolean {
  return routes.addresses().some((address) => address.ip === ip);
}

/** Waits until a machine has neither of the addresses; when that was. */
export async function waitBare(machine: Machine, limitMs = PATIENCE_MS): Promise<number> {
  const untilMs = performance.now() + limitMs;
  while (holds(machine, VIP_4) || holds(machine, VIP_6)) {
    if (performance.now() > untilMs) throw new Error(`${machine.name} has the addresses after ${limitMs} ms`);
    await sleep(POLL_MS);
  }
  return performance.now();
}

/** Waits until the router has no path over a machine. */
export async function pathGone(router: Router, machine: Machine, limitMs = PATIENCE_MS): Promise<number> {
  await router.waitFor(`no path over ${machine.name}`, limitMs, async () => {
    const from = await pathsFrom(router);
    return from.flat().includes(machine.station.ip4) ? null : true;
  });
  return performance.now();
}

/** When the router had no path over a machine any more, and when the machine had the addresses no more. */
export interface Departure {
  readonly pathGoneMs: number;
  readonly bareMs: number;
}

/** Waits for both. */
export async function departure(router: Router, machine: Machine, limitMs = PATIENCE_MS): Promise<Departure> {
  const [bareMs, pathGoneMs] = await Promise.all([waitBare(machine, limitMs), pathGone(router, machine, limitMs)]);
  return { bareMs, pathGoneMs };
}

/** Whom the router has paths from, IPv4 first. */
async function pathsFrom(router: Router): Promise<string[][]> {
  return await Promise.all(
    FAMILIES.map(async (family) => (await router.paths(ROUTES[family])).map(({ from }) => from).sort()),
  );
}

/** Whom the router has had paths from, look after look. */
export class PathLog {
  readonly #seen = new Set<string>();
  #looks = 0;
  #ends = false;
  readonly #done: Promise<void>;

  constructor(router: Router) {
    this.#done = this.#watch(router);
  }

  /** Ends it; every different thing that was seen, of both families. */
  async stop(): Promise<{ readonly seen: readonly string[]; readonly looks: number }> {
    this.#ends = true;
    await this.#done;
    return { seen: [...this.#seen], looks: this.#looks };
  }

  async #watch(router: Router): Promise<void> {
    while (!this.#ends) {
      for (const from of await pathsFrom(router)) this.#seen.add(from.join());
      this.#looks += 1;
      await sleep(POLL_MS);
    }
  }
}

/** Does one step after the other; the first that fails ends it: the others would begin in another state. */
export async function each(t: Deno.TestContext, steps: Readonly<Record<string, () => Promise<void>>>): Promise<void> {
  for (const [name, run] of Object.entries(steps)) if (!await t.step(name, run)) throw new Error(`failed: ${name}`);
}
