import assert from "node:assert/strict";
import { BalancerSet } from "../../mod/agent/balancer_set.ts";
import { type BalancersPlan, planReload } from "../../mod/agent/reload_plan.ts";
import {
  type Balancer,
  BalancerError,
  type BalancerStatus,
  type StartOptions,
  type StopOptions,
} from "../../mod/balance/balancer.ts";
import type { BalancerConfig } from "../../mod/config/types.ts";
import { listenerAddress, openListener } from "../../mod/linux/listen_socket.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { eventually, tcpConfig } from "../balance/kit.ts";
import { mustLoad } from "../config/helpers.ts";

/** With this the engine has to be another one. */
const UNSUITABLE_MS = 12_345;

/** With this a stop is over at once, before the port is free. */
const OVER_AT_ONCE_MS = 3;

/** The machine: who has which port, and what happened. */
class World {
  readonly ports = new Map<number, ScriptedBalancer>();
  readonly events: string[] = [];
  readonly made: ScriptedBalancer[] = [];
  /** What was reached when a change, or what it left behind, had ended. */
  readonly settled: string[] = [];
  /** Names of balancers that fail, and at what. */
  readonly failing = new Map<string, "start" | "update" | "release">();
  /** Starts end when this does; they listen from their beginning. */
  starting: Promise<void> = Promise.resolve();

  readonly make = (config: BalancerConfig): Balancer => {
    const balancer = new ScriptedBalancer(config, this);
    this.made.push(balancer);
    return balancer;
  };

  /** Events since the last call. */
  take(): string[] {
    return this.events.splice(0);
  }
}

/** Has its port until a turn after it was told to stop, and its connections until it is let go. */
class ScriptedBalancer implements Balancer {
  config: BalancerConfig;
  readonly bound = new Set<string>();
  readonly #world: World;
  readonly #drained = Promise.withResolvers<void>();
  startOptions: StartOptions = {};
  stopOptions: StopOptions | null = null;
  #isQuiet = false;

  constructor(config: BalancerConfig, world: World) {
    this.config = config;
    this.#world = world;
  }

  get label(): string {
    return `${this.config.name}:${this.config.port}`;
  }

  start(options: StartOptions = {}): Promise<void> {
    this.startOptions = options;
    const { ports, failing } = this.#world;
    const { port, name } = this.config;
    if (failing.get(name) === "start") {
      return Promise.reject(new BalancerError("use engine kernel for", name, { cause: new Error("no such engine") }));
    }
    if (ports.has(port)) {
      const cause = new Deno.errors.AddrInUse("taken");
      return Promise.reject(new BalancerError("listen on", `port ${port}`, { cause }));
    }
    ports.set(port, this);
    this.#world.events.push(`start ${this.label}`);
    return this.#world.starting;
  }

  bind(ip: string): void {
    this.bound.add(ip);
  }

