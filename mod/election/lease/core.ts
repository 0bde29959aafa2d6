/**
 * The Lease election of one node: client-go's, to the letter in what is written and when another may be displaced, so that both kinds of
 * node share one Lease in a rolling upgrade. Pure: a driver makes the requests and says what came of them.
 *
 * Beyond client-go:
 * - A candidate tries at the moment of expiry, and names the version it has observed: if that is still the current one, nobody has
 *   renewed since, however stale the observation was. Polling stays as it is there.
 * - A holder that sees the Lease deleted, blanked or overwritten ends its hold before anything else, and then competes again; candidates
 *   wait out what it may still believe ({@link Sight}).
 * - A hold ends a fixed time after the *start* of the last successful write ({@link grantMs}). A write whose answer was lost counts once
 *   it is seen to be there, from its own start.
 * - Only what this process wrote is released or resumed without question.
 */
import { assert, assertNever } from "../../base/assert.ts";
import type { Random } from "../../base/clock.ts";
import type { RevokeReason } from "../elector.ts";
import { type Condition, MakingWay } from "./making_way.ts";
import { OwnWrites } from "./own_writes.ts";
import { claimRecord, isFree, microTime } from "./record.ts";
import { type Errand, Release, type Released, type Via } from "./release.ts";
import { Sight } from "./sight.ts";
import type { LeaseRead, LeaseRecord, LeaseWrite, StoredLease } from "./store.ts";
import {
  durationSeconds,
  grantMs,
  type LeaseTimes,
  missedRenewalMs,
  pollDelayMs,
  renewEveryMs,
  requestLimitMs,
} from "./times.ts";

/** Candidates that all see a Lease fall free do not all write at once. */
const SCATTER_MS = 50;
/** After a failure the next try comes a quarter of the retry period later, and not sooner than this. */
const LEAST_RETRY_MS = 250;
/** A stop or hand-over waits this long for a request under way, then goes on beside it. */
const PATIENCE_MS = 300;

export interface LeaseCoreOptions {
  readonly now: number;
  /** The node's name as it stands in the Lease. */
  readonly identity: string;
  /** `lease:<boot id>`: tells records of this boot of this machine from others in its name. */
  readonly mark: string;
  readonly times: LeaseTimes;
  /** How much longer than a grant this machine may answer. */
  readonly graceMs: number;
  readonly hasFallback: boolean;
  readonly preserveOnLoss: boolean;
  readonly random: Random;
}

/** A right to hold. */
export interface Tenure {
  readonly epoch: number;
  readonly validUntil: number;
}

interface Pending {
  readonly id: number;
  readonly errand: Errand;
  readonly startMs: number;
  readonly isOfRelease: boolean;
  /** What the watch has shown meanwhile, and not from before: the answer may be older than that. */
  meanwhile: "nothing" | "gone" | "other";
}

/** See the head of this file. */
export class LeaseCore {
  readonly #options: LeaseCoreOptions;
  readonly #grantMs: number;
  readonly #renewEveryMs: number;
  readonly #sight: Sight;
  readonly #writes = new OwnWrites();
  readonly #way: MakingWay;
  #role: "candidate" | "leading" | "stopping" | "stopped" = "candidate";
  #tenure: Tenure | null = null;
  #epoch = 0;
  #endReason: RevokeReason = "lease-lost";
  #preserving = false;
  #namesake = false;
  /** The watch has shown something of this leadership: what it shows now is not from before. */
  #watchIsCurrent = false;
  #release: Release | null = null;
  #lastRelease: Released | null = null;
  #pending: Pending | null = null;
  #nextId = 1;
  /** Grows with each write, so that no two of this process have the same time; begins anywhere, so that two nodes differ. */
  #micros: number;
  #mustRead = true;
  #notBeforeMs: number;
  #pollMs: number;
  #renewMs = Infinity;
  #scatterMs = 0;
  #conflicts = 0;
  /** The last request was answered. */
  #isServed = true;

