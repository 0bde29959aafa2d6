/**
 * The load balancers of an agent: started, bound to the addresses that are held, changed while they run, stopped. What a change begins is
 * taken back where a part of it fails, so that either all of a new configuration runs or the old one does.
 */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { type Balancer, BalancerError, type BalancerStatus } from "../balance/balancer.ts";
import { Estate } from "../balance/estate.ts";
import { MOST_BALANCERS } from "../config/balancers.ts";
import type { BalancerConfig } from "../config/types.ts";
import { Errno, SysError } from "../linux/errno.ts";
import { getLog } from "../observe/log.ts";
import { type BalancersPlan, samePort } from "./reload_plan.ts";

const log = getLog("agent");

/** A port that one balancer leaves to another is free within a turn or two; it is waited for no longer than this. */
const HANDOVER_MS = 2000;
const HANDOVER_LOOK_MS = 5;

export interface BalancerSetOptions {
  readonly clock: Clock;
  readonly make: (config: BalancerConfig) => Balancer;
  /** A change has ended, or what it left behind: these are the addresses that are reached through the kernel now, see {@link Balancer}. */
  readonly onSettled?: (reached: readonly string[]) => void;
}

/** What became of a change. */
export type ApplyOutcome =
  | { readonly outcome: "applied" }
  /** The ones that ran before run again, as far as they can: see {@link BalancerSet.configs}. */
  | { readonly outcome: "failed"; readonly why: string };

/** Takes back one step. */
type Undo = () => Promise<void>;

