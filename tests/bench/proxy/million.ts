/** A million requests while backends die in turn: wrong answers, clients that hang, errors that the deaths do not explain. */

import type { Child } from "../../lab/child.ts";
import { sharedNow, sleep } from "../../lab/time.ts";
import type { Machine } from "../../lab/network.ts";
import { number, print, table } from "../report.ts";
import { ECHO_BODY } from "./answers.ts";
import { nginxEchoConfig, PROXY_PORTS, singleNode } from "./configs.ts";
import { type Death, type Failure, parseFailure, reasons, type Tally, wasUnderWay } from "./failures.ts";
import { type BenchedEngine, type BenchOptions, DEFAULT_PROGRAM } from "./options.ts";
import { commandOf, World } from "./world.ts";

const CLIENT = new URL("million_client.ts", import.meta.url).pathname;
const CONNECTIONS = 32;
const PORTS = [8081, 8082, 8083] as const;
const FIRST_DEATH_MS = 500;
const DEATH_EVERY_MS = 2000;
const DEAD_FOR_MS = 1000;
const CHECKS = { interval: 200, timeout: 200, rise: 1, fall: 1 };
/** At fewer requests a second than this something is wrong with the proxy. */
const LEAST_RATE = 500;
const SPARE_MS = 60_000;

type Kind = "tcp" | "http";

/** What came out of one run. */
interface Outcome {
  readonly tally: Tally;
  readonly deaths: readonly Death[];
  readonly failures: readonly Failure[];
}

/** Measures and prints. */
export async function benchMillion(options: BenchOptions): Promise<void> {
  const head = [
    "engine",
    "through",
    "requests",
    "per second",
    "deaths",
    "wrong",
    "hung",
    "errors, sent before",
    "other errors",
  ];
  const rows = [[...head, "refused before sending", ""]];
  const notes: string[] = [];
  for (const engine of options.engines) {
    for (const kind of engine === "kernel" ? ["tcp"] as const : ["tcp", "http"] as const) {
      await World.with(async (world) => {
        const outcome = await outcomeOf(world, { engine, kind, options });
        rows.push(
          outcome === null
            ? [engine, kind, ...Array(8).fill(""), "not measured"]
            : row(engine, kind, { outcome, notes }),
        );
        notes.push(...world.notes);
      });
    }
  }
  print(table(rows));
  print();
  print(
    `Three backends behind each; every ${DEATH_EVERY_MS / 1000} s another one is killed, and returns after ${
      DEAD_FOR_MS / 1000
    } s; checks every`,
  );
  print(
    `${CHECKS.interval} ms. ${CONNECTIONS} connections, every tenth request a POST, every body depends on its request and is compared.`,
  );
  print(
    "Goal: 0 wrong, 0 hung, no other errors. A connection that is refused costs no request; the kernel cannot try another",
  );
  print("backend for it.");
  for (const note of new Set(notes)) print(`- ${note}`);
}

async function outcomeOf(
  world: World,
  job: { engine: BenchedEngine; kind: Kind; options: BenchOptions },
): Promise<Outcome | null> {
  const { engine, kind, options } = job;
  const backends = new Backends(world);
  const proxy = world.machine("proxy");
  const child = await startProxy(world, proxy, { engine, kind, options });
  for (const port of PORTS) {
    const trouble = await world.answering(world.backend.station.ip4, port, null);
    if (trouble !== null) throw new Error(`a backend ${trouble}`);
  }
  const trouble = await world.answering(proxy.station.ip4, PROXY_PORTS[kind], child);
  if (trouble !== null) {
    world.notes.push(`${engine}, ${kind}: ${trouble}`);
    return null;
  }
  const failures: Failure[] = [];
  let tally: Tally | null = null;
  const numbers = [PROXY_PORTS[kind], options.requests, CONNECTIONS].map(String);
  const argv = [Deno.execPath(), "run", "-A", "--no-lock", CLIENT, proxy.station.ip4, ...numbers];
  const client = world.start(world.client, "checking client", argv, (line) => {
    const failure = parseFailure(line);
    if (failure !== null) failures.push(failure);
    else if (line.startsWith("{")) tally = JSON.parse(line);
  });
  await backends.dieInTurn(client, SPARE_MS + options.requests / LEAST_RATE * 1000);
  if (tally === null) throw new Error(`the client ended without a result:\n${client.log.join("\n")}`);
  return { tally, deaths: backends.deaths, failures };
}

