/**
 * Peers mode beside a Lease: raft decides who holds, and the Lease is a record for people and a fence against nodes that elect by it.
 *
 * - While a stranger's Lease is valid (by this node's own observation, as in {@link Sight}), nothing is held: {@link LeaseFence.open}.
 * - The raft leader keeps the Lease written, takes it over at once from another member (same mark), and from a stranger once it has run
 *   out. After a stranger's Lease the fence stays closed until a member has written it, or for one retry period more: others may be
 *   trying for it at the same moment.
 * - A Lease that was never read closes nothing: the API server need not be up to elect, and it usually is not when a control plane
 *   starts. Strangers that answer for an address are then found on the wire (conflict detection).
 *
 * What remains: a raft leader that cannot reach the API server goes on holding, and its Lease runs out; an upstream node may then take
 * it and hold as well. The fence closes as soon as that is seen.
 */
import { assert } from "../../base/assert.ts";
import type { Clock, Random, Timer } from "../../base/clock.ts";
import { getLog } from "../../observe/log.ts";
import { withDeadline } from "../../runtime/deadline.ts";
import type { WallClock } from "../../runtime/wall_clock.ts";
import type { ElectorStatus } from "../elector.ts";
import { claimRecord, isFree, microTime, releaseRecord } from "./record.ts";
import { type Asked, Reach } from "./reach.ts";
import { Sight } from "./sight.ts";
import type { LeaseRead, LeaseRecord, LeaseStore, LeaseWrite, StoredLease } from "./store.ts";
import { durationSeconds, type LeaseTimes, missedRenewalMs, pollDelayMs, requestLimitMs } from "./times.ts";

const log = getLog("election");

/** Least time until the next turn. */
const LEAST_TIMER_MS = 1;
const STORE_MARGIN_MS = 20;
/** A release at the end takes this long at most. */
const RELEASE_LIMIT_MS = 700;
/** A request under way is waited for this long before that. */
const PATIENCE_MS = 300;

export interface LeaseFenceOptions {
  /** This node's name as it stands in the Lease. */
  readonly identity: string;
  /** Members of one cluster know each other's records by it. */
  readonly clusterId: string;
  readonly times: LeaseTimes;
  /** Belongs to whoever made it. */
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly random: Random;
  /** Called after every change of {@link LeaseFence.open}. */
  readonly onChange: (open: boolean) => void;
  /** Called once for each change of holder that is seen; null: nobody. */
  readonly onLeader: (holder: string | null, transitions: number) => void;
}

function broke(error: unknown): void {
  log.error("The fence's turn broke", { error: String(error) });
}

/** See the head of this file. */
export class LeaseFence {
  readonly #options: LeaseFenceOptions;
  readonly #clock: Clock;
  readonly #mark: string;
  readonly #sight: Sight;
  #state: "new" | "running" | "stopped" = "new";
  #leading = false;
  #wasOpen = true;
  /** Closed until then, unless a member's record is seen. */
  #closedUntilMs = -Infinity;
  /** What the watch has shown, counted. */
  #shown = 0;
  #mustRead = true;
  #notBeforeMs = -Infinity;
  #renewMs = -Infinity;
  #pollMs = -Infinity;
  #pending: Promise<void> | null = null;
  #timer: Timer | null = null;
  #watch: { stop(): void } | null = null;
  #holder: string | null | undefined = undefined;
  #micros: number;
  #goodMs: number | null = null;
  #triedMs: number | null = null;
  readonly #reach = new Reach();