/** See the head of this file. */
export class BalancerSet {
  readonly #options: BalancerSetOptions;
  readonly #held = new Set<string>();
  /** Those that may have connections already, and do not serve yet, or never will. */
  readonly #starting = new Set<Balancer>();
  /** Those that let their last connections finish. */
  readonly #leaving = new Map<Balancer, Promise<void>>();
  /** Of the change that is under way. */
  readonly #estates = new Set<Estate>();
  /** What left a moment ago: the kernel may have the port for a turn or two after its balancer has ended. */
  #lately: readonly { readonly config: BalancerConfig; readonly atMs: number }[] = [];
  #live: readonly Balancer[];
  #applying: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor(configs: readonly BalancerConfig[], options: BalancerSetOptions) {
    this.#options = options;
    this.#live = configs.map((config) => options.make(config));
  }

  /** How many serve. */
  get size(): number {
    return this.#live.length;
  }

  /** What those that serve run with, in the order of the configuration. */
  configs(): BalancerConfig[] {
    return this.#live.map(({ config }) => config);
  }

  /** Throws {@link BalancerError} when one cannot; those that could go on until {@link stop}. */
  async start(): Promise<void> {
    for (const balancer of this.#live) await balancer.start();
  }

  /** The address is held here now. */
  bind(ip: string): void {
    this.#held.add(ip);
    for (const balancer of this.#live) if (balancer.config.bindToVip) balancer.bind(ip);
  }

  /** The hold on the address ends now. Connections to it also come through listeners on every address. Synchronous. */
  release(ip: string): void {
    this.#held.delete(ip);
    for (const estate of this.#estates) estate.release(ip);
    for (const balancer of [...this.#live, ...this.#starting, ...this.#leaving.keys()]) {
      try {
        balancer.release(ip);
      } catch (error) {
        // The address goes in any case, and the others have to let go of it.
        const { name } = balancer.config;
        log.error("A load balancer did not let go of an address", { balancer: name, ip, cause: reasonOf(error) });
      }
    }
  }

  /** Of those that serve, in the order of the configuration. */
  status(): BalancerStatus[] {
    return this.#live.map((balancer) => balancer.status());
  }

  /** Goes over to other balancers. Never rejects; not to be called again before it has ended. */
  apply(plan: BalancersPlan): Promise<ApplyOutcome> {
    const applying = this.#apply(plan).finally(() => {
      for (const estate of this.#estates) estate.close();
      this.#estates.clear();
      this.#settle();
    });
    this.#applying = applying;
    return applying;
  }

  /** Stops all, after a change that is under way. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#applying;
    await Promise.all([...this.#live.map((balancer) => balancer.stop()), ...this.#leaving.values()]);
  }

  async #apply(plan: BalancersPlan): Promise<ApplyOutcome> {
    const before = new Map(this.#live.map((balancer) => [balancer.config.name, balancer]));
    const named = (name: string): Balancer => {
      const balancer = before.get(name);
      assert(balancer !== undefined, "a plan is about balancers that run");
      return balancer;
    };
    const undo: Undo[] = [];
    try {
      for (const config of plan.added) await this.#enter(config, { undo });
      for (const config of plan.updated) await this.#change(named(config.name), { to: config, undo });
      for (const { from, to } of plan.swapped) await this.#swap(named(from), { to, undo });
    } catch (error) {
      for (const step of this.#isStopped ? [] : undo.reverse()) {
        await step().catch((reason: unknown) => this.#logFailure(reason));
      }
      this.#sort([...before.keys()]);
      return { outcome: "failed", why: reasonOf(error) };
    }
    for (const name of plan.removed) this.#leave(named(name));
    this.#sort(plan.order);
    return { outcome: "applied" };
  }

  #sort(names: readonly string[]): void {
    const rank = (balancer: Balancer): number => names.indexOf(balancer.config.name);
    this.#live = [...this.#live].sort((one, other) => rank(one) - rank(other));
  }

  async #enter(
    config: BalancerConfig,
    { undo, estate }: { readonly undo: Undo[]; readonly estate?: Estate },
  ): Promise<void> {
    const balancer = await this.#start(config, estate);
    undo.push(() => {
      this.#leave(balancer);
      return this.#untilQuiet(balancer);
    });
  }

  /** In place where its engine can. */
  async #change(
    balancer: Balancer,
    { to, undo }: { readonly to: BalancerConfig; readonly undo: Undo[] },
  ): Promise<void> {
    if (balancer.suits?.(to) === false) return await this.#swap(balancer, { to, undo });
    const old = balancer.config;
    undo.push(() => {
      balancer.update(old);
      return Promise.resolve();
    });
    balancer.update(to);
  }

  async #swap(from: Balancer, { to, undo }: { readonly to: BalancerConfig; readonly undo: Undo[] }): Promise<void> {
    const old = from.config;
    const estate = new Estate();
    this.#estates.add(estate);
    this.#leave(from, estate);
    undo.push(async () => void await this.#start(old, estate));
    await this.#untilQuiet(from);
    await this.#enter(to, { undo, estate });
  }

  /** Starts one, while a port that was left a moment ago may still be taken. */
  async #start(config: BalancerConfig, estate?: Estate): Promise<Balancer> {
    const { clock, make } = this.#options;
    const endMs = clock.now() + HANDOVER_MS;
    for (;;) {
      if (this.#isStopped) throw new Error("all load balancers stop");
      const balancer = make(config);
      this.#starting.add(balancer);
      try {
        await balancer.start(estate === undefined ? {} : { estate });
        this.#live = [...this.#live, balancer];
        if (config.bindToVip) { for (const ip of this.#held) balancer.bind(ip); }
        return balancer;
      } catch (error) {
        await balancer.stop();
        if (clock.now() > endMs || !isPortTaken(error) || !this.#isLeft(config)) throw error;
        await pause(clock, HANDOVER_LOOK_MS);
      } finally {
        this.#starting.delete(balancer);
      }
    }
  }

  /** Whether one of ours had the port, and not somebody else. */
  #isLeft(config: BalancerConfig): boolean {
    const fromMs = this.#options.clock.now() - HANDOVER_MS;
    this.#lately = this.#lately.filter(({ atMs }) => atMs >= fromMs);
    const left = [...this.#lately, ...this.#leaving.keys()];
    return left.some((one) => samePort(one.config, config));
  }

  #leave(balancer: Balancer, estate?: Estate): void {
    this.#live = this.#live.filter((one) => one !== balancer);
    this.#lately = [...this.#lately.slice(-MOST_BALANCERS), {
      config: balancer.config,
      atMs: this.#options.clock.now(),
    }];
    const succeeded = (): boolean => this.#live.some((one) => samePort(one.config, balancer.config));
    const left = balancer.stop({ succeeded, ...(estate === undefined ? {} : { estate }) }).catch((error: unknown) =>
      this.#logFailure(error)
    );
    this.#leaving.set(balancer, left);
    left.then(() => {
      this.#leaving.delete(balancer);
      this.#settle();
    });
  }

  #settle(): void {
    if (this.#isStopped) return;
    const all = [...this.#live, ...this.#starting, ...this.#leaving.keys()];
    this.#options.onSettled?.(all.flatMap((balancer) => balancer.reaches?.() ?? []));
  }

  /** Resolves when another one can have the port. */
  async #untilQuiet(balancer: Balancer): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.now() + HANDOVER_MS;
    while (!this.#isStopped && balancer.status().listening.length > 0 && clock.now() < endMs) {
      await pause(clock, HANDOVER_LOOK_MS);
    }
  }

  #logFailure(error: unknown): void {
    log.error("A load balancer could not be changed in order", { cause: reasonOf(error) });
  }
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delayMs, resolve));
}

function isPortTaken(error: unknown): boolean {
  if (!(error instanceof BalancerError)) return false;
  const { cause } = error;
  return cause instanceof Deno.errors.AddrInUse || (cause instanceof SysError && cause.errno === Errno.EADDRINUSE);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
