/** How much the election's heartbeats are delayed while the holder's balancers have as much to do as they can. */

import { AHEAD_OF_OTHERS, Child } from "../../lab/child.ts";
import { Product, stateDirectory } from "../../lab/daemon.ts";
import { Lab } from "../../lab/lab.ts";
import type { LabNode } from "../../lab/node.ts";
import type { Machine } from "../../lab/network.ts";
import { type Station, station, VIP_4 } from "../../lab/plan.ts";
import { sleep } from "../../lab/time.ts";
import { number, print, table } from "../report.ts";
import { beatTimes } from "./beats.ts";
import { BULK_PORT, type Kind, nginxBackendConfig, PROXY_PORTS, WEB_PORT } from "./configs.ts";
import { lateness, percentile } from "./figures.ts";
import { ownStatus } from "./engines.ts";
import { type BenchedEngine, type BenchOptions, DEFAULT_PROGRAM } from "./options.ts";
import { parseIperf, parseWrk } from "./parse.ts";
import { runTool } from "./tool.ts";
import { commandOf } from "./world.ts";

const SNIFFER = new URL("heartbeat_sniffer.ts", import.meta.url).pathname;
const CLUSTER_ID = "bench";
/** The profile `default` of mod/config/timing.ts. */
const BEAT_MS = 50;
/** A span of time has enough heartbeats for its 99th percentile: 300 to each of two members. */
const LEAST_SECONDS = 15;
const READY_MS = 20_000;
const CONNECTIONS = 64;
const GOAL_P99_MS = 5;
const GOAL_MAX_MS = 20;
const BACKEND = station("web", 21);

/** Where the load goes. */
interface Way {
  readonly host: string;
  readonly ports: Readonly<Record<Kind, number>>;
}

const THROUGH: Way = { host: VIP_4, ports: PROXY_PORTS };
const DIRECT: Way = { host: BACKEND.ip4, ports: { bulk: BULK_PORT, tcp: WEB_PORT, http: WEB_PORT } };

/** Who leads, and since which election. */
interface Leadership {
  readonly holder: string;
  readonly term: number;
}

