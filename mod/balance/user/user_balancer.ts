/**
 * The engine `user`, as the main thread sees it: listens, checks, counts and decides; threads of their own move the bytes, so that load
 * never delays a heartbeat.
 */
import { assert } from "../../base/assert.ts";
import type { BalancerConfig } from "../../config/types.ts";
import { type Lookup, systemLookup } from "../../names/lookup.ts";
import { ownProxyHeader } from "../../net/proxy_protocol.ts";
import { getLog, type Log } from "../../observe/log.ts";
import { type Balancer, BalancerError, type BalancerStatus, type StartOptions, type StopOptions } from "../balancer.ts";
import { DeadlineSet } from "../deadlines.ts";
import type { Estate } from "../estate.ts";
import { sameFront } from "../front.ts";
import { type CheckResult, HealthChecks } from "../health.ts";
import { drainSteps } from "../http_policy.ts";
import type { BalancerDeps } from "../listen_balancer.ts";
import type { PoolChange } from "../pool.ts";
import { backendTargets } from "../targets.ts";
import { Addresses } from "./addresses.ts";
import { Counters, OpenClients } from "./counters.ts";
import { Listening, type PlacedSocket } from "./listening.ts";
import { Members } from "./members.ts";
import { type Order, posted, type PostedBackends, type Report } from "./messages.ts";
import type { ThreadUser, UserThreads } from "./user_threads.ts";

/** After the cut threads close their sockets within a turn or two. */
const CUT_GRACE_MS = 1000;

/** The operation of the {@link BalancerError} that says that there cannot be threads here. */
export const THREADS_FAILED = "start threads for";

/** What a balancer of this engine is given from outside. */
export interface UserBalancerDeps extends BalancerDeps {
  readonly threads: UserThreads;
  /** Finds the addresses of host names. @default {systemLookup} */
  readonly lookup?: Lookup;
}

/** A balancer whose connections live in threads. */
export class UserBalancer implements Balancer, ThreadUser {
  #config: BalancerConfig;
  readonly #deps: UserBalancerDeps;
  readonly #log: Log = getLog("balance");
  readonly #counters: readonly Counters[];
  readonly #clients = new OpenClients();
  readonly #members: Members;
  readonly #addresses: Addresses;
  readonly #listening: Listening;
  #health: HealthChecks | null = null;
  /** Checks that were configured before and end now. */
  readonly #ending = new Set<Promise<void>>();
  /** null: not started. */
  #id: number | null = null;
  readonly #emptyThreads = new Set<number>();
  #onEmpty: (() => void) | null = null;
  #faults = 0;
  #stopped: Promise<void> | null = null;

