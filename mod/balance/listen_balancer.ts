/**
 * The `listen` engine: everything of a balancer but the copying, which a session does. Plain `Deno.listen`, no privileges
 * beyond the port.
 */
import { assert, AssertionError } from "../base/assert.ts";
import type { Clock, Random } from "../base/clock.ts";
import type { BalancerConfig, HealthCheckConfig } from "../config/types.ts";
import { getLog, type Log } from "../observe/log.ts";
import type { Balancer, BalancerStatus, ConnectionResetter, IdleFate, StopOptions } from "./balancer.ts";
import { ByteStream, type StreamContext } from "./byte_stream.ts";
import { Connector } from "./connector.ts";
import { DeadlineSet } from "./deadlines.ts";
import { sameFront } from "./front.ts";
import { HealthChecks } from "./health.ts";
import { HttpFront } from "./http.ts";
import { drainSteps } from "./http_policy.ts";
import { Listeners } from "./listeners.ts";
import { Pool, type PoolChange } from "./pool.ts";
import { plainIp, type Session, type SessionContext } from "./session.ts";
import { Slots } from "./slots.ts";
import { type BackendTarget, backendTargets } from "./targets.ts";
import { TcpSession } from "./tcp.ts";
import { BackendTlsDialer } from "./tls/backend_tls.ts";
import { TlsFront } from "./tls/tls_front.ts";
import { dial, type DialOptions, type DialOutcome, type DialTarget } from "./dial.ts";

/** After the cut sockets close within a turn or two; a stop waits no longer for one that does not. */
const CUT_GRACE_MS = 1000;

/** A client far away needs two or three round trips, and may lose a packet: what a backend next door is given says nothing about it. */
const HANDSHAKE_MS = 10_000;

/** Each costs about 2 µs for every open descriptor: a release must not hold up the heartbeats for long. */
const MAX_SINGLE_RESETS = 16;

/** What a balancer is given from outside. */
export interface BalancerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly resetter: ConnectionResetter;
}

/** A resetter that fails leaves a connection to close by itself; it must not take the process along. */
function guarded(resetter: ConnectionResetter, onFault: (error: unknown) => void): ConnectionResetter {
  return {
    reset: (localIp, localPort) => {
      try {
        return resetter.reset(localIp, localPort);
      } catch (error) {
        onFault(error);
        return 0;
      }
    },
    resetOne: (local, remote) => {
      try {
        resetter.resetOne(local, remote);
      } catch (error) {
        onFault(error);
      }
    },
  };
}

/** Deadlines fire at most this much late: an eighth of the shortest, between 5 and 100 ms. */
function granularityMs(config: BalancerConfig): number {
  const times = [config.connectTimeoutMs, config.idleTimeoutMs];
  if (config.type === "http") times.push(config.headTimeoutMs, config.responseTimeoutMs);
  if (config.health !== null) times.push(config.health.timeoutMs);
  return Math.min(100, Math.max(5, Math.min(...times) / 8));
}

/** A balancer whose sessions copy in this thread. */
export class ListenBalancer implements Balancer {
  #config: BalancerConfig;
  readonly #deps: BalancerDeps;
  readonly #log: Log = getLog("balance");
  readonly #pool: Pool;
  readonly #slots: Slots;
  readonly #resetter: ConnectionResetter;
  /** By the pool's index; that of a backend that is gone stays until its place is taken. */
  readonly #targets: BackendTarget[];
  readonly #listeners: Listeners;
  #streams: StreamContext;
  #health: HealthChecks | null;
  /** Of sessions that begin from now on. */
  #context: SessionContext;
  readonly #http: HttpFront | null;
  readonly #tls: TlsFront | null;
  #dialer: BackendTlsDialer | null = null;
  readonly #sessions = new Map<Session, ByteStream>();
  /** Checks that were configured before and end now. */
  readonly #ending = new Set<Promise<void>>();
  #onEmpty: (() => void) | null = null;
  #totalConnections = 0;
  #faults = 0;
  #stopped: Promise<void> | null = null;
  /** What becomes of a connection that is accepted during a drain, once it is idle. */
  #idle: IdleFate = "close";