/** How late heartbeats were. */
interface Delays {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A span of time: its heartbeats, and who led at both ends of it. */
interface Phase {
  readonly delays: Delays;
  readonly before: Leadership;
  readonly after: Leadership;
  /** What went through meanwhile. */
  readonly load: string;
}

/** In this order: what the machine does by itself, what the load does to it, and what the balancers add. */
const PHASES = ["idle", "load past it", "saturated"] as const;

type Outcome = ReadonlyMap<typeof PHASES[number], Phase>;

/** Measures and prints. */
export async function benchHeartbeat(options: BenchOptions): Promise<void> {
  const seconds = Math.max(LEAST_SECONDS, options.seconds);
  const rows = [["engine", "heartbeats", "p50 ms", "p99 ms", "max ms", "holder and term", "what went through", ""]];
  const notes: string[] = [];
  for (const engine of options.engines) {
    try {
      rows.push(...rowsOf(engine, await outcomeOf(engine, options, seconds)));
    } catch (error) {
      notes.push(`${engine}: ${error instanceof Error ? error.message.split("\n").slice(0, 3).join(" ") : error}`);
      rows.push([engine, "", "", "", "", "", "", "not measured"]);
    }
  }
  print(table(rows));
  print();
  print(
    `How much later than ${BEAT_MS} ms after the one before it each heartbeat left the leader of three, by the kernel's time`,
  );
  print(
    `stamps on the wire, over ${seconds} s each: idle; with wrk (${CONNECTIONS} connections) and iperf3 at once from client to`,
  );
  print(
    "backend, past the balancers; and through the balancers of the leader, all on the same processors. Goal, saturated:",
  );
  print(`p99 ≤ ${GOAL_P99_MS} ms, max ≤ ${GOAL_MAX_MS} ms, the same leader and term.`);
  for (const note of notes) print(`- ${note}`);
}

async function outcomeOf(engine: BenchedEngine, options: BenchOptions, seconds: number): Promise<Outcome> {
  const [program = DEFAULT_PROGRAM] = options.programs;
  const command = await commandOf(program);
  const extra = { clusterId: CLUSTER_ID, loadBalancers: balancers(engine, BACKEND) };
  // A peer secret would not hide the heartbeats, only sign them; without one the sniffer needs none.
  const daemon = new Product(command, { timing: "default", peerSecret: "", backends: [], extra });
  let outcome: Outcome | null = null;
  await Lab.with({ daemon }, async (lab) => {
    await startBackend(lab, lab.network.connect(BACKEND));
    await lab.startAll();
    await lab.probes.stop();
    outcome = await watch(lab, engine, seconds);
  });
  if (outcome === null) throw new Error("the laboratory gave no result");
  return outcome;
}

async function watch(lab: Lab, engine: BenchedEngine, seconds: number): Promise<Outcome> {
  const saturated = (way: Way) => (): Promise<string> => saturate(lab, way, { engine, seconds });
  const actions = {
    idle: () => sleep(seconds * 1000).then(() => ""),
    "load past it": saturated(DIRECT),
    saturated: saturated(THROUGH),
  } as const;
  const outcome = new Map<typeof PHASES[number], Phase>();
  for (const phase of PHASES) outcome.set(phase, await during(lab, actions[phase]));
  return outcome;
}

/** Watches whoever leads at the beginning while something goes on. */
async function during(lab: Lab, action: () => Promise<string>): Promise<Phase> {
  await lab.nodes[0]?.ready(READY_MS);
  const before = await leadership(lab);
  const { port, ip4 } = nodeNamed(lab, before.holder).machine.station;
  const lines: string[] = [];
  const argv = [...AHEAD_OF_OTHERS, Deno.execPath(), "run", "-A", "--no-lock", SNIFFER, port, ip4, CLUSTER_ID];
  const sniffer = Child.start(argv, {
    name: "sniffer",
    inside: lab.network.inside,
    onLine: (line) => lines.push(line),
  });
  try {
    const untilMs = performance.now() + READY_MS;
    while (!lines.includes("listening")) {
      if (performance.now() > untilMs) throw new Error(`the sniffer does not listen: ${sniffer.log.join(" ")}`);
      await sleep(50);
    }
    const load = await action();
    return { delays: delays(lines), before, load, after: await leadership(lab) };
  } finally {
    await sniffer.stop("SIGKILL");
  }
}

function delays(lines: readonly string[]): Delays {
  const late = [...beatTimes(lines).values()].flatMap((times) => lateness(times, BEAT_MS));
  return {
    count: late.length,
    p50Ms: percentile(late, 0.5),
    p99Ms: percentile(late, 0.99),
    maxMs: percentile(late, 1),
  };
}

/** As much as the holder's balancers can do, all kinds at once. Gives what went through. */
async function saturate(
  lab: Lab,
  { host, ports }: Way,
  { engine, seconds }: { engine: BenchedEngine; seconds: number },
): Promise<string> {
  const web = (kind: Kind): string[] => {
    return ["wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, `http://${host}:${ports[kind]}/`];
  };
  const bulk = ["iperf3", "-J", "-c", host, "-p", String(ports.bulk), "-t", String(seconds)];
  const kinds = engine === "kernel" ? ["tcp"] as const : ["tcp", "http"] as const;
  const run = async (argv: readonly string[], read: (text: string) => string): Promise<string> => {
    try {
      return read(await runTool(lab.client, argv, seconds));
    } catch (error) {
      return `${argv[0]} failed: ${error instanceof Error ? error.message.slice(-100).replaceAll(/\s+/g, " ") : error}`;
    }
  };
  const rate = (kind: Kind) => (text: string): string =>
    `${number(parseWrk(text).requestsPerSecond)} ${kind} requests/s`;
  const parts = [
    run(bulk, (text) => `${number(parseIperf(text) / 1e9, 1)} Gbit/s`),
    ...kinds.map((kind) => run(web(kind), rate(kind))),
  ];
  return (await Promise.all(parts)).join(", ");
}

async function leadership(lab: Lab): Promise<Leadership> {
  const [asked] = lab.nodes;
  const { leader, term } = await ownStatus(stateDirectory(asked?.place.directory ?? ""));
  return { holder: leader ?? "nobody", term };
}

function nodeNamed(lab: Lab, name: string): LabNode {
  const node = lab.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`${name} leads`);
  return node;
}

async function startBackend(lab: Lab, machine: Machine): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "kube-vip-bench-web-" });
  const path = `${folder}/nginx.conf`;
  await Deno.writeTextFile(path, nginxBackendConfig(folder, 4096));
  lab.run(machine, "nginx", ["nginx", "-p", folder, "-e", "stderr", "-c", path]);
  lab.run(machine, "iperf3", ["iperf3", "-s"]);
}

function balancers(engine: BenchedEngine, backend: Station): Record<string, unknown>[] {
  const common = { engine, bindToVip: true };
  const plain = ([["bulk", BULK_PORT], ["tcp", WEB_PORT]] as const).map(([name, port]) => {
    return { ...common, name, type: "tcp", port: PROXY_PORTS[name], backends: [{ address: backend.ip4, port }] };
  });
  const url = `http://${backend.ip4}:${WEB_PORT}`;
  return engine === "kernel"
    ? plain
    : [...plain, { ...common, name: "http", type: "http", port: PROXY_PORTS.http, backends: [{ url }] }];
}

function rowsOf(engine: BenchedEngine, outcome: Outcome): string[][] {
  return [...outcome].map(([name, { delays, before, after, load }]) => {
    const { count, p50Ms, p99Ms, maxMs } = delays;
    const same = before.holder === after.holder && before.term === after.term;
    const ends = same ? "the same" : `${before.holder} ${before.term} → ${after.holder} ${after.term}`;
    const met = same && p99Ms <= GOAL_P99_MS && maxMs <= GOAL_MAX_MS;
    const word = name !== "saturated" ? "" : count === 0 ? "not measured" : met ? "met" : "missed";
    return [
      `${engine}, ${name}`,
      number(count),
      number(p50Ms, 2),
      number(p99Ms, 2),
      number(maxMs, 2),
      ends,
      load,
      word,
    ];
  });
}