  constructor(config: BalancerConfig, deps: UserBalancerDeps) {
    this.#config = config;
    this.#deps = deps;
    const { clock } = deps;
    const targets = backendTargets(config);
    this.#counters = Array.from({ length: config.threads }, () => Counters.make(targets.length));
    this.#members = new Members(config, this.#counters);
    this.#addresses = new Addresses(targets, {
      lookup: deps.lookup ?? systemLookup,
      clock,
      log: this.#log,
      onChange: () => this.#postAll((id) => ({ op: "destinations", id, destinations: this.#addresses.destinations() })),
    });
    this.#listening = new Listening({
      name: config.name,
      port: config.port,
      threads: config.threads,
      clock,
      log: this.#log,
      onOpened: (fd, thread) => this.#post(thread, (id) => ({ op: "listen", id, fd })),
    });
  }

  get config(): BalancerConfig {
    return this.#config;
  }

  /** Throws {@link BalancerError} when the port cannot be listened on, or there cannot be a thread. */
  async start({ estate }: StartOptions = {}): Promise<void> {
    const { threads } = this.#deps;
    const { config } = this;
    await this.#addresses.start();
    this.#id = threads.join(this, config.threads);
    const clients = this.#clients.buffer;
    for (const [thread, { buffer }] of this.#counters.entries()) {
      this.#post(thread, (id) => ({ op: "open", id, backends: this.#backends(), counters: buffer, clients }));
    }
    try {
      this.#listening.inherit(estate ?? null);
      if (!config.bindToVip) this.#listening.listenEverywhere();
      await threads.ready(config.threads);
    } catch (cause) {
      await this.stop();
      throw cause instanceof BalancerError ? cause : new BalancerError(THREADS_FAILED, config.name, { cause });
    }
    this.#checkAnew();
  }

  bind(ip: string): void {
    if (this.config.bindToVip && this.#id !== null && this.#stopped === null) this.#listening.bind(ip);
  }

  release(ip: string): void {
    const port = this.#listening.port ?? this.config.port;
    const sockets = this.#listening.release(ip);
    this.#reset(ip, port);
    for (let thread = 0; thread < this.config.threads; thread++) {
      this.#post(thread, (id) => ({ op: "release", id, ip, fds: ofThread(sockets, thread) }));
    }
  }

  update(config: BalancerConfig): void {
    assert(sameFront(this.#config, config), "another front is another balancer");
    if (this.#stopped !== null) return;
    this.#config = config;
    const changes = this.#members.update(config);
    this.#addresses.update(backendTargets(config));
    this.#postAll((id) => ({ op: "update", id, backends: this.#backends() }));
    if (this.#id !== null) this.#checkAnew();
    for (const change of changes) this.#logChange(change);
  }

  /** Only its own connections are cut, whoever has the port by then. */
  stop(options: StopOptions = {}): Promise<void> {
    this.#stopped ??= this.#stop(options);
    return this.#stopped;
  }

  status(): BalancerStatus {
    return {
      name: this.config.name,
      type: this.config.type,
      engine: "user",
      listening: this.#listening.addresses,
      connections: this.#clients.count,
      totalConnections: this.#counters.reduce((sum, { accepted }) => sum + accepted, 0),
      backends: this.#members.status(),
    };
  }

  reported(report: Report, thread: number): void {
    const balancer = this.config.name;
    switch (report.op) {
      case "changed":
        if (this.#members.rests(report.slot, report.change, { thread })) this.#logChange(report.change);
        return;
      case "unreached":
        return this.#addresses.unreached(report.place);
      case "yielded":
        return this.#listening.yielded(report.fds);
      case "empty":
        this.#emptyThreads.add(thread);
        if (this.#isEmpty) this.#onEmpty?.();
        return;
      case "full":
        return this.#noteFull();
      case "accept failed":
        return this.#log.warning("Cannot accept connections", { balancer, reason: report.reason });
      case "fault":
        return this.#logFault(report.reason);
      case "ready":
      case "ended":
    }
  }

  async #stop({ estate, succeeded }: StopOptions): Promise<void> {
    if (estate !== undefined) this.#yield(estate);
    // The threads have the sockets: each closes those that it was given.
    else this.#listening.close();
    this.#addresses.stop();
    const health = this.#health?.stop();
    if (this.#id !== null) {
      for (const { idle, forMs } of drainSteps(this.#config.drainMs, succeeded !== undefined)) {
        this.#postAll((id) => ({ op: "drain", id, idle }));
        await this.#untilEmpty(forMs);
      }
      this.#postAll((id) => ({ op: "cut", id }));
      await this.#untilEmpty(CUT_GRACE_MS);
      this.#postAll((id) => ({ op: "close", id }));
      await this.#deps.threads.leave(this.#id);
    }
    await Promise.all([health, ...this.#ending]);
  }

  #yield(estate: Estate): void {
    const sockets = this.#listening.leaveTo(estate);
    for (let thread = 0; thread < this.#config.threads; thread++) {
      this.#post(thread, (id) => ({ op: "yield", id, fds: ofThread(sockets, thread) }));
    }
  }

  get #isEmpty(): boolean {
    return this.#emptyThreads.size === this.config.threads;
  }

  /** Waits until no thread has a client, at most `timeoutMs`. */
  #untilEmpty(timeoutMs: number): Promise<void> {
    if (this.#isEmpty) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#deps.clock.after(timeoutMs, resolve);
      this.#onEmpty = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #backends(): PostedBackends {
    const destinations = this.#addresses.destinations();
    return { config: posted(this.#config), slots: this.#members.slots, destinations };
  }

  #post(thread: number, order: (id: number) => Order): void {
    if (this.#id !== null) this.#deps.threads.post(thread, order(this.#id));
  }

  #postAll(order: (id: number) => Order): void {
    for (let thread = 0; thread < this.config.threads; thread++) this.#post(thread, order);
  }

  /** Checks of the present configuration, which go on where neither a backend nor its check has changed. */
  #checkAnew(): void {
    const { health } = this.#config;
    const targets = backendTargets(this.#config);
    const now = new Map(targets.map((target, place) => [this.#members.indices[place] ?? place, target]));
    if (health === null) {
      if (this.#health !== null) this.#spawnStop(this.#health);
      this.#health = null;
      return;
    }
    if (this.#health === null) {
      const { clock, random, resetter } = this.#deps;
      const deadlines = new DeadlineSet(clock, Math.min(100, Math.max(5, health.timeoutMs / 8)));
      const onResult = (index: number, result: CheckResult): void => this.#checked(index, result);
      this.#health = new HealthChecks([], {
        config: health,
        clock,
        random,
        streams: { deadlines, resetter },
        onResult,
        ...this.#hello(),
      });
      this.#health.start();
    }
    this.#health.update(now, health);
  }

  /** Backends that are told who a client is refuse connections on which that is not said. */
  #hello(): { readonly hello?: Uint8Array } {
    const config = this.#config;
    if (config.type === "http" || config.sendProxyProtocol === null) return {};
    return { hello: ownProxyHeader(config.sendProxyProtocol) };
  }

  #spawnStop(health: HealthChecks): void {
    const ending = health.stop().catch((error: unknown) => this.#logFault(String(error)));
    this.#ending.add(ending);
    ending.then(() => this.#ending.delete(ending));
  }

  #checked(index: number, result: CheckResult): void {
    const found = this.#members.checked(index, result);
    if (found === null) return;
    this.#postAll((id) => ({ op: "checked", id, place: found.place, result }));
    this.#logChange(found.change);
  }

  /** The threads cut what they have as well; here it happens before this returns. */
  #reset(ip: string, port: number): void {
    try {
      this.#deps.resetter.reset(ip, port);
    } catch (error) {
      this.#logFault(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
  }

  #noteFull(): void {
    const { count } = this.#clients;
    this.#log.warning("The limit of connections is reached", { balancer: this.config.name, connections: count });
  }

  #logChange(change: PoolChange): void {
    const properties = { balancer: this.config.name, backend: change.name, state: change.state, reason: change.detail };
    if (change.state === "up") this.#log.info("Backend is up", properties);
    else this.#log.warning("Backend gets no connections", properties);
  }

  /** A fault of the program ends one connection, not the process; one line tells of it, however many clients meet it. */
  #logFault(reason: string): void {
    this.#faults++;
    if (this.#faults === 1) this.#log.error("A fault of the program", { balancer: this.config.name, reason });
  }
}

function ofThread(sockets: readonly PlacedSocket[], thread: number): number[] {
  return sockets.filter((socket) => socket.thread === thread).map(({ fd }) => fd);
}
