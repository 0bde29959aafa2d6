/** The machines of the benchmark: a client, a backend, and one for every contestant between them. */

import { Child } from "../../lab/child.ts";
import { productCommand } from "../../lab/daemon.ts";
import { type Machine, Network } from "../../lab/network.ts";
import { station } from "../../lab/plan.ts";
import { sleep } from "../../lab/time.ts";
import { fileLimit } from "../../../mod/linux/limits.ts";
import {
  BIG_BYTES,
  BULK_PORT,
  haproxyConfig,
  type Kind,
  KINDS,
  nginxBackendConfig,
  nginxProxyConfig,
  ourConfig,
  PROXY_PORTS,
  WEB_PORT,
} from "./configs.ts";
import type { BenchedEngine, Program } from "./options.ts";
import { enginesIn } from "./engines.ts";
import { cpuSeconds } from "./parse.ts";
import { runTool } from "./tool.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const READY_MS = 15_000;
const POLL_MS = 50;
/** Descriptors that a proxy needs besides two for each connection. */
const SPARE_DESCRIPTORS = 200;
/** nginx closes connections that wait for a request once it has less than a sixteenth of its places left. */
const BACKEND_ROOM = 1.2;

/** Who takes part. */
export type Entry =
  | { readonly kind: "direct" | "HAProxy" | "nginx" }
  | { readonly kind: "ours"; readonly engine: BenchedEngine; readonly program: Program };

/** Somebody that clients can connect to. */
export interface Contestant {
  readonly name: string;
  readonly entry: Entry;
  readonly host: string;
  /** null: it does not do that. */
  readonly ports: Readonly<Record<Kind, number | null>>;
  /** Its process; null for the backend itself. */
  readonly child: Child | null;
}

/** Whoever opened it closes it. */
export class World {
  readonly client: Machine;
  readonly backend: Machine;
  readonly directory: string;
  /** What went wrong, for the end of the report. */
  readonly notes: string[] = [];
  readonly network: Network;
  readonly #children: Child[] = [];
  #machines = 0;

  private constructor(directory: string, network: Network) {
    this.directory = directory;
    this.network = network;
    this.client = this.machine("client");
    this.backend = this.machine("backend");
  }

