import type { Clock, Random, Timer } from "../../base/clock.ts";
import { getLog } from "../../observe/log.ts";
import type { Elector, ElectorStatus, GrantSink } from "../elector.ts";
import { EtcdCore, type Outcome, type Right, type Step } from "./core.ts";
import { candidatePrefix } from "./queue.ts";
import { perform } from "./requests.ts";
import type { Etcd, EtcdWatch, LeaseId } from "./types.ts";

const log = getLog("election");

/** A watch that ended is begun again after this time. */
const WATCH_AGAIN_MS = 1000;
/** An orderly stop takes no longer for giving the lease back. */
const RELEASE_MS = 2000;
/** One try of that: another endpoint may be better. */
const RELEASE_TRY_MS = 700;
const RELEASE_AGAIN_MS = 50;

export interface EtcdElectorOptions {
  /** The node's name: what others read as the holder. */
  readonly identity: string;
  /** Of this boot of this machine, one word; whoever has it and the name resumes what an earlier process of the node held. */
  readonly bootId: string;
  /** `<namespace>-<lease name>`, e.g. `kube-system-plndr-cp-lock`. */
  readonly prefix: string;
  /** The lease's time to live. */
  readonly ttlMs: number;
  /** The longest pause between tries. */
  readonly retryMs: number;
  /** What the leader holds; asked again at every renewal. */
  readonly addresses: () => readonly string[];
  /** Belongs to the elector, which closes it at the end. */
  readonly gateway: Etcd;
  readonly clock: Clock;
  readonly random: Random;
  readonly sink: GrantSink;
  /** Whether this node should hold. */
  readonly fit: () => boolean;
  /** How much longer than a grant this machine may answer. */
  readonly graceMs: () => number;
  /** The name of whoever leads, after every change; null: nobody, or unknown. */
  readonly onLeader: (name: string | null) => void;
}

/**
 * Election by etcd: the driver of {@link EtcdCore}. One request at a time, so that none overtakes another; a watch of the queue says when
 * to look, and a look at least every second does where the watch is dead.
 */
export class EtcdElector implements Elector {
  readonly #options: EtcdElectorOptions;
  readonly #core: EtcdCore;
  #state: "new" | "running" | "stopped" = "new";
  #busy: Promise<void> | null = null;
  #granting: LeaseId | null = null;
  #timer: Timer | null = null;
  #watch: EtcdWatch | null = null;
  #watchAt = -Infinity;
  #right: Right | null = null;
  #held: readonly string[] = [];
  #leader: string | null = null;
  #trouble: string | null = null;
  #triedMs: number | null = null;
  #stopping: Promise<void> | null = null;

  /** Throws AssertionError if the boot id is not one word. */
  constructor(options: EtcdElectorOptions) {
    const { identity, bootId, ttlMs, retryMs, random, fit, graceMs, clock } = options;
    this.#options = options;
    const times = { ttlMs, retryMs };
    this.#core = new EtcdCore({ now: clock.now(), identity, bootId, times, random, fit, graceMs });
  }

  start(): Promise<void> {
    if (this.#state === "new") {
      this.#state = "running";
      this.#turn();
    }
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  /** Looks at this node's fitness and addresses now rather than in a quarter of a second. */
  look(): void {
    if (this.#state === "running") this.#turn();
  }

  observe(): ElectorStatus {
    return {
      leader: this.#core.leader,
      leading: this.#right !== null && this.#right.validUntil > this.#options.clock.now(),
      transitions: this.#core.transitions,
      goodMs: this.#core.goodMs,
      triedMs: this.#triedMs,
      trouble: this.#core.trouble,
    };
  }

  #turn(): void {
    if (this.#state !== "running") return;
    const { clock } = this.#options;
    this.#core.tick(clock.now());
    this.#deliver();
    if (this.#hasEnded()) return;
    if (this.#busy === null) {
      const step = this.#core.next(clock.now());
      if (step !== null) this.#busy = this.#make(step);
    }
    this.#follow();
    this.#timer?.cancel();
    const dueMs = this.#core.nextDeadline(this.#busy !== null) - clock.now();
    this.#timer = clock.after(Math.max(0, dueMs), () => this.#turn());
  }

  /** Whoever was told something may have stopped this elector. */
  #hasEnded(): boolean {
    return this.#state === "stopped";
  }

  async #make(step: Step): Promise<void> {
    const { clock, gateway, prefix } = this.#options;
    const startedAt = clock.now();
    this.#triedMs = startedAt;
    this.#granting = step.do === "grant" ? step.lease : null;
    let outcome: Outcome;
    try {
      outcome = await perform(gateway, prefix, step);
    } catch (error) {
      log.error("A request to etcd broke", { step: step.do, error: String(error) });
      outcome = { is: "failed", cause: String(error) };
    }
    this.#busy = null;
    if (this.#state !== "running") return;
    this.#granting = null;
    // A process that stood still has to let go before it reads what came meanwhile.
    this.#core.tick(clock.now());
    this.#deliver();
    this.#core.answered(clock.now(), { step, startedAt, outcome });
    this.#turn();
  }

  /** Watches the queue from where it was last seen. */
  #follow(): void {
    const { clock, gateway, prefix } = this.#options;
    const { revision } = this.#core;
    if (this.#watch !== null || revision === null || clock.now() < this.#watchAt) return;
    this.#watch = gateway.watch({ prefix: candidatePrefix(prefix), fromRevision: revision + 1 }, {
      changed: () => this.#news(),
      ended: (cause) => {
        log.debug("The watch of the etcd election ended", { cause });
        this.#watch = null;
        this.#watchAt = clock.now() + WATCH_AGAIN_MS;
        this.#news();
      },
    });
  }