  constructor(config: BalancerConfig, deps: BalancerDeps) {
    this.#config = config;
    this.#deps = deps;
    const { clock } = deps;
    this.#resetter = guarded(deps.resetter, (error) => this.#logFault(error));
    this.#targets = backendTargets(config);
    this.#streams = this.#makeStreams();
    this.#slots = new Slots(config.maxConnections);
    this.#pool = new Pool(this.#targets, config);
    this.#context = this.#makeContext();
    const [targets, context] = [this.#targets, this.#context];
    this.#http = config.type === "http" ? new HttpFront({ config, targets, context }) : null;
    this.#health = config.health === null ? null : this.#makeHealth(this.#targets, config.health);
    this.#tls = this.#makeTlsFront();
    this.#listeners = new Listeners({
      name: config.name,
      port: config.port,
      clock,
      log: this.#log,
      slots: this.#slots,
      onConnection: (conn) => this.#onConnection(conn),
    });
  }

  get config(): BalancerConfig {
    return this.#config;
  }

  async start(): Promise<void> {
    try {
      this.#tls?.start();
      this.#dialer = this.#makeDialer();
      if (!this.config.bindToVip) this.#listeners.listenEverywhere();
    } catch (error) {
      await this.#closeTls();
      throw error;
    }
    this.#health?.start();
  }

  bind(ip: string): void {
    if (this.config.bindToVip && this.#stopped === null) this.#listeners.bind(ip);
  }

  release(ip: string): void {
    const port = this.#listeners.port ?? this.config.port;
    this.#listeners.release(ip);
    this.#cutSessionsOf(ip, port);
    this.#tls?.cut(ip);
  }

  /**
   * Resets all clients of one address with one look at the descriptors, before our own ends are closed: a closed socket
   * cannot be reset any more. Their backends have addresses of their own and are reset one by one only while they are few.
   */
  #cutSessionsOf(ip: string, port: number): void {
    this.#resetter.reset(ip, port);
    const sessions = [...this.#sessions].filter(([, client]) => plainIp(client.local.ip) === ip);
    const how = sessions.length <= MAX_SINGLE_RESETS ? "reset" : "close";
    for (const [session, client] of sessions) {
      client.closeAfterReset();
      session.cut(how);
    }
  }

  update(config: BalancerConfig): void {
    assert(sameFront(this.#config, config), "another front is another balancer");
    if (this.#stopped !== null) return;
    const before = this.#config;
    this.#config = config;
    const targets = backendTargets(config);
    const { indices, gone, changes } = this.#pool.update(targets, config);
    for (const index of gone) this.#http?.retire(index);
    this.#http?.keepFor(indices);
    const now = new Map(targets.map((target, at) => [indices[at] ?? at, target]));
    const tlsOf = (one: BalancerConfig): string => one.type === "http" ? JSON.stringify(one.backendTls) : "";
    const isOtherTls = tlsOf(before) !== tlsOf(config);
    for (const [index, target] of now) this.#point(index, target, { isOtherTls });
    this.#slots.resize(config.maxConnections);
    this.#tls?.look();
    this.#renewDialer({ isOtherTls });
    if (granularityMs(config) !== granularityMs(before)) this.#streams = this.#makeStreams();
    this.#context = this.#makeContext();
    if (config.type === "http") this.#http?.update(config, this.#context);
    this.#checkAnew(now);
    for (const change of changes) this.#logChange(change);
  }

  /** A backend that is spoken to in another way from now on has no use for connections of the old way. */
  #point(index: number, target: BackendTarget, { isOtherTls }: { readonly isOtherTls: boolean }): void {
    const before = this.#targets[index];
    this.#targets[index] = target;
    const isSame = JSON.stringify({ ...before, weight: 1 }) === JSON.stringify({ ...target, weight: 1 });
    if (!isSame || isOtherTls) this.#http?.forget(index);
  }

  #checkAnew(targets: ReadonlyMap<number, BackendTarget>): void {
    const { health } = this.#config;
    if (health !== null && this.#health !== null) return this.#health.update(targets, health);
    const ended = this.#health;
    if (ended !== null) this.#spawnStop(ended);
    this.#health = null;
    if (health === null) return;
    this.#health = this.#makeHealth([], health);
    this.#health.start();
    this.#health.update(targets, health);
  }

  #spawnStop(health: HealthChecks): void {
    const ending = health.stop().catch((error: unknown) => this.#logFault(error));
    this.#ending.add(ending);
    ending.then(() => this.#ending.delete(ending));
  }

  stop(options: StopOptions = {}): Promise<void> {
    this.#stopped ??= this.#stop(options);
    return this.#stopped;
  }

  status(): BalancerStatus {
    return {
      name: this.config.name,
      type: this.config.type,
      engine: "listen",
      listening: this.#listeners.addresses,
      connections: this.#sessions.size,
      totalConnections: this.#totalConnections,
      backends: this.#pool.status(),
    };
  }

  async #stop({ succeeded }: StopOptions): Promise<void> {
    const steps = drainSteps(this.#config.drainMs, succeeded !== undefined);
    this.#idle = steps[0]?.idle ?? "close";
    await Promise.all([this.#listeners.close(), this.#health?.stop(), ...this.#ending]);
    this.#tls?.cut(null);
    for (const { idle, forMs } of steps) {
      this.#idle = idle;
      for (const session of this.#sessions.keys()) session.drain(idle);
      await this.#untilEmpty(forMs);
    }
    if (succeeded?.() === true) this.#cutOwn();
    else this.#cutAll();
    this.#http?.close();
    await this.#untilEmpty(CUT_GRACE_MS);
    await this.#closeTls();
  }

  async #closeTls(): Promise<void> {
    this.#dialer?.close();
    await this.#tls?.close();
  }

  #cutAll(): void {
    const locals = [...this.#sessions.values()].map(({ local }) => [plainIp(local.ip), local.port] as const);
    for (const [ip, port] of new Map(locals)) this.#cutSessionsOf(ip, port);
  }

  /** Others' connections have the same address and port at this end: only single ones can be reset. */
  #cutOwn(): void {
    const how = this.#sessions.size <= MAX_SINGLE_RESETS ? "reset" : "close";
    for (const [session, client] of [...this.#sessions]) {
      // A client of TLS sees by the missing end of it that something is missing.
      if (this.#tls !== null && how === "close") client.closeAfterReset();
      session.cut(how);
    }
  }

  /** Waits until no session is left, at most `timeoutMs`. */
  #untilEmpty(timeoutMs: number): Promise<void> {
    if (this.#sessions.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#deps.clock.after(timeoutMs, resolve);
      this.#onEmpty = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  #onConnection(conn: Deno.TcpConn): void {
    if (this.#tls === null) return this.#serve(ByteStream.adopt(conn, this.#streams));
    const { config } = this;
    const timeoutMs = config.type === "http" ? config.headTimeoutMs : HANDSHAKE_MS;
    const taken = this.#tls.take(conn, { streams: this.#streams, timeoutMs });
    taken.then((client) => this.#serve(client)).catch((error: unknown) => this.#logFault(error));
  }

  #serve(client: ByteStream | null): void {
    if (client === null) return this.#slots.free();
    this.#totalConnections++;
    const session = this.#makeSession(client);
    this.#sessions.set(session, client);
    if (this.#stopped !== null) session.drain(this.#idle);
    session.run().catch((error: unknown) => this.#logFault(error)).then(() => {
      client.cut();
      this.#slots.free();
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#onEmpty?.();
    });
  }

  #makeSession(client: ByteStream): Session {
    const { config } = this;
    if (this.#http !== null) return this.#http.makeSession(client);
    if (config.type === "tcp") return new TcpSession(client, { config, context: this.#context });
    throw new AssertionError("an http balancer has a front");
  }

  #makeStreams(): StreamContext {
    return { deadlines: new DeadlineSet(this.#deps.clock, granularityMs(this.#config)), resetter: this.#resetter };
  }

  #makeContext(): SessionContext {
    const { clock } = this.#deps;
    const connector = new Connector({
      pool: this.#pool,
      targets: this.#targets,
      clock,
      connectTimeoutMs: this.#config.connectTimeoutMs,
      streams: this.#streams,
      onChange: (change) => this.#logChange(change),
      dial: (target, options) => this.#dial(target, options),
    });
    return { clock, pool: this.#pool, connector };
  }

  #makeHealth(targets: readonly BackendTarget[], config: HealthCheckConfig): HealthChecks {
    const { clock, random } = this.#deps;
    return new HealthChecks(targets, {
      config,
      clock,
      random,
      streams: this.#streams,
      dial: (target, options) => this.#dial(target, options),
      onResult: (index, result) => {
        const change = this.#pool.checked(index, result);
        if (change === null) return;
        if (change.state === "down") this.#http?.forget(index);
        this.#logChange(change);
      },
    });
  }

  #dial(target: DialTarget, options: DialOptions): Promise<DialOutcome> {
    return this.#dialer === null ? dial(target, options) : this.#dialer.dial(target, options);
  }

  #makeTlsFront(): TlsFront | null {
    const { name, type, tls: files } = this.#config;
    if (files === null) return null;
    const protocols = type === "http" ? ["http/1.1"] : [];
    return new TlsFront({ name, files, protocols, ...this.#ofTls() });
  }

  #ofTls(): { clock: Clock; log: Log; resetter: ConnectionResetter } {
    return { clock: this.#deps.clock, log: this.#log, resetter: this.#resetter };
  }

  /** Throws {@link BalancerError} when a file cannot be used. */
  #makeDialer(): BackendTlsDialer | null {
    const config = this.#config;
    if (config.type !== "http" || !this.#targets.some(({ isSecure }) => isSecure)) return null;
    const { name, backendTls } = config;
    return new BackendTlsDialer({ name, config: backendTls, ...this.#ofTls() });
  }

  #renewDialer({ isOtherTls }: { readonly isOtherTls: boolean }): void {
    if (this.#dialer !== null && !isOtherTls) return this.#dialer.look();
    try {
      const dialer = this.#makeDialer();
      this.#dialer?.close();
      this.#dialer = dialer;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.error("TLS to backends stays as it was", { balancer: this.config.name, reason });
    }
  }

  #logChange(change: PoolChange): void {
    const properties = { balancer: this.config.name, backend: change.name, state: change.state, reason: change.detail };
    if (change.state === "up") this.#log.info("Backend is up", properties);
    else this.#log.warning("Backend gets no connections", properties);
  }

  /** A fault of the program ends one connection, not the process; one line tells of it, however many clients meet it. */
  #logFault(error: unknown): void {
    this.#faults++;
    if (this.#faults > 1) return;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#log.error("A fault of the program", { balancer: this.config.name, reason });
  }
}
