/** The laboratory: three nodes, a client, an observer, and as many backends as wanted, on one switch. */

import { Child } from "./child.ts";
import { type Daemon, Product, productCommand } from "./daemon.ts";
import { type Machine, Network } from "./network.ts";
import { LabNode } from "./node.ts";
import { BACKEND_ECHO_PORT, BACKEND_HTTP_PORT, type Station, station } from "./plan.ts";
import { Probes } from "./probes.ts";
import { FAMILIES, type Family } from "./records.ts";
import { sharedNow } from "./time.ts";

/** What a laboratory is made with. */
export interface LabOptions {
  /** Number of nodes, 3 if not named. */
  readonly nodes?: number;
  /** Number of backends, none if not named. */
  readonly backends?: number;
  /** `default` if not named. */
  readonly timing?: string | Readonly<Record<string, number>>;
  /** Added to every node's configuration. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** In place of the product; receives what the product would get. */
  readonly daemon?: Daemon;
}

/**
 * Timing where not elections are asked about, and the holder is to stay: a machine that stands still for longer than the lease of `default`
 * moves the addresses, which ends connections.
 */
export const PATIENT = "relaxed";

const CLIENT = station("client", 100);
const OBSERVER = station("observer", 101);
const BACKEND = new URL("backend.ts", import.meta.url).pathname;
const CLIENT_COMMAND = [Deno.execPath(), "run", "-A", "--no-lock", new URL("client.ts", import.meta.url).pathname];
const READY_MS = 30_000;
/** Service counts as settled when it has been given so long without a gap. */
const STEADY_MS = 300;

/** A running laboratory. Whoever made it disposes of it, which ends every process and every namespace of it. */
export class Lab {
  readonly network: Network;
  readonly nodes: readonly LabNode[];
  readonly client: Machine;
  readonly observer: Machine;
  readonly backends: readonly Machine[];
  readonly probes: Probes;
  readonly daemon: Daemon;
  readonly #directory: string;
  readonly #children: Child[];

  private constructor(parts: {
    network: Network;
    nodes: readonly LabNode[];
    client: Machine;
    observer: Machine;
    backends: readonly Machine[];
    probes: Probes;
    daemon: Daemon;
    directory: string;
    children: Child[];
  }) {
    this.network = parts.network;
    this.nodes = parts.nodes;
    this.client = parts.client;
    this.observer = parts.observer;
    this.backends = parts.backends;
    this.probes = parts.probes;
    this.daemon = parts.daemon;
    this.#directory = parts.directory;
    this.#children = parts.children;
  }

