import type { Clock, Random, Timer } from "../../base/clock.ts";
import { getLog } from "../../observe/log.ts";
import type { Elector, ElectorStatus, Grant, GrantSink } from "../elector.ts";
import { GrantFeed } from "../grant_feed.ts";
import { EtcdCore, type Outcome, type Step } from "./core.ts";
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
  /** `vip_preserve_on_leadership_loss`: IPv4 addresses stay after a loss by time until another holder is seen. Unsafe. */
  readonly preserveOnLoss: boolean;
  /** Once for each change of holder that is seen; null: nobody holds. */
  readonly onLeader: (holder: string | null, transitions: number) => void;
}

/**
 * Election by etcd: the driver of {@link EtcdCore}. One request at a time, so that none overtakes another; a watch of the queue says when
 * to look, and a look at least every second does where the watch is dead.
 *
 * When it starts, this machine must answer for none of the addresses: what an earlier process held has been taken down.
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
  readonly #feed: GrantFeed;
  #inTurn = false;
  #turnAgain = false;
  #wasLeading = false;
  #leader: string | null = null;
  #trouble: string | null = null;
  #triedMs: number | null = null;
  #stopping: Promise<void> | null = null;
  /** Those who wait for a place that is being given up. */
  #releasing: ((outcome: "released" | "failed") => void)[] = [];

  /** Throws AssertionError if the boot id is not one word. */
  constructor(options: EtcdElectorOptions) {
    const { identity, bootId, ttlMs, retryMs, random, fit, graceMs, preserveOnLoss, clock } = options;
    this.#options = options;
    this.#feed = new GrantFeed(options.sink);
    const times = { ttlMs, retryMs };
    const now = clock.now();
    this.#core = new EtcdCore({ now, identity, bootId, times, random, fit, graceMs, preserveOnLoss });
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

  /** Something it asks about has changed (fitness, addresses): looks now rather than in a quarter of a second. */
  refresh(): void {
    this.#turn();
  }

  /**
   * Gives the addresses up for the next in the queue; resolves when etcd knows.
   * @returns `nobody-else`: there is no other candidate, and nothing was done; `failed`: the next one holds when the lease has run out
   */
  async handOver(): Promise<"released" | "failed" | "not-leader" | "nobody-else"> {
    const { clock } = this.#options;
    if (this.#state !== "running") return "not-leader";
    const result = this.#core.handOver(clock.now());
    if (result !== "releasing") return result;
    const done = Promise.withResolvers<"released" | "failed">();
    const timer = clock.after(RELEASE_MS, () => done.resolve("failed"));
    this.#releasing.push(done.resolve);
    this.#turn();
    const outcome = await done.promise;
    timer.cancel();
    return outcome;
  }

  observe(): ElectorStatus {
    return {
      leader: this.#core.leader,
      leading: this.#state === "running" && (this.#core.right?.validUntil ?? -Infinity) > this.#options.clock.now(),
      transitions: this.#core.transitions,
      goodMs: this.#core.goodMs,
      triedMs: this.#triedMs,
      trouble: this.#core.trouble,
    };
  }

  /** Whoever is told something may call back: one turn at a time. */
  #turn(): void {
    this.#turnAgain = true;
    if (this.#inTurn) return;
    this.#inTurn = true;
    try {
      while (this.#turnAgain && this.#state === "running") {
        this.#turnAgain = false;
        this.#once();
      }
    } finally {
      this.#inTurn = false;
      this.#arm();
    }
  }

  #once(): void {
    const { clock } = this.#options;
    this.#core.tick(clock.now());
    this.#deliver();
    if (this.#busy !== null || this.#hasEnded()) return;
    const step = this.#core.next(clock.now());
    if (step === null) return;
    this.#busy = this.#make(step).catch((error: unknown) => {
      log.error("The election's turn broke", { error: String(error) });
    });
  }

  #arm(): void {
    this.#timer?.cancel();
    if (this.#hasEnded()) return;
    this.#follow();
    const { clock } = this.#options;
    const dueMs = this.#core.nextDeadline(this.#busy !== null) - clock.now();
    this.#timer = clock.after(Math.max(0, dueMs), () => this.#turn());
  }

  /** Whoever was told something may have stopped this elector. */
  #hasEnded(): boolean {
    return this.#state !== "running";
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
    this.#core.answered(clock.now(), { step, startedAt, outcome });
    if (step.do === "revoke" && this.#core.dropping === 0) {
      for (const tell of this.#releasing.splice(0)) tell(this.#core.lastRelease);
    }
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

  /** Brings the sink in line with what may be held now, and tells everybody else what is new. */
  #deliver(): void {
    const { right, lossReason } = this.#core;
    this.#feed.update(this.#held(), () => right !== null ? "reassigned" : lossReason);
    if ((right !== null) !== this.#wasLeading) {
      this.#wasLeading = right !== null;
      if (right !== null) log.info("Holding by etcd", { epoch: right.epoch });
      else log.warning("No longer holding by etcd", { reason: lossReason });
    }
    this.#tell();
  }

  #held(): Grant[] {
    const addresses = this.#options.addresses();
    const { right } = this.#core;
    if (right !== null) return addresses.map((scope) => ({ scope, ...right }));
    const preserved = this.#core.preserved(this.#options.clock.now());
    if (preserved === null) return [];
    return addresses.filter((scope) => !scope.includes(":")).map((scope) => ({ scope, ...preserved, preserved: true }));
  }

  #tell(): void {
    const { leader, trouble } = this.#core;
    if (leader !== this.#leader) {
      this.#leader = leader;
      this.#options.onLeader(leader, this.#core.transitions);
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
    this.#feed.update([], () => "stopping");
    for (const tell of this.#releasing.splice(0)) tell("failed");
    if (wasRunning) await this.#release();
    this.#options.gateway.close();
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
