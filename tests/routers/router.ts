/** A router: real routing software on a machine of the laboratory. */

import { assert } from "../../mod/base/assert.ts";
import type { Family } from "../../mod/net/bgp/types.ts";
import { AHEAD_OF_OTHERS, Child } from "../lab/child.ts";
import type { Machine } from "../lab/network.ts";
import { sleep } from "../lab/time.ts";
import { bird } from "./bird.ts";
import { exabgp } from "./exabgp.ts";
import { frr } from "./frr.ts";
import { gobgp } from "./gobgp.ts";
import { kernelRoutes } from "./kernel.ts";
import { openbgpd } from "./openbgpd.ts";
import type { PeerAction, RouterPlace, RouterProcess, Software } from "./software.ts";
import type { KernelRoute, RouterConfig, RouterKind, RouterSession, TableRoute } from "./types.ts";

const SOFTWARE: Readonly<Record<RouterKind, Software>> = { frr, bird, gobgp, openbgpd, exabgp };

const READY_MS = 20_000;
const POLL_MS = 10;
const STOP_MS = 5000;
const LOG_LINES = 40;

/** A running router. Ended by whoever started it. */
export class Router {
  readonly machine: Machine;
  readonly #software: Software;
  readonly #place: RouterPlace;
  #config: RouterConfig;
  #children: Child[] = [];

  private constructor(machine: Machine, place: RouterPlace, made: { software: Software; config: RouterConfig }) {
    this.machine = machine;
    this.#place = place;
    this.#software = made.software;
    this.#config = made.config;
  }

  /**
   * Starts a router on `machine`, with `directory` for its files; resolves when it answers. Throws, with its log, when it ends before
   * or takes too long.
   */
  static async start(
    kind: RouterKind,
    machine: Machine,
    options: { readonly directory: string; readonly config: RouterConfig },
  ): Promise<Router> {
    const { ip4, ip6 } = machine.station;
    const place = { directory: options.directory, ip4, ip6 };
    Deno.mkdirSync(place.directory, { recursive: true, mode: 0o755 });
    const router = new Router(machine, place, { software: SOFTWARE[kind], config: options.config });
    machine.inside(forwardPackets);
    try {
      await router.start();
    } catch (error) {
      await router.kill();
      throw error;
    }
    return router;
  }

  get kind(): RouterKind {
    return this.#software.kind;
  }

  /** Whether what it learns gets into its kernel. */
  get installs(): boolean {
    return this.#software.installs;
  }

  get config(): RouterConfig {
    return this.#config;
  }

  /** The last lines of all of its processes. */
  get log(): readonly string[] {
    return this.#children.flatMap((child) => child.log.map((line) => `${child.name}: ${line}`));
  }

