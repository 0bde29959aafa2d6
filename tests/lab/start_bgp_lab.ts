/** Three machines of peers mode, a router that they tell by BGP where the addresses are, and a client behind it. */

import { askAgent } from "../../mod/cli/control_client.ts";
import type { Family } from "../../mod/net/bgp/types.ts";
import { BFD } from "../routers/bfd_scenarios.ts";
import type { Router } from "../routers/router.ts";
import { RouterLab } from "../routers/router_lab.ts";
import { PATIENCE_MS } from "../routers/scenarios.ts";
import { neighbor } from "../routers/types.ts";
import { NODE_AS, ROUTER_AS } from "../routers/world.ts";
import { outageMs } from "./analysis.ts";
import { AHEAD_OF_OTHERS } from "./child.ts";
import { Product, productCommand, stateDirectory } from "./daemon.ts";
import { parseHops, type RouteHops } from "./hops.ts";
import type { Machine } from "./network.ts";
import { LabNode } from "./node.ts";
import { FAMILIES, ProbeRecord } from "./records.ts";
import { Changes, sharedNow } from "./time.ts";

const PASSWORD = "between_us";
const PROBE = new URL("probe.ts", import.meta.url).pathname;
const STEADY_MS = 300;
/** The shortest hold time (RFC 4271 §4.2). */
const HOLD_S = 3;

/** How laboratories of this kind differ. */
export interface StartBgpOptions {
  readonly vips: Readonly<Record<Family, string>>;
  readonly bfd: boolean;
  /** Paths of equal cost that the router uses; 1 if not named. */
  readonly maxPaths?: number;
  /** 3 if not named. */
  readonly nodes?: number;
  /** Added to every node's configuration. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** See the head of this file. */
export class StartBgpLab {
  readonly lab: RouterLab;
  readonly router: Router;
  readonly nodes: readonly LabNode[];
  readonly vips: Readonly<Record<Family, string>>;
  readonly #pings = new ProbeRecord();
  readonly #hops: (RouteHops & { readonly atMs: number })[] = [];
  readonly #hopChanges = new Changes();