  /** Builds the network, starts probes and backends, and configures the nodes without starting them. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    const stations = numbered("node", 1, options.nodes ?? 3);
    const backendStations = numbered("backend", 21, options.backends ?? 0);
    const daemon = options.daemon ?? await product(options, backendStations);
    const directory = await Deno.makeTempDir({ prefix: "kube-vip-lab-" });
    const children: Child[] = [];
    const network = Network.create();
    try {
      const nodes = stations.map((local) => {
        const own = `${directory}/${local.name}`;
        Deno.mkdirSync(own, { mode: 0o700 });
        return new LabNode(network.connect(local), daemon, { local, nodes: stations, directory: own });
      });
      const [client, observer] = [network.connect(CLIENT), network.connect(OBSERVER)];
      const backends = backendStations.map((one) => network.connect(one));
      for (const backend of backends) children.push(startBackend(backend));
      await Promise.all(children.map((child) => child.waitForLine("listening", { limitMs: READY_MS })));
      const probes = await Probes.start(client, observer);
      return new Lab({ network, nodes, client, observer, backends, probes, daemon, directory, children });
    } catch (error) {
      await Promise.all(children.map((child) => child.stop("SIGKILL")));
      network.close();
      await Deno.remove(directory, { recursive: true });
      throw error;
    }
  }

  /** Makes a laboratory, uses it and disposes of it; a failure carries the nodes' logs. */
  static async with(options: LabOptions, use: (lab: Lab) => Promise<void>): Promise<void> {
    const lab = await Lab.create(options);
    try {
      await use(lab);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${lab.logs()}`, { cause: error });
    } finally {
      await lab.dispose();
    }
  }

  /** Starts every node that does not run and waits until the cluster serves. */
  async startAll(): Promise<void> {
    for (const node of this.nodes) if (!node.running) node.start();
    await this.settled();
  }

  /**
   * The node that holds the addresses of both families, once every running node takes part and the client has been served without a
   * gap for a while. Throws, saying what is missing, when it does not come to that.
   */
  async settled(limitMs: number = READY_MS): Promise<LabNode> {
    await Promise.all(this.nodes.filter((node) => node.running).map((node) => node.ready(limitMs)));
    const { pings, samples } = this.probes;
    const fromMs = sharedNow();
    const look = (): LabNode | null =>
      samples.knownMs >= fromMs && pings.isSteady(STEADY_MS, fromMs) ? this.holder() : null;
    return await pings.changes.until(look, limitMs, "steady service from one holder");
  }

  /** The node whose machine answers for the address now, as the observer sees it; null when none does or the families differ. */
  holder(family?: Family): LabNode | null {
    if (family === undefined) {
      const [of4, of6] = FAMILIES.map((one) => this.holder(one));
      return of4 !== undefined && of4 === of6 ? of4 : null;
    }
    const mac = this.probes.answering(family);
    return this.nodes.find((node) => node.machine.mac === mac) ?? null;
  }

  /** The nodes other than `node`. */
  others(node: LabNode): LabNode[] {
    return this.nodes.filter((other) => other !== node);
  }

  /** Starts a process on one of the machines; it ends with the laboratory at the latest. */
  run(machine: Machine, name: string, argv: readonly string[], onLine?: (line: string) => void): Child {
    const child = Child.start(argv, { name, inside: machine.inside, ...(onLine === undefined ? {} : { onLine }) });
    this.#children.push(child);
    return child;
  }

  /** Lets the client do one thing of `client.ts`; gives the lines it wrote. */
  ask(...words: readonly string[]): string[] {
    return this.execute(this.client, [...CLIENT_COMMAND, ...words]).trim().split("\n");
  }

  /** Lets the client begin to hold a connection, see `client.ts`; resolves when it is open. */
  async hold(ip: string, port: number): Promise<Child> {
    const child = this.run(this.client, "holding client", [...CLIENT_COMMAND, "hold", ip, String(port)]);
    await child.waitForLine("open", { limitMs: 10_000 });
    return child;
  }

  /** Runs a program on one of the machines to its end; gives its output. Throws when it fails. */
  execute(machine: Machine, argv: readonly string[]): string {
    const [program = "", ...args] = argv;
    const command = new Deno.Command(program, { args, stdin: "null", stdout: "piped", stderr: "piped" });
    const { success, stdout, stderr } = machine.inside(() => command.outputSync());
    if (!success) throw new Error(`${argv.join(" ")}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }

  /** What the nodes logged, for messages. */
  logs(): string {
    return this.nodes.map((node) => `--- ${node.name}\n${node.log.slice(-60).join("\n")}`).join("\n");
  }

  /** Ends everything. */
  async dispose(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.dispose()));
    await Promise.all(this.#children.splice(0).map((child) => child.stop("SIGKILL")));
    await this.probes.stop();
    this.network.close();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

async function product(options: LabOptions, backends: readonly Station[]): Promise<Product> {
  return new Product(await productCommand(), {
    timing: options.timing ?? "default",
    peerSecret: crypto.randomUUID().replaceAll("-", ""),
    backends,
    extra: options.extra ?? {},
  });
}

function numbered(prefix: string, firstHost: number, count: number): Station[] {
  return Array.from({ length: count }, (_, index) => station(`${prefix}${index + 1}`, firstHost + index));
}

function startBackend(machine: Machine): Child {
  const ports = [String(BACKEND_HTTP_PORT), String(BACKEND_ECHO_PORT)];
  const argv = [Deno.execPath(), "run", "-A", "--no-lock", BACKEND, machine.name, ...ports];
  return Child.start(argv, { name: machine.name, inside: machine.inside });
}