  /** Starts its processes. */
  async start(): Promise<void> {
    assert(this.#children.every((child) => child.status !== null), `${this.kind} does not run yet`);
    this.#software.write(this.#place, this.#config);
    this.#children = [];
    for (const process of this.#software.processes(this.#place)) await this.#startOne(process);
    await this.#until("ready", () => this.#software.ready(this.#place, this.#config).then(() => true), READY_MS);
  }

  /** SIGTERM: it leaves in order. */
  async stop(): Promise<void> {
    // What serves the others was started first and ends last.
    for (const child of this.#children.toReversed()) await child.stop("SIGTERM", STOP_MS);
  }

  /** SIGKILL: it ends without a word. */
  async kill(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop("SIGKILL")));
  }

  /** SIGSTOP: it hangs, its kernel goes on. */
  pause(): void {
    for (const child of this.#children) child.signal("SIGSTOP");
  }

  /** SIGCONT. */
  resume(): void {
    for (const child of this.#children) child.signal("SIGCONT");
  }

  /** Stops and starts it, with another configuration if one is named. */
  async restart(config: RouterConfig = this.#config): Promise<void> {
    await this.stop();
    this.#config = config;
    await this.start();
  }

  /** Gives it another configuration while it runs (FRR, BIRD, OpenBGPD). FRR's sessions begin anew. */
  async reconfigure(config: RouterConfig): Promise<void> {
    const change = { from: this.#config, to: config };
    this.#config = config;
    this.#software.write(this.#place, config);
    await this.#software.reload(this.#place, change);
  }

  /** What it says of its neighbours. */
  sessions(): Promise<RouterSession[]> {
    return this.#software.sessions(this.#place, this.#config);
  }

  /** One neighbour. Throws Error if it does not know it. */
  async session(peer: string): Promise<RouterSession> {
    const found = (await this.sessions()).find((one) => one.peer === peer);
    if (found === undefined) throw new Error(`${this.kind} knows no neighbour ${peer}`);
    return found;
  }

  /** Its BGP table, one entry a path. */
  routes(family: Family): Promise<TableRoute[]> {
    return this.#software.routes(this.#place, this.#config, family);
  }

  /** The paths to one prefix. */
  async paths(prefix: string): Promise<TableRoute[]> {
    const all = await this.routes(prefix.includes(":") ? 6 : 4);
    return all.filter((route) => route.prefix === prefix);
  }

  /** The routes of its kernel's main table. */
  kernelRoutes(family: Family): Promise<KernelRoute[]> {
    return kernelRoutes(this.machine, family);
  }

  /** Ends the session with a neighbour; it begins again by itself. */
  clearSession(peer: string): Promise<void> {
    return this.#act(peer, { do: "clear" });
  }

  /** Ends the session with a neighbour for good, with a text for it (RFC 9003). */
  shutdownNeighbor(peer: string, text: string): Promise<void> {
    return this.#act(peer, { do: "shutdown", text });
  }

  /** Takes back {@link shutdownNeighbor}. */
  enableNeighbor(peer: string): Promise<void> {
    return this.#act(peer, { do: "enable" });
  }

  /**
   * Looks every few milliseconds until there is something; gives it and the milliseconds it took. Throws, with the router's log, when
   * `limitMs` pass without.
   */
  async waitFor<T>(what: string, limitMs: number, look: (router: Router) => Promise<T | null>): Promise<Waited<T>> {
    const fromMs = performance.now();
    const value = await this.#until(what, () => look(this), limitMs);
    return { value, tookMs: performance.now() - fromMs };
  }

  /** Waits until the session with a neighbour is up. */
  async waitUp(peer: string, limitMs: number): Promise<number> {
    const isUp = async (): Promise<true | null> => (await this.session(peer)).state === "established" ? true : null;
    return (await this.waitFor(`session with ${peer} up`, limitMs, isUp)).tookMs;
  }

  /** Waits until the session with a neighbour is not up. */
  async waitDown(peer: string, limitMs: number): Promise<number> {
    const isDown = async (): Promise<true | null> => (await this.session(peer)).state !== "established" ? true : null;
    return (await this.waitFor(`session with ${peer} down`, limitMs, isDown)).tookMs;
  }

  /** Waits until there are `count` chosen paths to a prefix in its BGP table. */
  async waitPaths(prefix: string, count: number, limitMs: number): Promise<Waited<TableRoute[]>> {
    return await this.waitFor(`${count} paths to ${prefix}`, limitMs, async () => {
      const found = (await this.paths(prefix)).filter((route) => route.best);
      return found.length === count ? found : null;
    });
  }

  /** Waits until its kernel has a route with `count` next hops, 0: none. */
  async waitKernel(prefix: string, count: number, limitMs: number): Promise<Waited<readonly string[]>> {
    return await this.waitFor(`${count} next hops of ${prefix} in the kernel`, limitMs, async () => {
      const all = await this.kernelRoutes(prefix.includes(":") ? 6 : 4);
      const hops = all.find((route) => route.prefix === prefix)?.nextHops ?? [];
      return hops.length === count ? hops : null;
    });
  }

  #act(peer: string, action: PeerAction): Promise<void> {
    return this.#software.act(this.#place, this.#config, { peer, action });
  }

  async #startOne({ name, argv, env, ready }: RouterProcess): Promise<void> {
    // A router has its own machine; BFD ends sessions where it has to wait for a processor.
    this.#children.push(
      Child.start([...AHEAD_OF_OTHERS, ...argv], { name, inside: this.machine.inside, env: { ...env } }),
    );
    if (ready !== null) await this.#until(`${name} ready`, () => ready().then(() => true), READY_MS);
  }

  /** An error of `look` counts as "not yet", except when a process has ended. */
  async #until<T>(what: string, look: () => Promise<T | null>, limitMs: number): Promise<T> {
    const untilMs = performance.now() + limitMs;
    let why = "";
    for (;;) {
      const dead = this.#children.find((child) => child.status !== null);
      if (dead !== undefined) throw this.#failed(`${dead.name} ended (${JSON.stringify(dead.status)})`);
      try {
        const value = await look();
        if (value !== null) return value;
      } catch (error) {
        why = `: ${error instanceof Error ? error.message : error}`;
      }
      if (performance.now() > untilMs) throw this.#failed(`${what}: not within ${limitMs} ms${why}`);
      await sleep(POLL_MS);
    }
  }

  #failed(what: string): Error {
    return new Error(`${this.kind} on ${this.machine.name}: ${what}\n${this.log.slice(-LOG_LINES).join("\n")}`);
  }
}

/** What was waited for, and how long. */
export interface Waited<T> {
  readonly value: T;
  readonly tookMs: number;
}

/** A router forwards, and sends nobody to the next hop on the same link. */
function forwardPackets(): void {
  const settings = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/eth0/send_redirects": "0",
    "ipv4/fib_multipath_hash_policy": "1",
    "ipv6/fib_multipath_hash_policy": "1",
    "ipv6/conf/all/forwarding": "1",
  };
  for (const [path, value] of Object.entries(settings)) Deno.writeTextFileSync(`/proc/sys/net/${path}`, value);
}