  release(ip: string): void {
    this.bound.delete(ip);
    if (this.#world.failing.get(this.config.name) === "release") throw new Error("no such descriptor");
    this.#world.events.push(`release ${this.label}`);
  }

  reaches(): string[] {
    return this.#has() ? [this.label] : [];
  }

  suits(config: BalancerConfig): boolean {
    return config.idleTimeoutMs !== UNSUITABLE_MS;
  }

  update(config: BalancerConfig): void {
    if (this.#world.failing.get(config.name) === "update" && config.drainMs === 7) throw new Error("no room");
    this.config = config;
    this.#world.events.push(`update ${this.label}`);
  }

  stop(options: StopOptions = {}): Promise<void> {
    if (this.stopOptions !== null) return this.#drained.promise;
    this.stopOptions = options;
    if (!this.#has()) return Promise.resolve();
    this.#world.events.push(`stop ${this.label}`);
    if (this.config.drainMs === OVER_AT_ONCE_MS) {
      this.#isQuiet = true;
      this.letGo();
    }
    setTimeout(() => this.#world.ports.delete(this.config.port), 15);
    if (this.config.drainMs === 0) setTimeout(() => this.letGo(), 20);
    return this.#drained.promise;
  }

  letGo(): void {
    this.#drained.resolve();
  }

  #has(): boolean {
    return this.#world.ports.get(this.config.port) === this;
  }

  status(): BalancerStatus {
    const { name, type, port } = this.config;
    const listening = this.#has() && !this.#isQuiet ? [`0.0.0.0:${port}`] : [];
    return { name, type, engine: "listen", listening, connections: 0, totalConnections: 0, backends: [] };
  }
}

function config(name: string, port: number, changes: Partial<BalancerConfig> = {}): BalancerConfig {
  return { ...tcpConfig([1]), name, port, ...changes } as BalancerConfig;
}

const SETTINGS = mustLoad({ singleNode: true, vip: "10.0.0.9", localPeer: "a:10.0.0.1:1" });

/** What changes from one list of balancers to the other, by the real plan. */
function planOf(before: readonly BalancerConfig[], after: readonly BalancerConfig[]): BalancersPlan {
  const result = planReload({ ...SETTINGS, balancers: before }, { ...SETTINGS, balancers: after });
  assert.ok(result.outcome === "possible");
  return result.plan.balancers;
}

/** A started set, and how it goes over to another configuration. */
async function withSet(
  configs: readonly BalancerConfig[],
  run: (set: BalancerSet, world: World, apply: (next: readonly BalancerConfig[]) => Promise<string>) => Promise<void>,
): Promise<void> {
  const world = new World();
  const set = new BalancerSet(configs, {
    clock: systemClock,
    make: world.make,
    onSettled: (reached) => void world.settled.push(reached.join(" ")),
  });
  await set.start();
  world.take();
  try {
    await run(set, world, async (next) => {
      const now = world.made.filter((one) => one.stopOptions === null).map((one) => one.config);
      const outcome = await set.apply(planOf(now, next));
      return outcome.outcome === "applied" ? "applied" : outcome.why;
    });
  } finally {
    for (const one of world.made) one.letGo();
    await set.stop();
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  assert.equal(world.ports.size, 0, "all are stopped");
}

const names = (set: BalancerSet): string[] => set.status().map(({ name }) => name);

Deno.test("what is new starts before anything goes, what stays is updated, and the status has the order of the file", () =>
  withSet([config("a", 1), config("b", 2), config("c", 3)], async (set, world, apply) => {
    const next = [config("d", 4), config("b", 5), config("a", 1, { drainMs: 9 })];
    assert.equal(await apply(next), "applied");
    assert.deepEqual(world.take(), ["start d:4", "start b:5", "update a:1", "stop b:2", "stop c:3"]);
    assert.deepEqual(names(set), ["d", "b", "a"]);
    assert.equal(set.size, 3);
  }));

Deno.test("a port goes from one to the next as soon as it is free, while the old one's connections finish", () =>
  withSet([config("a", 1, { drainMs: 1000 })], async (set, world, apply) => {
    assert.equal(await apply([config("a", 1, { acceptProxyProtocol: true, drainMs: 1000 })]), "applied");
    assert.deepEqual(world.take(), ["stop a:1", "start a:1"]);
    const [old, next] = world.made;
    assert.equal(old?.stopOptions?.succeeded?.(), true, "another one has its port");
    assert.ok(set.status()[0]?.listening.length === 1 && next !== undefined);
    set.release("10.0.0.9");
    assert.deepEqual(
      world.take(),
      ["release a:1", "release a:1"],
      "of both: connections of the old one are there, too",
    );
    old?.letGo();
    assert.equal(await apply([]), "applied");
    assert.equal(next.stopOptions?.succeeded?.(), false);
  }));

Deno.test("what one leaves with its port is for the next, for its own return if that fails, and for nobody afterwards", () =>
  withSet([config("a", 1), config("b", 2), config("c", 3)], async (_set, world, apply) => {
    await apply([config("x", 1), config("c", 3)]);
    const [a, b, , x] = world.made;
    const estate = a?.stopOptions?.estate;
    assert.ok(estate !== undefined);
    assert.equal(x?.startOptions.estate, estate);
    assert.equal(b?.stopOptions?.estate, undefined, "nobody has its port now");
    const socket = openListener({ ip: "127.0.0.1", port: 0 }, { shared: false });
    const { port } = listenerAddress(socket);
    estate.leave({ ip: "127.0.0.1", port }, [socket]);
    await assert.rejects(Deno.connect({ port }), Deno.errors.ConnectionRefused);
    world.failing.set("y", "start");
    assert.match(await apply([config("y", 1), config("c", 3)]), /no such engine/);
    const again = world.made.at(-1);
    assert.equal(again?.label, "x:1");
    assert.equal(again?.startOptions.estate, x?.stopOptions?.estate);
  }));

Deno.test("an address is released on the way between two balancers as well", () =>
  withSet([config("a", 1, { bindToVip: true })], async (set, world, apply) => {
    set.bind("127.0.0.1");
    const { promise, resolve: started } = Promise.withResolvers<void>();
    world.starting = promise;
    const applying = apply([config("x", 1, { bindToVip: true })]);
    while (world.made.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    const estate = world.made[1]?.startOptions.estate;
    assert.ok(estate !== undefined);
    const socket = openListener({ ip: "127.0.0.1", port: 0 }, { shared: false });
    const { port } = listenerAddress(socket);
    estate.leave({ ip: "127.0.0.1", port }, [socket]);
    set.release("127.0.0.1");
    await assert.rejects(Deno.connect({ port }), Deno.errors.ConnectionRefused);
    started();
    assert.equal(await applying, "applied");
  }));

Deno.test("where the engine does not take the new configuration another balancer takes the place", () =>
  withSet([config("a", 1, { bindToVip: true }), config("b", 2)], async (set, world, apply) => {
    set.bind("10.0.0.9");
    const next = [config("a", 1, { bindToVip: true, idleTimeoutMs: UNSUITABLE_MS }), config("b", 2)];
    assert.equal(await apply(next), "applied");
    assert.deepEqual(world.take(), ["stop a:1", "start a:1"]);
    assert.deepEqual(names(set), ["a", "b"]);
    assert.deepEqual([...world.made[2]?.bound ?? []], ["10.0.0.9"]);
  }));

Deno.test("who is new is bound to the addresses that are held now, and to those only", () =>
  withSet([config("a", 1, { bindToVip: true })], async (set, world, apply) => {
    set.bind("10.0.0.8");
    set.bind("10.0.0.9");
    set.release("10.0.0.8");
    const next = [config("a", 1, { bindToVip: true }), config("b", 2, { bindToVip: true }), config("c", 3)];
    assert.equal(await apply(next), "applied");
    const bound = world.made.map((one) => [one.config.name, [...one.bound]]);
    assert.deepEqual(bound, [["a", ["10.0.0.9"]], ["b", ["10.0.0.9"]], ["c", []]]);
    set.bind("10.0.0.8");
    assert.deepEqual(world.made.map((one) => one.bound.size), [2, 2, 0]);
  }));

Deno.test("when one cannot start, all that was begun is taken back", () =>
  withSet([config("a", 1), config("b", 2)], async (set, world, apply) => {
    world.failing.set("x", "start");
    const next = [config("n", 9), config("b", 2, { drainMs: 5 }), config("y", 1), config("x", 3)];
    assert.match(await apply(next), /Cannot use engine kernel for x: no such engine/);
    assert.deepEqual(names(set), ["a", "b"]);
    assert.equal(world.made[1]?.config.drainMs, 0, "b has its old configuration");
    assert.deepEqual([...world.ports.keys()].sort(), [1, 2]);
  }));

Deno.test("what is reached is told when a change has ended, well or not, and when the last connections have", () =>
  withSet([config("a", 1), config("b", 2, { drainMs: 1000 })], async (_set, world, apply) => {
    world.failing.set("d", "start");
    await apply([config("a", 1), config("c", 3), config("d", 4)]);
    // The change has ended, and before or after we hear of it what was taken back.
    assert.ok(world.settled.length > 0);
    await eventually(() => world.settled.length > 1, "what was taken back has ended");
    assert.deepEqual(world.settled.splice(0), ["a:1 b:2", "a:1 b:2"]);
    await apply([config("a", 1)]);
    assert.deepEqual(world.settled.splice(0), ["a:1 b:2"]);
    world.ports.delete(2);
    world.made[1]?.letGo();
    await eventually(() => world.settled.length > 0, "the last connections have ended");
    assert.deepEqual(world.settled.splice(0), ["a:1"]);
  }));

Deno.test("when the successor on a port cannot start, the old one's configuration serves again", () =>
  withSet([config("a", 1, { bindToVip: true }), config("b", 2)], async (set, world, apply) => {
    set.bind("10.0.0.9");
    world.failing.set("x", "start");
    const next = [config("a", 1, { bindToVip: true, threads: 2 }), config("x", 2)];
    assert.match(await apply(next), /no such engine/);
    assert.deepEqual(names(set), ["a", "b"]);
    const serving = world.made.filter((one) => one.stopOptions === null);
    assert.deepEqual(serving.map((one) => [one.label, one.config.threads]), [["b:2", 1], ["a:1", 1]]);
    assert.deepEqual([...serving[1]?.bound ?? []], ["10.0.0.9"]);
  }));

Deno.test("an update that fails takes the others back", () =>
  withSet([config("a", 1), config("b", 2)], async (set, world, apply) => {
    world.failing.set("b", "update");
    assert.equal(await apply([config("a", 1, { drainMs: 5 }), config("b", 2, { drainMs: 7 })]), "no room");
    assert.deepEqual(world.made.map((one) => one.config.drainMs), [0, 0]);
    assert.equal(set.size, 2);
  }));

Deno.test("the port of one that is gone at once is waited for as well", () =>
  withSet([config("a", 1, { drainMs: OVER_AT_ONCE_MS })], async (set, world, apply) => {
    assert.equal(await apply([config("a", 1, { threads: 2 })]), "applied");
    assert.deepEqual(world.take(), ["stop a:1", "start a:1"]);
    assert.deepEqual(names(set), ["a"]);
  }));

Deno.test("a port that somebody else has refuses the change at once", () =>
  withSet([config("a", 1)], async (set, world, apply) => {
    const stranger = new ScriptedBalancer(config("stranger", 7), world);
    await stranger.start();
    const fromMs = performance.now();
    assert.match(await apply([config("a", 7)]), /Cannot listen on port 7/);
    assert.ok(performance.now() - fromMs < 1500, "without waiting for what nobody leaves");
    assert.deepEqual(names(set), ["a"]);
    world.ports.delete(7);
  }));

Deno.test("an address is released by one that still starts as well, and by all others where one fails at it", () =>
  withSet([config("a", 1), config("b", 2)], async (set, world, apply) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    world.starting = promise;
    const applying = apply([config("a", 1), config("b", 2), config("c", 3)]);
    world.failing.set("a", "release");
    set.release("10.0.0.9");
    assert.deepEqual(world.take(), ["start c:3", "release b:2", "release c:3"]);
    resolve();
    assert.equal(await applying, "applied");
  }));

Deno.test("one that could not be taken back is known to be missing, and the next change starts it", () =>
  withSet([config("a", 1)], async (set, world, apply) => {
    world.failing.set("a", "start");
    assert.match(await apply([config("a", 1, { threads: 2 })]), /no such engine/);
    assert.deepEqual(set.configs(), []);
    world.failing.clear();
    assert.equal((await set.apply(planOf(set.configs(), [config("a", 1)]))).outcome, "applied");
    assert.deepEqual(names(set), ["a"]);
  }));

Deno.test("a stop ends a change: nothing more is begun for it, and nothing is taken back", () =>
  withSet([config("a", 1, { drainMs: 1 }), config("b", 2)], async (set, world, apply) => {
    const applying = apply([config("a", 1, { threads: 2 }), config("b", 2, { threads: 2 })]);
    world.made[0]?.letGo();
    const stopping = set.stop();
    assert.equal(await applying, "all load balancers stop");
    await stopping;
    assert.deepEqual(world.take(), ["stop a:1", "stop b:2"]);
  }));
