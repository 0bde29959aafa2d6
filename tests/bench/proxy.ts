/** Throughput of the balancers beside HAProxy with one thread, in one run on the same wires: client, proxy and backend machines. */

import { stringify } from "@kube-vip/yaml";
import { median } from "../lab/analysis.ts";
import { Child } from "../lab/child.ts";
import { productCommand } from "../lab/daemon.ts";
import { type Machine, Network } from "../lab/network.ts";
import { station } from "../lab/plan.ts";
import { sleep } from "../lab/time.ts";
import { number, option, print, table } from "./report.ts";

const ROUNDS = 5;
const SECONDS = 3;
const CONNECTIONS = 32;
const BULK_PORT = 5201;
const WEB_PORT = 80;

/** What is measured, and through which kind of balancer. */
const MEASURES = [
  { name: "bulk, one connection", unit: "Gbit/s", decimals: 1, kinds: ["bulk"] },
  { name: "keep-alive requests", unit: "1/s", decimals: 0, kinds: ["tcp", "http"] },
  { name: "new connections", unit: "1/s", decimals: 0, kinds: ["tcp", "http"] },
] as const;

type Kind = "bulk" | "tcp" | "http";
type MeasureName = typeof MEASURES[number]["name"];

/** Ports of a contestant on the machine that it runs on. */
interface Contestant {
  readonly name: string;
  readonly host: string;
  /** null: it does not do that. */
  readonly ports: Readonly<Record<Kind, number | null>>;
}

interface World {
  readonly client: Machine;
  readonly contestants: readonly Contestant[];
}

const PROXY = station("proxy", 2);
const BACKEND = station("backend", 3);
/** A machine of its own: the kernel tracks connections of everybody on it. */
const KERNEL_PROXY = station("kernel", 4);

const DIRECT: Contestant = {
  name: "direct",
  host: BACKEND.ip4,
  ports: { bulk: BULK_PORT, tcp: WEB_PORT, http: WEB_PORT },
};
const HAPROXY: Contestant = { name: "HAProxy", host: PROXY.ip4, ports: { bulk: 7100, tcp: 7101, http: 7102 } };
const OURS: Contestant = { name: "kube-vip", host: PROXY.ip4, ports: { bulk: 7000, tcp: 7001, http: 7002 } };
/** The kernel balances no requests. */
const KERNEL: Contestant = {
  name: "kube-vip kernel",
  host: KERNEL_PROXY.ip4,
  ports: { bulk: 7200, tcp: 7201, http: null },
};

/** Measures and prints. */
export async function benchProxy(args: readonly string[]): Promise<void> {
  const rounds = Number(option(args, "runs") ?? ROUNDS);
  const seconds = Number(option(args, "seconds") ?? SECONDS);
  const directory = await Deno.makeTempDir({ prefix: "kube-vip-bench-" });
  const network = Network.create();
  const children: Child[] = [];
  try {
    const world = await build(network, directory, children);
    print(await report(world, { rounds, seconds }));
    print();
    print(
      `Medians of ${rounds} rounds of ${seconds} s; ${CONNECTIONS} connections; wrk, iperf3, nginx and the proxies share the processors.`,
    );
  } catch (error) {
    for (const child of children) {
      print(`--- ${child.name} ${JSON.stringify(child.status)}\n${child.log.slice(-20).join("\n")}`);
    }
    throw error;
  } finally {
    await Promise.all(children.map((child) => child.stop("SIGKILL")));
    network.close();
    await Deno.remove(directory, { recursive: true });
  }
}

async function build(network: Network, directory: string, children: Child[]): Promise<World> {
  const client = network.connect(station("client", 1));
  const [proxy, kernel, backend] = [network.connect(PROXY), network.connect(KERNEL_PROXY), network.connect(BACKEND)];
  for (const machine of network.machines) machine.inside(manyConnections);
  const start = (machine: Machine, name: string, argv: readonly string[]): void => {
    children.push(Child.start(argv, { name, inside: machine.inside }));
  };
  const file = (name: string, text: string): string => {
    Deno.writeTextFileSync(`${directory}/${name}`, text, { mode: 0o600 });
    return `${directory}/${name}`;
  };
  start(backend, "iperf3", ["iperf3", "-s"]);
  start(backend, "nginx", ["nginx", "-p", directory, "-e", "stderr", "-c", file("nginx.conf", nginxConfig(directory))]);
  start(proxy, "HAProxy", ["haproxy", "-db", "-f", file("haproxy.cfg", haproxyConfig())]);
  const product = await productCommand();
  for (const [machine, contestant] of [[proxy, OURS], [kernel, KERNEL]] as const) {
    const path = file(`${machine.name}.yaml`, ourConfig(machine, contestant, `${directory}/${machine.name}`));
    start(machine, contestant.name, [...product, "start", "-c", path]);
  }
  const contestants = [DIRECT, HAPROXY, OURS, KERNEL];
  for (const contestant of contestants) await answering(client, contestant, children);
  return { client, contestants };
}

/** Waits until every port of a contestant takes connections. */
async function answering(
  client: Machine,
  { name, host, ports }: Contestant,
  children: readonly Child[],
): Promise<void> {
  for (const port of Object.values(ports).filter((one) => one !== null)) {
    const untilMs = performance.now() + 15_000;
    while (!connects(client, host, port)) {
      const dead = children.find((child) => child.status !== null);
      if (dead !== undefined) throw new Error(`${dead.name} ended:\n${dead.log.join("\n")}`);
      if (performance.now() > untilMs) throw new Error(`${name} does not answer on ${host}:${port}`);
      await sleep(100);
    }
  }
}