  constructor(options: LeaseFenceOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#mark = `peers:${options.clusterId}`;
    this.#micros = Math.floor(1000 * options.random());
    this.#sight = new Sight({
      durationMs: durationSeconds(options.times) * 1000,
      inTouchMs: missedRenewalMs(options.times),
    });
  }

  /** Begins to follow the Lease. */
  start(): void {
    assert(this.#state === "new", "a fence is started once");
    this.#state = "running";
    this.#watch = this.#options.store.watch((lease) => {
      if (lease === null || !this.#sight.isPast(lease)) {
        this.#shown++;
        this.#seen(lease);
      }
      this.#turn();
    });
    this.#turn();
  }

  /** False while a stranger may hold. */
  open(): boolean {
    return this.#clock.now() >= this.#closedUntilMs;
  }

  /** Whether this node leads the raft: then it keeps the Lease written. */
  leading(leads: boolean): void {
    if (this.#leading === leads) return;
    this.#leading = leads;
    this.#renewMs = -Infinity;
    this.#turn();
  }

  /**
   * Ends. The Lease is released only if this node leads to the last: a successor simply writes over it, and a free Lease would invite
   * strangers. Idempotent, within a second.
   */
  async stop(): Promise<void> {
    const wasRunning = this.#state === "running";
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#timer = null;
    this.#watch?.stop();
    if (wasRunning && this.#leading) await this.#release();
  }

  observe(): ElectorStatus {
    const record = this.#sight.record;
    return {
      leader: isFree(record) ? null : record.holder,
      leading: this.#leading,
      transitions: record?.transitions ?? 0,
      goodMs: this.#goodMs,
      triedMs: this.#triedMs,
      trouble: this.#reach.failure,
    };
  }

  #seen(lease: StoredLease | null): void {
    const now = this.#clock.now();
    const record = lease?.record ?? null;
    // A member's record that is gone or blanked invites strangers, but no stranger holds because of it: raft decides among members.
    const isMembers = this.#isMembers(isFree(record) ? this.#sight.record : record);
    const isFirst = !this.#sight.known;
    if (!this.#sight.look(now, lease, isMembers ? "own" : "other")) return;
    if (isMembers) {
      this.#sight.taken();
      this.#closedUntilMs = -Infinity;
    } else if (!isFirst || !isFree(record)) {
      const { claimedUntilMs } = this.#sight;
      this.#closedUntilMs = Math.max(now, claimedUntilMs) + this.#options.times.retryMs;
    }
    this.#tellHolder(record);
  }

  #isMembers(record: LeaseRecord | null): boolean {
    return record !== null && record.mark === this.#mark;
  }

  #tellHolder(record: LeaseRecord | null): void {
    const holder = isFree(record) ? null : record.holder;
    if (holder === this.#holder) return;
    this.#holder = holder;
    this.#options.onLeader(holder, record?.transitions ?? 0);
  }

  #turn(): void {
    if (this.#state !== "running") return;
    const open = this.open();
    if (open !== this.#wasOpen) {
      this.#wasOpen = open;
      const holder = this.#sight.record?.holder ?? null;
      if (open) log.info("No stranger holds the Lease any more");
      else log.warning("Somebody who is no member holds the Lease: nothing is held here meanwhile", { holder });
      this.#options.onChange(open);
    }
    const now = this.#clock.now();
    if (this.#pending === null && now >= this.#dueMs()) this.#pending = this.#act(now).catch(broke);
    this.#arm();
  }

  #dueMs(): number {
    if (this.#mustRead) return this.#notBeforeMs;
    if (!this.#leading) return Math.max(this.#pollMs, this.#notBeforeMs);
    return Math.max(Math.min(this.#pollMs, this.#writeMs()), this.#notBeforeMs);
  }

  /** When the leader may write next. */
  #writeMs(): number {
    const { record, claimedUntilMs } = this.#sight;
    const isWritten = record?.holder === this.#options.identity && this.#isMembers(record);
    return Math.max(isWritten ? this.#renewMs : -Infinity, claimedUntilMs);
  }

  async #act(now: number): Promise<void> {
    const writes = this.#leading && !this.#mustRead && now >= this.#writeMs();
    this.#triedMs = now;
    const asked: Asked = writes ? { kind: "write", version: this.#sight.lease?.version ?? null } : { kind: "read" };
    const answer = writes ? await this.#write(now) : await this.#read();
    this.#pending = null;
    this.#note(asked, answer);
    this.#turn();
  }

  async #read(): Promise<LeaseRead> {
    const shown = this.#shown;
    const answer = await this.#bounded((limitMs) => this.#options.store.read(limitMs));
    if (answer.outcome === "failed") return answer;
    const lease = answer.outcome === "found" ? answer.lease : null;
    // The watch was faster than this answer, which may be from before: look once more.
    this.#mustRead = shown !== this.#shown && (lease === null || this.#sight.isPast(lease));
    if (!this.#mustRead) this.#seen(lease);
    return answer;
  }

  async #write(now: number): Promise<LeaseWrite> {
    const { identity, times, store } = this.#options;
    const { lease } = this.#sight;
    const self = { identity, mark: this.#mark, durationSeconds: durationSeconds(times), time: this.#time() };
    const record = claimRecord(lease?.record ?? null, self);
    const answer = await this.#bounded((limitMs) =>
      lease === null ? store.create(record, limitMs) : store.update(record, lease.version, limitMs)
    );
    if (answer.outcome === "written") {
      this.#renewMs = now + times.retryMs;
      const written = { record, version: answer.version };
      // The watch may have shown already what came after it.
      if (!this.#sight.isPast(written)) this.#seen(written);
    } else this.#mustRead = true;
    return answer;
  }

  /** Whatever the store does, there is an answer in time. */
  async #bounded<T extends LeaseRead | LeaseWrite>(
    ask: (limitMs: number) => Promise<T>,
    mostMs = requestLimitMs(this.#options.times),
  ): Promise<T | { outcome: "failed"; cause: string }> {
    const bounds = { clock: this.#clock, limitMs: mostMs + STORE_MARGIN_MS, what: "the Lease" };
    try {
      return await withDeadline(ask(mostMs), bounds);
    } catch (error) {
      return { outcome: "failed", cause: String(error) };
    }
  }

  #note(asked: Asked, answer: LeaseRead | LeaseWrite): void {
    const { times, random } = this.#options;
    const now = this.#clock.now();
    this.#pollMs = now + pollDelayMs(times, random());
    const told = this.#reach.note(asked, answer);
    if (told === "lost") log.warning("The Lease is out of reach", { cause: this.#reach.failure });
    if (told === "regained") log.info("The Lease is within reach again");
    if (answer.outcome === "failed") this.#notBeforeMs = now + times.retryMs * (0.5 + random());
    else if (answer.outcome !== "conflict") this.#goodMs = now;
  }

  async #release(): Promise<void> {
    const bounds = { clock: this.#clock, limitMs: PATIENCE_MS, what: "a request under way" };
    // Later than that, the release names a version that is not the last one, and does nothing.
    await withDeadline(this.#pending ?? Promise.resolve(), bounds).catch(() => {});
    const { lease } = this.#sight;
    if (lease === null || lease.record.holder !== this.#options.identity || !this.#isMembers(lease.record)) return;
    const record = releaseRecord(lease.record, { mark: this.#mark, time: this.#time() });
    await this.#bounded((limitMs) => this.#options.store.update(record, lease.version, limitMs), RELEASE_LIMIT_MS);
  }

  #time(): string {
    return microTime(this.#options.wallNow(), this.#micros++ % 1000);
  }

  #arm(): void {
    this.#timer?.cancel();
    const now = this.#clock.now();
    const dueMs = this.#pending === null ? this.#dueMs() : Infinity;
    const at = Math.min(dueMs, this.#closedUntilMs > now ? this.#closedUntilMs : Infinity);
    if (at === Infinity) return;
    this.#timer = this.#clock.after(Math.max(LEAST_TIMER_MS, at - now), () => {
      this.#timer = null;
      this.#turn();
    });
  }
}