async function startProxy(
  world: World,
  machine: Machine,
  { engine, kind, options }: { engine: BenchedEngine; kind: Kind; options: BenchOptions },
): Promise<Child> {
  const address = world.backend.station.ip4;
  const balancer = {
    name: kind,
    type: kind,
    engine,
    bindToVip: false,
    port: PROXY_PORTS[kind],
    healthCheck: CHECKS,
    backends: PORTS.map((port) => kind === "http" ? { url: `http://${address}:${port}` } : { address, port }),
  };
  const config = world.file("proxy.yaml", singleNode(machine.station, `${world.directory}/state`, [balancer]));
  const [program = DEFAULT_PROGRAM] = options.programs;
  return world.start(machine, engine, [...await commandOf(program), "start", "-c", config]);
}

/** The web servers, one process each. */
class Backends {
  readonly deaths: Death[] = [];
  readonly #world: World;
  readonly #configs: readonly string[];
  readonly #children: Child[];

  constructor(world: World) {
    this.#world = world;
    this.#configs = PORTS.map((port) => {
      const folder = world.folder(`echo${port}`);
      return world.file(`echo${port}.conf`, nginxEchoConfig(folder, port, ECHO_BODY));
    });
    this.#children = PORTS.map((_, index) => this.#start(index));
  }

  /** Kills one after the other and lets it return, until the client has ended. Throws when that takes longer than `limitMs`. */
  async dieInTurn(client: Child, limitMs: number): Promise<void> {
    const ended = client.end(limitMs);
    const over = ended.then(() => true);
    const beganMs = performance.now();
    for (let death = 0;; death++) {
      const atMs = beganMs + FIRST_DEATH_MS + death * DEATH_EVERY_MS;
      if (await Promise.race([over, sleep(atMs - performance.now()).then(() => false)])) break;
      const index = death % PORTS.length;
      const killedMs = sharedNow();
      await this.#children[index]?.stop("SIGKILL");
      this.deaths.push({ killedMs, goneMs: sharedNow() });
      if (await Promise.race([over, sleep(atMs + DEAD_FOR_MS - performance.now()).then(() => false)])) break;
      this.#children[index] = this.#start(index);
    }
    const { success } = await ended;
    if (!success) throw new Error(`the client failed:\n${client.log.join("\n")}`);
  }

  #start(index: number): Child {
    const argv = ["nginx", "-p", this.#world.directory, "-e", "stderr", "-c", this.#configs[index] ?? ""];
    return this.#world.start(this.#world.backend, `backend ${index + 1}`, argv);
  }
}

function row(
  engine: BenchedEngine,
  kind: Kind,
  { outcome, notes }: { outcome: Outcome; notes: string[] },
): string[] {
  const { tally, deaths, failures } = outcome;
  const bad = failures.filter(({ why }) => why !== "wrong" && why !== "hung");
  const sent = bad.filter((failure) => wasUnderWay(failure, deaths));
  const others = bad.filter((failure) => !wasUnderWay(failure, deaths));
  if (sent.length > 0) notes.push(`${engine}, ${kind}, sent before a death: ${reasons(sent)}`);
  if (others.length > 0) notes.push(`${engine}, ${kind}, other errors: ${reasons(others)}`);
  const total = tally.right + tally.wrong + tally.hung + bad.length;
  const counts = [
    total,
    tally.right / tally.seconds,
    deaths.length,
    tally.wrong,
    tally.hung,
    sent.length,
    others.length,
  ];
  const met = tally.wrong === 0 && tally.hung === 0 && others.length === 0;
  return [engine, kind, ...counts.map((count) => number(count)), String(tally.refused), met ? "met" : "missed"];
}
