/**
 * The Lease election at work: the pure core, a store for the Lease, a timer, and the sink that is told what this node may hold.
 *
 * In every turn, in this order: what has run out ends, the input is taken in, what may no longer be held is revoked, and only then
 * requests leave: so nobody can learn that the Lease is free before this machine has stopped answering.
 */
import { assert, assertNever } from "../../base/assert.ts";
import type { Clock, Random, Timer } from "../../base/clock.ts";
import { getLog } from "../../observe/log.ts";
import { withDeadline } from "../../runtime/deadline.ts";
import type { WallClock } from "../../runtime/wall_clock.ts";
import type { Elector, ElectorStatus, Grant, GrantSink } from "../elector.ts";
import { GrantFeed } from "../grant_feed.ts";
import { Waiters } from "../raft/waiters.ts";
import { LeaseCore } from "./core.ts";
import { type Asked, Reach } from "./reach.ts";
import { type Errand, RELEASE_LIMIT_MS, type Released } from "./release.ts";
import type { LeaseRead, LeaseStore, LeaseWrite } from "./store.ts";
import { grantMs, type LeaseTimes, leaseTimesProblem } from "./times.ts";

const log = getLog("election");

/** The node's condition and its addresses are looked at this often, whatever else happens. */
const BEAT_MS = 500;
/** Least time until the next turn: a moment that has passed already must not turn into a busy loop. */
const LEAST_TIMER_MS = 0.25;
/** A store that keeps its limit says better than this driver why it gave up. */
const STORE_MARGIN_MS = 20;

type Input = (core: LeaseCore, now: number) => void;

/** What an elector is made of. The stores belong to whoever made them. */
export interface LeaseElectorOptions {
  /** This node's name as it stands in the Lease. */
  readonly identity: string;
  /** `lease:<boot id>`. */
  readonly mark: string;
  /** Canonical text of every address that goes with the Lease; asked again and again. */
  readonly addresses: () => readonly string[];
  readonly times: LeaseTimes;
  /** At the local API server. */
  readonly store: LeaseStore;
  /** At another server of the cluster, for a release when the local one is gone; null: there is none. */
  readonly fallback: LeaseStore | null;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly random: Random;
  readonly sink: GrantSink;
  /** True when this node can put the addresses to use. */
  readonly fit: () => boolean;
  /** True if another node is known that could take over. */
  readonly rival: () => boolean;
  /** How much longer than a grant this machine may answer; asked at the start. 0 where the kernel has a guard. */
  readonly graceMs: () => number;
  /** `vip_preserve_on_leadership_loss`: IPv4 addresses stay after a loss by time until another holder is seen. Unsafe. */
  readonly preserveOnLoss: boolean;
  /** Called once for each change of holder that is seen, the first one included; null: nobody holds. */
  readonly onLeader: (holder: string | null, transitions: number) => void;
}

/** See the head of this file. */
export class LeaseElector implements Elector {
  readonly #options: LeaseElectorOptions;
  readonly #clock: Clock;
  readonly #feed: GrantFeed;
  readonly #waiters: Waiters;
  #core: LeaseCore | null = null;
  #watch: { stop(): void } | null = null;
  #state: "new" | "running" | "stopping" | "stopped" = "new";
  #stop: Promise<void> | null = null;
  #timer: Timer | null = null;
  #inTurn = false;
  readonly #inputs: Input[] = [];
  #holder: string | null | undefined = undefined;
  #wasLeading = false;
  #hadNamesake = false;
  #goodMs: number | null = null;
  #triedMs: number | null = null;
  readonly #reach = new Reach();

  /** Throws if client-go would refuse the times. */
  constructor(options: LeaseElectorOptions) {
    const problem = leaseTimesProblem(options.times);
    assert(problem === null, `times of the Lease: ${problem}`);
    this.#options = options;
    this.#clock = options.clock;
    this.#feed = new GrantFeed(options.sink);
    this.#waiters = new Waiters(options.clock);
  }

  /** @throws Error if holds could not be kept within these times on this machine, which needs so much grace */
  start(): Promise<void> {
    assert(this.#state === "new", "an elector is started once");
    const { identity, mark, times, fallback, preserveOnLoss, random } = this.#options;
    const graceMs = this.#options.graceMs();
    if (grantMs(times, graceMs) === null) {
      return Promise.reject(
        new Error(
          `leaseDuration ${times.durationMs} ms is too short: without nftables this machine needs ${graceMs} ms to let go; use nftables or longer times`,
        ),
      );
    }
    const now = this.#clock.now();
    const hasFallback = fallback !== null;
    this.#core = new LeaseCore({ now, identity, mark, times, graceMs, hasFallback, preserveOnLoss, random });
    this.#state = "running";
    this.#watch = this.#options.store.watch((lease) => this.#turn((core, at) => core.watched(at, lease)));
    this.refresh();
    return Promise.resolve();
  }

  /** Revokes, then releases the Lease if it is ours; within {@link RELEASE_LIMIT_MS}. Idempotent. */
  stop(): Promise<void> {
    this.#stop ??= this.#leave();
    return this.#stop;
  }

  async #leave(): Promise<void> {
    if (this.#state === "running") {
      this.#state = "stopping";
      this.#turn((core, now) => core.stop(now));
      await this.#waiters.until(() => this.#core?.role === "stopped", RELEASE_LIMIT_MS);
    }
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#timer = null;
    this.#watch?.stop();
  }