  private constructor(
    made: { lab: RouterLab; router: Router; nodes: readonly LabNode[]; client: Machine },
    vips: Readonly<Record<Family, string>>,
  ) {
    this.lab = made.lab;
    this.router = made.router;
    this.nodes = made.nodes;
    this.vips = vips;
    this.lab.run(
      this.router.machine,
      "ip monitor",
      ["ip", "-o", "monitor", "route"],
      (line) => this.#routeChanged(line),
    );
    const probe = [Deno.execPath(), "run", "-A", "--no-lock", PROBE, "ping"];
    const argv = [...AHEAD_OF_OTHERS, ...probe, made.client.station.device, vips[4], vips[6]];
    this.lab.run(made.client, "pinger", argv, (line) => this.#pings.feed(line));
  }

  /** Makes it, uses it and disposes of it; a failure carries everybody's logs. The nodes are not started. */
  static async with(options: StartBgpOptions, use: (lab: StartBgpLab) => Promise<void>): Promise<void> {
    await RouterLab.with(async (lab) => {
      const [border, client] = [lab.machine("frr"), lab.machine("client")];
      leadOver(client, border, options.vips);
      const nodes = await prepare(lab, border.station.ip4, options);
      try {
        const router = await startRouter(lab, border, { nodes, options });
        await use(new StartBgpLab({ lab, router, nodes, client }, options.vips));
      } catch (error) {
        throw new Error(`${error instanceof Error ? error.message : error}\n${logsOf(nodes)}`, { cause: error });
      } finally {
        await Promise.all(nodes.map((node) => node.dispose()));
      }
    });
  }

  /** The one node that the router's paths of both families lead to, once the client is served without a gap. */
  async settled(limitMs = PATIENCE_MS): Promise<LabNode> {
    const { value } = await this.router.waitFor("one path to one node", limitMs, async () => {
      const found = await Promise.all(FAMILIES.map((family) => this.#onlyNode(family)));
      const [node = null, other = null] = found;
      return node === other ? node : null;
    });
    const fromMs = sharedNow();
    const look = (): true | null => this.#pings.isSteady(STEADY_MS, fromMs) ? true : null;
    await this.#pings.changes.until(look, limitMs, "steady answers");
    return value;
  }

  /** Resolves when the router's kernel leads to another node than `victim`, and to no other machine, for both families; gives when. */
  async movedFrom(victim: LabNode, limitMs = PATIENCE_MS): Promise<{ readonly atMs: number }> {
    const look = (): { atMs: number } | null => {
      const [of4, of6] = FAMILIES.map((family) => this.#hops.findLast((one) => one.prefix === this.vips[family]));
      const node = this.nodes.find(({ machine: { station } }) =>
        `${of4?.hops}` === station.ip4 && `${of6?.hops}` === station.ip6
      );
      if (of4 === undefined || of6 === undefined || node === undefined || node === victim) return null;
      return { atMs: Math.max(of4.atMs, of6.atMs) };
    };
    return await this.#hopChanges.until(look, limitMs, `the router's routes lead away from ${victim.name}`);
  }

  /** When the router's kernel had led to `node` for the last time since `fromMs`; null: it still does. */
  leftAtMs(node: LabNode, fromMs: number): number | null {
    const times = FAMILIES.map((family) => {
      const own = family === 4 ? node.machine.station.ip4 : node.machine.station.ip6;
      const changes = this.#hops.filter((one) => one.prefix === this.vips[family]);
      const last = changes.findLastIndex(({ hops }) => hops.includes(own));
      if (last === changes.length - 1) return null;
      return Math.max(fromMs, changes[last + 1]?.atMs ?? fromMs);
    });
    return times.includes(null) ? null : Math.max(...times.filter((one) => one !== null));
  }

  /** The longest time in which the client had no answer since then, of both families. */
  outageMs(fromMs: number): number {
    const span = { fromMs, untilMs: this.#pings.knownMs };
    return Math.max(...FAMILIES.map((family) => outageMs(this.#pings.pings(family), span)));
  }

  /** Asks the node to hand over. */
  async transfer(node: LabNode): Promise<void> {
    const answer = await askAgent(stateDirectory(node.place.directory), { method: "POST", path: "/transfer" });
    if (answer.outcome === "failed" || answer.status !== 200) throw new Error(`transfer: ${JSON.stringify(answer)}`);
  }

  /** What everybody has logged last. */
  logs(): string {
    return `${this.lab.logs()}\n${logsOf(this.nodes)}`;
  }

  async #onlyNode(family: Family): Promise<LabNode | null> {
    const prefix = `${this.vips[family]}/${family === 4 ? 32 : 128}`;
    const [paths, routes] = await Promise.all([this.router.paths(prefix), this.router.kernelRoutes(family)]);
    const hops = routes.find((route) => route.prefix === prefix)?.nextHops ?? [];
    if (paths.length !== 1 || hops.length !== 1) return null;
    return this.nodes.find(({ machine: { station } }) => hops[0] === (family === 4 ? station.ip4 : station.ip6)) ??
      null;
  }

  #routeChanged(line: string): void {
    const change = parseHops(line);
    if (change === null) return;
    this.#hops.push({ ...change, atMs: sharedNow() });
    this.#hopChanges.changed();
  }
}

function logsOf(nodes: readonly LabNode[]): string {
  return nodes.map((node) => `--- ${node.name}\n${node.log.slice(-40).join("\n")}`).join("\n");
}

/** What `config.yaml` says of BGP. */
function speaker(routerIp: string, { bfd }: Pick<StartBgpOptions, "bfd">): Record<string, unknown> {
  const { desiredTxMs, requiredRxMs, multiplier } = BFD.ours;
  const watch = {
    bfdEnabled: true,
    bfdTransmitInterval: desiredTxMs,
    bfdReceiveInterval: requiredRxMs,
    bfdDetectMultiplier: multiplier,
  };
  const peer = { address: routerIp, as: ROUTER_AS, password: PASSWORD, mpbgpNexthop: "auto_sourceif" };
  const timers = { holdTime: HOLD_S, keepaliveInterval: 1 };
  return { as: NODE_AS, sourceIF: "eth0", ...timers, peers: [bfd ? { ...peer, ...watch } : peer] };
}

async function prepare(lab: RouterLab, routerIp: string, options: StartBgpOptions): Promise<LabNode[]> {
  const count = options.nodes ?? 3;
  const machines = Array.from({ length: count }, (_, index) => lab.machine(`node${index + 1}`));
  const stations = machines.map(({ station }) => station);
  const extra = { vip: [options.vips[4], options.vips[6]], bgp: speaker(routerIp, options), ...options.extra };
  const peerSecret = crypto.randomUUID().replaceAll("-", "");
  const daemon = new Product(await productCommand(), { timing: "default", peerSecret, backends: [], extra });
  return machines.map((machine) => {
    const directory = `${lab.directory}/${machine.name}`;
    Deno.mkdirSync(directory, { mode: 0o700 });
    return new LabNode(machine, daemon, { local: machine.station, nodes: stations, directory });
  });
}

function startRouter(
  lab: RouterLab,
  machine: Machine,
  { nodes, options }: { readonly nodes: readonly LabNode[]; readonly options: StartBgpOptions },
): Promise<Router> {
  const other = { bfd: options.bfd ? BFD.router : null, password: PASSWORD, holdTimeS: HOLD_S };
  const neighbors = nodes.map((node) => neighbor(node.machine.station.ip4, NODE_AS, other));
  const routerId = machine.station.ip4;
  const plain = { gracefulRestart: false, originate: [], maxPaths: options.maxPaths ?? 1 };
  return lab.router("frr", { as: ROUTER_AS, routerId, neighbors, ...plain }, machine);
}

/** The client's way to the addresses, also where they are on its own network. */
function leadOver(client: Machine, router: Machine, vips: Readonly<Record<Family, string>>): void {
  const { ip4, ip6 } = router.station;
  for (const [prefix, gateway] of [[`${vips[4]}/32`, ip4], [`${vips[6]}/128`, ip6]] as const) {
    const args = ["route", "add", prefix, "via", gateway];
    const { success } = client.inside(() => new Deno.Command("ip", { args }).outputSync());
    if (!success) throw new Error(`ip ${args.join(" ")}`);
  }
}