  #news(): void {
    this.#core.changed(this.#options.clock.now());
    this.#turn();
  }

  /** Tells the sink what has become of the right, and everybody else what is new. */
  #deliver(): void {
    const { right } = this.#core;
    if (right === null) this.#withdraw();
    else this.#grant(right);
    this.#tell();
  }

  #withdraw(): void {
    if (this.#right === null) return;
    const [scopes, reason] = [this.#held, this.#core.lossReason];
    this.#right = null;
    this.#held = [];
    this.#options.sink.revoked(scopes, reason);
    log.info("No longer the leader by etcd", { reason });
  }

  #grant(right: Right): void {
    const { addresses, sink } = this.#options;
    const scopes = addresses();
    const dropped = this.#held.filter((scope) => !scopes.includes(scope));
    const isNews = this.#right?.validUntil !== right.validUntil || this.#right.epoch !== right.epoch ||
      scopes.some((scope) => !this.#held.includes(scope));
    const isFirst = this.#right === null;
    this.#right = right;
    this.#held = scopes;
    if (dropped.length > 0) sink.revoked(dropped, "reassigned");
    if (isNews) sink.granted(scopes.map((scope) => ({ scope, ...right })));
    if (isFirst) log.info("Leader by etcd", { epoch: right.epoch });
  }

  #tell(): void {
    const { leader, trouble } = this.#core;
    if (leader !== this.#leader) {
      this.#leader = leader;
      this.#options.onLeader(leader);
    }
    if (trouble !== this.#trouble) {
      if (trouble !== null && this.#trouble === null) log.warning("Trouble with the etcd election", { trouble });
      if (trouble === null) log.info("The etcd election is well again");
      this.#trouble = trouble;
    }
  }

  /** The sink first, then the election. */
  async #end(): Promise<void> {
    const wasRunning = this.#state === "running";
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#watch?.stop();
    const { sink, gateway } = this.#options;
    if (this.#right !== null) sink.revoked(this.#held, "stopping");
    this.#right = null;
    if (wasRunning) await this.#release();
    gateway.close();
    await this.#busy;
  }

  /** Gives every lease back. What cannot be given back in time runs out by itself. */
  async #release(): Promise<void> {
    const leases = [...this.#core.leases, ...this.#granting === null ? [] : [this.#granting]];
    const untilMs = this.#options.clock.now() + RELEASE_MS;
    const given = await Promise.all(leases.map((lease) => this.#revoke(lease, untilMs)));
    if (given.includes("late")) log.warning("The etcd lease could not be given back and has to run out");
  }

  async #revoke(lease: LeaseId, untilMs: number): Promise<"given" | "late"> {
    const { clock, gateway } = this.#options;
    for (let leftMs = RELEASE_MS; leftMs > 0; leftMs = untilMs - clock.now()) {
      const answer = await gateway.revokeLease(lease, Math.min(RELEASE_TRY_MS, leftMs));
      if (answer.outcome !== "unreachable") return "given";
      const pause = Promise.withResolvers<void>();
      clock.after(Math.min(RELEASE_AGAIN_MS, Math.max(0, untilMs - clock.now())), pause.resolve);
      await pause.promise;
    }
    return "late";
  }
}