  /** Throws if no hold could be kept with these times. */
  constructor(options: LeaseCoreOptions) {
    this.#options = options;
    const grant = grantMs(options.times, options.graceMs);
    assert(grant !== null, "the times of the Lease leave nothing to hold for");
    this.#grantMs = grant;
    this.#renewEveryMs = renewEveryMs(options.times, grant);
    this.#sight = new Sight({
      durationMs: durationSeconds(options.times) * 1000,
      inTouchMs: missedRenewalMs(options.times),
    });
    this.#way = new MakingWay(options.times);
    this.#micros = Math.floor(1000 * options.random());
    this.#notBeforeMs = options.now;
    this.#pollMs = options.now;
  }

  get role(): "candidate" | "leading" | "stopping" | "stopped" {
    return this.#role;
  }

  /** What this node may hold; null: nothing. */
  get tenure(): Tenure | null {
    return this.#tenure;
  }

  /** Why the last tenure ended. */
  get endReason(): RevokeReason {
    return this.#endReason;
  }

  /** True while addresses are kept that nobody stands for (`preserveOnLoss`). */
  get isPreserving(): boolean {
    return this.#preserving;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Another process uses this node's name. */
  get hasNamesake(): boolean {
    return this.#namesake;
  }

  /** The Lease as it was seen last. */
  get record(): LeaseRecord | null {
    return this.#sight.record;
  }

  /** False until the Lease was looked at for the first time. */
  get isKnown(): boolean {
    return this.#sight.known;
  }

  get isReleasing(): boolean {
    return this.#release !== null;
  }

  /** How the last release ended; null: there was none. */
  get lastRelease(): Released | null {
    return this.#lastRelease;
  }

  /** How long one write lets this node hold. */
  get grantMs(): number {
    return this.#grantMs;
  }

  // Time

  /** Ends what has run out. The first thing in every turn: after a pause the clock speaks before any answer. */
  expire(now: number): void {
    if (this.#tenure !== null && now >= this.#tenure.validUntil) this.#lose(now, "lease-lost", { byTime: true });
  }

  /** Everything that is due by time. */
  tick(now: number, condition: Condition): void {
    this.expire(now);
    this.#way.tick(condition.fit);
    if (this.#role === "leading" && this.#way.shouldLeave(now, condition)) this.#giveAway(now, "unfit");
    this.#release?.tick(now);
    this.#settleRelease(now);
  }

  /** When the next turn is due at the latest. */
  deadline(now: number): number {
    if (this.#role === "stopped") return Infinity;
    const end = this.#tenure?.validUntil ?? Infinity;
    if (this.#release !== null) return this.#release.deadline(now);
    if (this.#pending !== null) return end;
    const due = this.#mustRead ? now : this.#role === "leading" ? this.#renewMs : Math.min(this.#tryMs(), this.#pollMs);
    return Math.min(end, Math.max(due, this.#notBeforeMs));
  }

  // Requests

  /**
   * The next request to make, or null. Its outcome is told to {@link answered} with the id.
   * @param wallMs for the times in the record, which are for people
   */
  errand(now: number, wallMs: number): { readonly id: number; readonly errand: Errand } | null {
    const time = microTime(wallMs, this.#micros % 1000);
    const isOfRelease = this.#release !== null;
    // A release waits for the request before it only so long, and then goes on beside it.
    if (this.#pending !== null && this.#pending.isOfRelease === isOfRelease) return null;
    const errand = this.#release?.errand(now, time) ?? (isOfRelease ? null : this.#next(now, time));
    if (errand === null) return null;
    const id = this.#nextId++;
    this.#pending = { id, errand, startMs: now, isOfRelease, meanwhile: "nothing" };
    if (errand.kind !== "read") {
      this.#micros++;
      if (errand.record.holder !== "") this.#writes.begun(errand.record, now);
    }
    return { id, errand };
  }

  #next(now: number, time: string): Errand | null {
    if (this.#isOver() || now < this.#notBeforeMs) return null;
    if (this.#mustRead) return this.#reading(now);
    if (now >= (this.#role === "leading" ? this.#renewMs : this.#tryMs())) return this.#claiming(now, time);
    return this.#role === "candidate" && now >= this.#pollMs ? this.#reading(now) : null;
  }

  #reading(now: number): Errand {
    // A holder has to write after it.
    return { kind: "read", via: "primary", limitMs: this.#limitMs(now, 0.5) };
  }

  #claiming(now: number, time: string): Errand {
    const { identity, mark, times } = this.#options;
    const lease = this.#sight.lease;
    const record = claimRecord(lease?.record ?? null, {
      identity,
      mark,
      durationSeconds: durationSeconds(times),
      time,
    });
    const common = { record, via: "primary", limitMs: this.#limitMs(now) } as const;
    return lease === null ? { kind: "create", ...common } : { kind: "update", version: lease.version, ...common };
  }

  /** A holder's request never outlives its hold, and a hanging one leaves time for another. */
  #limitMs(now: number, share = 1): number {
    const leftMs = (this.#tenure?.validUntil ?? Infinity) - now;
    return Math.max(1, Math.min(requestLimitMs(this.#options.times), leftMs * share));
  }

  /** What came of a request; an answer that nobody waits for any more says nothing. */
  answered(now: number, id: number, answer: LeaseRead | LeaseWrite): void {
    const pending = this.#pending;
    if (pending?.id !== id) return;
    this.#pending = null;
    if (this.#role === "stopped") return;
    this.#isServed = answer.outcome !== "failed";
    this.#pollMs = now + pollDelayMs(this.#options.times, this.#options.random());
    if (this.#release !== null) this.#answeredInRelease(now, pending, answer);
    else this.#take(now, pending, answer);
  }

  #take(now: number, pending: Pending, answer: LeaseRead | LeaseWrite): void {
    switch (answer.outcome) {
      case "found":
        this.#read(now, pending, answer.lease);
        break;
      case "absent":
        this.#read(now, pending, null);
        break;
      case "written":
        this.#written(now, pending, answer.version);
        break;
      case "conflict":
        this.#mustRead = true;
        // The first look comes at once; who loses again and again gives the others time.
        if (++this.#conflicts > 1) this.#pause(now);
        break;
      case "failed":
        this.#mustRead = true;
        this.#pause(now);
        break;
      default:
        assertNever(answer);
    }
  }

  #pause(now: number): void {
    const { times, random } = this.#options;
    this.#notBeforeMs = now + Math.max(LEAST_RETRY_MS, times.retryMs / 4) * (0.75 + 0.5 * random());
  }

  #read(now: number, pending: Pending, lease: StoredLease | null): void {
    this.#mustRead = false;
    const { meanwhile } = pending;
    const isPast = meanwhile === "gone" ? lease !== null : lease === null || this.#sight.isPast(lease);
    // The watch was faster than this answer, which may be from before: look once more.
    if (meanwhile !== "nothing" && isPast) this.#mustRead = true;
    else this.#seen(now, lease);
  }

  #written(now: number, pending: Pending, version: string): void {
    const { errand, startMs, meanwhile } = pending;
    assert(errand.kind !== "read", "only writes are written");
    this.#mustRead = meanwhile === "gone" || meanwhile === "other" && !this.#sight.isNewest(version);
    if (this.#mustRead) return;
    this.#conflicts = 0;
    this.#writes.done(errand.record, startMs);
    this.#sight.look(now, { record: errand.record, version }, "own");
    this.#holds(now, errand.record, startMs);
  }

  // What is seen

  /** The watch shows the Lease (null: absent). */
  watched(now: number, lease: StoredLease | null): void {
    if (this.#isOver()) return;
    if (lease !== null && this.#sight.isPast(lease)) return;
    const isOwn = lease !== null && this.#writes.find(lease.record) !== null;
    if (isOwn) this.#watchIsCurrent = true;
    else if (this.#pending !== null) this.#pending.meanwhile = lease === null ? "gone" : "other";
    if (this.#release !== null) return;
    if (this.#role === "leading" && !this.#watchIsCurrent && lease === null) {
      // Perhaps from before this node created it: look before letting go.
      this.#mustRead = true;
      this.#notBeforeMs = now;
    } else this.#seen(now, lease);
  }

  #seen(now: number, lease: StoredLease | null): void {
    const record = lease?.record ?? null;
    const own = record === null ? null : this.#writes.find(record);
    const isInOurName = record?.holder === this.#options.identity;
    const wasLeading = this.#role === "leading";
    if (isInOurName && own === null && wasLeading && !this.#writes.wrote(record)) this.#namesake = true;
    const isOwn = own !== null || isInOurName && this.#isOfThisBoot(record);
    const changed = this.#sight.look(now, lease, isOwn ? "own" : wasLeading && isFree(record) ? "holder" : "other");
    if (record !== null && own !== null) return this.#holds(now, record, own.startMs);
    if (wasLeading) this.#lose(now, isFree(record) ? "lease-lost" : "deposed", { byTime: false });
    if (changed && record !== null && !this.#writes.wrote(record)) this.#writes.clear();
    if (!isFree(record)) {
      this.#conflicts = 0;
      if (this.#preserving && (!isInOurName || this.#namesake)) {
        this.#preserving = false;
        this.#endReason = "deposed";
      }
    }
    if (changed) this.#scatterMs = wasLeading || isInOurName ? 0 : SCATTER_MS * this.#options.random();
  }

  /** A record in this node's name: an earlier process wrote it, if this one looks for the first time. */
  #isOfThisBoot(record: LeaseRecord): boolean {
    return !this.#namesake && (record.mark === this.#options.mark || !this.#sight.known);
  }

  // Holding

  /** The Lease says what this process wrote in a write that began at `startMs`. */
  #holds(now: number, record: LeaseRecord, startMs: number): void {
    const validUntil = startMs + this.#grantMs;
    // While a request or a pause has used the time up, the Lease is ours but gives no right any more: it is renewed first.
    if (validUntil <= now) return;
    this.#sight.taken();
    this.#preserving = false;
    this.#epoch = Math.max(this.#epoch, record.transitions);
    if (this.#tenure === null) {
      this.#role = "leading";
      this.#watchIsCurrent = false;
    }
    this.#tenure = { epoch: this.#epoch, validUntil: Math.max(validUntil, this.#tenure?.validUntil ?? -Infinity) };
    this.#renewMs = this.#tenure.validUntil - this.#grantMs + this.#renewEveryMs;
  }

  #lose(now: number, reason: RevokeReason, { byTime }: { byTime: boolean }): void {
    this.#tenure = null;
    this.#endReason = reason;
    this.#preserving = byTime && this.#options.preserveOnLoss;
    if (this.#role === "leading") this.#role = "candidate";
    this.#scatterMs = 0;
    this.#pollMs = now;
  }

  /** When this node may try for the Lease as it was seen last. */
  #tryMs(): number {
    const { identity, mark, times } = this.#options;
    const { known, record, changedMs, claimedUntilMs } = this.#sight;
    if (!known) return Infinity;
    if (record?.holder !== identity) {
      return this.#way.mayTryAt(Math.max(changedMs, claimedUntilMs)) + this.#scatterMs;
    }
    const isKnown = record.mark === null || record.mark === mark;
    return this.#way.mayResumeAt(Math.max(isKnown ? changedMs : changedMs + missedRenewalMs(times), claimedUntilMs));
  }

  // Giving away

  /** Hands the Lease to whoever wants it. False: this node does not lead. */
  handOver(now: number): boolean {
    if (this.#role !== "leading") return false;
    this.#giveAway(now, "transfer");
    return true;
  }

  #giveAway(now: number, reason: "unfit" | "transfer"): void {
    this.#way.left(now, reason);
    this.#lose(now, reason, { byTime: false });
    // Most often it is the own API server that makes a node unfit; where no other one is well, the fallback says so at once.
    this.#beginRelease(now, reason === "unfit" ? "fallback" : "primary");
  }

  /** Gives up every hold at once; requests go on until {@link role} is `stopped`. */
  stop(now: number): void {
    if (this.#isOver()) return;
    const wasLeading = this.#tenure !== null;
    this.#lose(now, "stopping", { byTime: false });
    this.#role = "stopping";
    if (this.#release !== null) return;
    // A candidate's write may be under way, or done without its answer.
    if (wasLeading || this.#pending !== null && this.#pending.errand.kind !== "read" || this.#mayBeOurs()) {
      this.#beginRelease(now, "primary");
    } else this.#role = "stopped";
  }

  #mayBeOurs(): boolean {
    const record = this.#sight.record;
    return !this.#writes.isEmpty && (record === null || record.holder === "" || this.#writes.wrote(record));
  }

  #beginRelease(now: number, first: Via): void {
    const { mark, hasFallback } = this.#options;
    const { lease, record } = this.#sight;
    const isOurs = (each: LeaseRecord): boolean => this.#writes.find(each) !== null;
    this.#release = new Release({
      now,
      held: record !== null && isOurs(record) ? lease : null,
      mark,
      hasFallback,
      isOurs,
      via: !hasFallback ? "primary" : this.#isServed ? first : "fallback",
      patientUntilMs: this.#pending === null ? now : now + PATIENCE_MS,
    });
  }

  #answeredInRelease(now: number, pending: Pending, answer: LeaseRead | LeaseWrite): void {
    const { errand, isOfRelease } = pending;
    const written = answer.outcome === "written" && errand.kind !== "read"
      ? { record: errand.record, version: answer.version }
      : null;
    if (written !== null) this.#sight.look(now, written, "own");
    if (isOfRelease) this.#release?.answered(now, answer);
    else this.#release?.proceed(now, written, answer.outcome === "failed" ? "silent" : "answered");
    this.#settleRelease(now);
  }

  #settleRelease(now: number): void {
    if (this.#release === null || this.#release.outcome === null) return;
    this.#lastRelease = this.#release.outcome;
    this.#release = null;
    this.#pending = null;
    if (this.#role === "stopping") this.#role = "stopped";
    else this.#writes.clear();
    this.#mustRead = true;
    this.#notBeforeMs = now;
  }

  #isOver(): boolean {
    return this.#role === "stopping" || this.#role === "stopped";
  }
}