  /** Makes the machines, uses them and ends everything; a failure carries the logs. */
  static async with(use: (world: World) => Promise<void>): Promise<void> {
    const directory = await Deno.makeTempDir({ prefix: "kube-vip-bench-" });
    const network = Network.create();
    const world = new World(directory, network);
    try {
      await use(world);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${world.#logs()}`, { cause: error });
    } finally {
      await Promise.all(world.#children.map((child) => child.stop("SIGKILL")));
      network.close();
      await Deno.remove(directory, { recursive: true });
    }
  }

  /** Connects one more machine. */
  machine(name: string): Machine {
    const machine = this.network.connect(station(name, ++this.#machines));
    machine.inside(manyConnections);
    return machine;
  }

  /** Starts a process on a machine; it ends with the world at the latest. */
  start(machine: Machine, name: string, argv: readonly string[], onLine?: (line: string) => void): Child {
    const child = Child.start(argv, { name, inside: machine.inside, ...(onLine === undefined ? {} : { onLine }) });
    this.#children.push(child);
    return child;
  }

  /** Writes a file; gives its path. */
  file(name: string, text: string): string {
    const path = `${this.directory}/${name}`;
    Deno.writeTextFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** A new folder. */
  folder(name: string): string {
    const path = `${this.directory}/${name}`;
    Deno.mkdirSync(path);
    return path;
  }

  /** Runs a tool on the client, see {@link runTool}. */
  run(argv: readonly string[], seconds: number): Promise<string> {
    return runTool(this.client, argv, seconds);
  }

  /** Waits until somebody takes connections. Gives why not, or null. */
  async answering(host: string, port: number, child: Child | null): Promise<string | null> {
    const untilMs = performance.now() + READY_MS;
    while (!this.#connects(host, port)) {
      if (child !== null && child.status !== null) return `ended: ${child.log.slice(-5).join(" / ")}`;
      if (performance.now() > untilMs) return `does not answer on port ${port}: ${child?.log.slice(-5).join(" / ")}`;
      await sleep(POLL_MS);
    }
    return null;
  }

  #connects(host: string, port: number): boolean {
    const args = ["-c", `exec 3<>/dev/tcp/${host}/${port}`];
    const command = new Deno.Command("bash", { args, stdout: "null", stderr: "null" });
    return this.client.inside(() => command.outputSync()).success;
  }

  #logs(): string {
    return this.#children.map((child) => {
      return `--- ${child.name} ${JSON.stringify(child.status)}\n${child.log.slice(-20).join("\n")}`;
    }).join("\n");
  }
}

/** How many proxied connections one process can have here: two descriptors each. */
export function mostConnections(): number {
  return Math.floor((fileLimit().hard - SPARE_DESCRIPTORS) / 2);
}

/** Starts the servers of the backend machine, and the contestants; those that do not start are named in the notes and left out. */
export async function startContestants(world: World, entries: readonly Entry[]): Promise<Contestant[]> {
  await startBackend(world);
  const contestants: Contestant[] = [];
  for (const entry of entries) {
    const contestant = await enter(world, entry);
    if (contestant !== null) contestants.push(contestant);
  }
  return contestants;
}

/** Every engine with every program. */
export function ours(engines: readonly BenchedEngine[], programs: readonly Program[]): Entry[] {
  return engines.flatMap((engine) => programs.map((program) => ({ kind: "ours", engine, program }) as const));
}

/** The command that starts the product as this program. */
export async function commandOf({ launch }: Program): Promise<readonly string[]> {
  switch (launch.kind) {
    case "default":
      return await productCommand();
    case "path":
      return [launch.path];
    case "v8": {
      const flags = launch.flags.length === 0 ? [] : [`--v8-flags=${launch.flags.join(",")}`];
      return [Deno.execPath(), "run", "-A", ...flags, `${ROOT}main.ts`];
    }
  }
}

/** Processor time that a contestant's processes have taken so far; NaN for the backend itself. */
export function cpuSecondsOf({ child }: Contestant): number {
  if (child === null) return NaN;
  const children = Deno.readTextFileSync(`/proc/${child.pid}/task/${child.pid}/children`).split(" ").filter((pid) =>
    pid !== ""
  );
  const stats = [String(child.pid), ...children].map((pid) => Deno.readTextFileSync(`/proc/${pid}/stat`));
  return stats.map(cpuSeconds).reduce((sum, one) => sum + one, 0);
}

/** How a contestant is called in tables. */
export function nameOf(entry: Entry): string {
  if (entry.kind !== "ours") return entry.kind;
  return `${entry.engine} ${entry.program.label}`.trim();
}

async function startBackend(world: World): Promise<void> {
  const { backend } = world;
  const folder = world.folder("www");
  await Deno.writeFile(`${folder}/big`, new Uint8Array(BIG_BYTES).fill(0x61));
  const config = world.file("backend.conf", nginxBackendConfig(folder, Math.round(BACKEND_ROOM * mostConnections())));
  const web = world.start(backend, "nginx", ["nginx", "-p", folder, "-e", "stderr", "-c", config]);
  const bulk = world.start(backend, "iperf3", ["iperf3", "-s"]);
  for (const [port, child] of [[WEB_PORT, web], [BULK_PORT, bulk]] as const) {
    const trouble = await world.answering(backend.station.ip4, port, child);
    if (trouble !== null) throw new Error(`${child.name} ${trouble}`);
  }
}

async function enter(world: World, entry: Entry): Promise<Contestant | null> {
  const name = nameOf(entry);
  if (entry.kind === "direct") {
    const ports = { bulk: BULK_PORT, tcp: WEB_PORT, http: WEB_PORT };
    return { name, entry, host: world.backend.station.ip4, ports, child: null };
  }
  const machine = world.machine(`proxy${world.network.machines.length}`);
  const host = machine.station.ip4;
  const child = world.start(machine, name, await launch(world, machine, entry));
  const ports: Record<Kind, number | null> = { bulk: null, tcp: null, http: null };
  for (const kind of kindsOf(entry)) {
    const trouble = await world.answering(host, PROXY_PORTS[kind], child);
    if (trouble === null) ports[kind] = PROXY_PORTS[kind];
    else world.notes.push(`${name}, ${kind}: ${trouble}`);
    if (child.status !== null) return null;
  }
  if (entry.kind === "ours") {
    await checkEngine(world, entry.engine, { name, stateDir: `${world.directory}/${machine.name}` });
  }
  return { name, entry, host, ports, child };
}

/** Notes when another engine runs than was asked for: figures under a wrong name are worse than none. */
async function checkEngine(
  world: World,
  wanted: BenchedEngine,
  { name, stateDir }: { name: string; stateDir: string },
): Promise<void> {
  const used = await enginesIn(stateDir);
  if (used.some((engine) => engine !== wanted)) world.notes.push(`${name}: runs with ${used.join(", ")}`);
}

function kindsOf(entry: Entry): readonly Kind[] {
  if (entry.kind === "nginx") return ["http"];
  return entry.kind === "ours" && entry.engine === "kernel" ? ["bulk", "tcp"] : KINDS;
}

async function launch(world: World, machine: Machine, entry: Entry): Promise<readonly string[]> {
  const { name } = machine;
  const backend = world.backend.station;
  switch (entry.kind) {
    case "direct":
      return [];
    case "HAProxy":
      return ["haproxy", "-db", "-f", world.file(`${name}.cfg`, haproxyConfig(backend, mostConnections()))];
    case "nginx": {
      const folder = world.folder(name);
      const config = world.file(`${name}.conf`, nginxProxyConfig(folder, backend));
      return ["nginx", "-p", folder, "-e", "stderr", "-c", config];
    }
    case "ours": {
      const stateDir = `${world.directory}/${name}`;
      const given = { engine: entry.engine, stateDir, maxConnections: mostConnections() };
      const path = world.file(`${name}.yaml`, ourConfig(machine.station, backend, given));
      return [...await commandOf(entry.program), "start", "-c", path];
    }
  }
}

/** Ports enough for many short connections. */
function manyConnections(): void {
  Deno.writeTextFileSync("/proc/sys/net/ipv4/ip_local_port_range", "10000 65535");
  Deno.writeTextFileSync("/proc/sys/net/ipv4/tcp_tw_reuse", "1");
}