function connects(client: Machine, host: string, port: number): boolean {
  const command = new Deno.Command("bash", {
    args: ["-c", `exec 3<>/dev/tcp/${host}/${port}`],
    stdout: "null",
    stderr: "null",
  });
  return client.inside(() => command.outputSync()).success;
}

async function report(world: World, options: { rounds: number; seconds: number }): Promise<string> {
  const head = [
    "measure",
    "through",
    "direct",
    "HAProxy",
    "kube-vip",
    "kernel",
    "kube-vip / HAProxy",
    "kernel / HAProxy",
  ];
  const rows = [[...head, "kernel / direct"]];
  for (const measure of MEASURES) {
    for (const kind of measure.kinds) {
      const figures = new Map<Contestant, number[]>(world.contestants.map((contestant) => [contestant, []]));
      for (let round = 0; round < options.rounds; round++) {
        for (const contestant of world.contestants) {
          const port = contestant.ports[kind];
          if (port === null) continue;
          const what = { name: measure.name, port, seconds: options.seconds };
          figures.get(contestant)?.push(await run(world.client, contestant, what));
        }
      }
      const [direct = NaN, haproxy = NaN, ours = NaN, kernel = NaN] = world.contestants.map((one) => {
        return median(figures.get(one) ?? []);
      });
      const shown = [direct, haproxy, ours, kernel].map((value) => cell(value, measure.decimals));
      const ratios = [ours / haproxy, kernel / haproxy, kernel / direct].map((value) => cell(value, 2));
      rows.push([`${measure.name}, ${measure.unit}`, kind === "http" ? "http" : "tcp", ...shown, ...ratios]);
    }
  }
  return table(rows);
}

function cell(value: number, decimals: number): string {
  return Number.isNaN(value) ? "-" : number(value, decimals);
}

async function run(
  client: Machine,
  contestant: Contestant,
  what: { name: MeasureName; port: number; seconds: number },
): Promise<number> {
  const { port } = what;
  switch (what.name) {
    case "bulk, one connection":
      return bulk(
        await output(client, ["iperf3", "-J", "-c", contestant.host, "-p", `${port}`, "-t", `${what.seconds}`]),
      );
    case "keep-alive requests":
      return rate(await output(client, wrk(contestant.host, port, { seconds: what.seconds, headers: [] })));
    case "new connections":
      return rate(
        await output(client, wrk(contestant.host, port, { seconds: what.seconds, headers: ["Connection: close"] })),
      );
  }
}

function wrk(host: string, port: number, options: { seconds: number; headers: readonly string[] }): string[] {
  const headers = options.headers.flatMap((header) => ["-H", header]);
  return ["wrk", "-t1", `-c${CONNECTIONS}`, `-d${options.seconds}s`, ...headers, `http://${host}:${port}/`];
}

async function output(client: Machine, argv: readonly string[]): Promise<string> {
  const [program = "", ...args] = argv;
  const child = client.inside(() => new Deno.Command(program, { args, stdout: "piped", stderr: "piped" }).spawn());
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`${argv.join(" ")}: ${text}${new TextDecoder().decode(stderr)}`);
  return text;
}

function bulk(json: string): number {
  const received = /"sum_received":\s*\{[^}]*"bits_per_second":\s*([\d.e+]+)/.exec(json);
  return Number(received?.[1] ?? NaN) / 1e9;
}

function rate(text: string): number {
  const failed = /Socket errors|Non-2xx/.exec(text);
  if (failed !== null) print(text.split("\n").filter((line) => /errors|Non-2xx/.test(line)).join("; "));
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? NaN);
}

/** Ports enough for many short connections. */
function manyConnections(): void {
  Deno.writeTextFileSync("/proc/sys/net/ipv4/ip_local_port_range", "10000 65535");
  Deno.writeTextFileSync("/proc/sys/net/ipv4/tcp_tw_reuse", "1");
}

function ourConfig({ station }: Machine, { ports, name }: Contestant, stateDir: string): string {
  const common = { bindToVip: false };
  const plain = ([["bulk", BULK_PORT], ["tcp", WEB_PORT]] as const).map(([kind, port]) => ({
    ...common,
    name: kind,
    type: "tcp",
    engine: name === KERNEL.name ? "kernel" : "listen",
    port: ports[kind],
    backends: [{ address: BACKEND.ip4, port }],
  }));
  const web = {
    ...common,
    name: "http",
    type: "http",
    port: ports.http,
    backends: [{ url: `http://${BACKEND.ip4}:${WEB_PORT}` }],
  };
  return stringify({
    localPeer: { id: station.name, address: station.ip4, port: 10_000 },
    vip: "10.98.0.200",
    singleNode: true,
    disableVIP: true,
    interface: station.device,
    stateDir,
    loadBalancers: [...plain, ...(ports.http === null ? [] : [web])],
  });
}

function haproxyConfig(): string {
  const section = (kind: Kind, mode: string, backendPort: number): string =>
    `listen ${kind}
  mode ${mode}
  bind ${HAPROXY.host}:${HAPROXY.ports[kind]}
  server backend ${BACKEND.ip4}:${backendPort}
`;
  return `global
  nbthread 1
  maxconn 4096
defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse always
${section("bulk", "tcp", BULK_PORT)}${section("tcp", "tcp", WEB_PORT)}${section("http", "http", WEB_PORT)}`;
}

function nginxConfig(directory: string): string {
  return `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server {
    listen ${WEB_PORT};
    location / { return 200 "hello from the backend\\n"; }
  }
}
`;
}