  /** Something this elector asks about may have changed: the addresses, the node's condition. */
  refresh(): void {
    this.#turn(() => {});
  }

  /** Revokes and releases so that another node takes over; this one stands aside for a moment. */
  async handOver(): Promise<Released | "not-leader"> {
    let isLeading = false;
    this.#turn((core, now) => isLeading = core.handOver(now));
    if (!isLeading) return "not-leader";
    await this.#waiters.until(() => this.#core?.isReleasing !== true, RELEASE_LIMIT_MS);
    return this.#core?.lastRelease ?? "failed";
  }

  observe(): ElectorStatus {
    const core = this.#core;
    const holder = core?.record?.holder ?? "";
    const namesake = core?.hasNamesake === true ? `another process holds the Lease as ${this.#options.identity}` : null;
    return {
      leader: holder === "" ? null : holder,
      leading: this.#state === "running" && core?.role === "leading",
      transitions: core?.record?.transitions ?? 0,
      goodMs: this.#goodMs,
      triedMs: this.#triedMs,
      trouble: this.#reach.failure ?? namesake,
    };
  }

  #turn(input: Input): void {
    const core = this.#core;
    if (core === null || this.#state !== "running" && this.#state !== "stopping") return;
    this.#inputs.push(input);
    // Called back from the sink, the store or a listener in the middle of a turn: a turn of its own follows.
    if (this.#inTurn) return;
    this.#inTurn = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#once(core, next);
    } finally {
      this.#inTurn = false;
      this.#arm(core);
    }
    this.#waiters.check();
  }

  #once(core: LeaseCore, input: Input): void {
    const now = this.#clock.now();
    core.expire(now);
    this.#deliver(core, now);
    input(core, now);
    core.tick(now, { fit: this.#options.fit(), rival: this.#options.rival });
    this.#deliver(core, now);
    this.#notice(core);
    const request = core.errand(now, this.#options.wallNow());
    if (request !== null) this.#begin(request);
  }

  /** Brings the sink in line with what may be held now. */
  #deliver(core: LeaseCore, now: number): void {
    this.#feed.update(this.#held(core, now), () => core.tenure !== null ? "reassigned" : core.endReason);
  }

  #held(core: LeaseCore, now: number): Grant[] {
    const addresses = this.#options.addresses();
    const { tenure } = core;
    if (tenure !== null) return addresses.map((scope) => ({ scope, ...tenure }));
    if (!core.isPreserving) return [];
    const { epoch } = core;
    const validUntil = now + core.grantMs;
    return addresses.filter((scope) => !scope.includes(":")).map((scope) => ({
      scope,
      epoch,
      validUntil,
      preserved: true,
    }));
  }

  #begin({ id, errand }: { readonly id: number; readonly errand: Errand }): void {
    const clock = this.#clock;
    this.#triedMs = clock.now();
    const limitMs = errand.limitMs + STORE_MARGIN_MS;
    withDeadline(this.#call(errand), { clock, limitMs, what: `the Lease (${errand.kind})` })
      .catch((error: unknown) => ({ outcome: "failed", cause: String(error) }) as const)
      .then((answer) => {
        this.#note(errand, answer);
        this.#turn((core, now) => core.answered(now, id, answer));
      }).catch((error: unknown) => log.error("The election's turn broke", { error: String(error) }));
  }

  async #call(errand: Errand): Promise<LeaseRead | LeaseWrite> {
    const { store, fallback } = this.#options;
    const target = errand.via === "fallback" ? fallback ?? store : store;
    switch (errand.kind) {
      case "read":
        return await target.read(errand.limitMs);
      case "create":
        return await target.create(errand.record, errand.limitMs);
      case "update":
        return await target.update(errand.record, errand.version, errand.limitMs);
      default:
        return assertNever(errand);
    }
  }

  #note(errand: Errand, answer: LeaseRead | LeaseWrite): void {
    const told = this.#reach.note(askedBy(errand), answer);
    if (told === "lost") log.warning("The Lease is out of reach", { cause: this.#reach.failure });
    if (told === "regained") log.info("The Lease is within reach again");
    if (answer.outcome !== "failed" && answer.outcome !== "conflict") this.#goodMs = this.#clock.now();
  }

  #notice(core: LeaseCore): void {
    const { identity, onLeader } = this.#options;
    const leading = core.role === "leading";
    if (leading !== this.#wasLeading) {
      this.#wasLeading = leading;
      if (leading) log.info("Holding the Lease", { transitions: core.epoch });
      else log.warning("The Lease is no longer held", { reason: core.endReason });
    }
    if (core.hasNamesake && !this.#hadNamesake) {
      this.#hadNamesake = true;
      log.error("Another process writes the Lease in this node's name; names have to be unique", { identity });
    }
    if (!core.isKnown) return;
    const holder = core.record === null || core.record.holder === "" ? null : core.record.holder;
    if (holder === this.#holder) return;
    this.#holder = holder;
    onLeader(holder, core.record?.transitions ?? 0);
  }

  #arm(core: LeaseCore): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (core.role === "stopped") return;
    const now = this.#clock.now();
    const delayMs = Math.min(BEAT_MS, Math.max(LEAST_TIMER_MS, core.deadline(now) - now));
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = null;
      this.refresh();
    });
  }
}

function askedBy(errand: Errand): Asked {
  if (errand.kind === "read") return { kind: "read" };
  return { kind: "write", version: errand.kind === "update" ? errand.version : null };
}
