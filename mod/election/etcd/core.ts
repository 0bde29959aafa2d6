/**
 * The etcd election of one node, as a pure state machine: a driver makes the requests, one at a time, and says what came of them.
 *
 * Whoever's key was created first holds ({@link QueueView}), for as long as its lease in etcd lives. Hence:
 * - A right to hold ends a fixed time after the *start* of the last keep-alive that succeeded ({@link grantMs}), before etcd can let the
 *   lease run out; so whoever comes next need not wait once the key is gone.
 * - Being first is for good: creations only grow. It ends with the key, and the key with the lease, or by somebody's hand, which the
 *   mark beside the key covers ({@link QueueView.orphans}).
 * - A place is given up by revoking its lease, and a lease is never used again: no request that is late can bring the place back.
 * - A process that finds the place of its own machine's earlier process puts a lease of its own under it and goes on. It relies on the
 *   holder, which ends what the earlier process held before the election starts.
 * - An unfit node stands only if nobody else does, says so, and gives way to anybody who is fit. An unfit holder keeps the addresses
 *   while there is nobody else.
 *
 * The driver's turn, after every input: look at {@link right}, make the request that {@link next} names while none is under way, and set
 * one timer for {@link nextDeadline}.
 */
import { assert, assertNever } from "../../base/assert.ts";
import type { Random } from "../../base/clock.ts";
import type { RevokeReason } from "../elector.ts";
import { type Candidate, type QueueView, type Resumable, resumable, type Standing } from "./queue.ts";
import {
  backoffMs,
  type EtcdTimes,
  grantMs,
  keepEveryMs,
  keepLimitMs,
  pollMs,
  requestLimitMs,
  ttlSeconds,
} from "./times.ts";
import type { LeaseId } from "./types.ts";

/** Fitness and grace are looked at this often. */
const LOOK_EVERY_MS = 250;
/** An unfit node stands after it has seen an empty queue for so long: those who are fit come first. */
const UNFIT_PATIENCE_MS = 1000;
/** Leases that are to be revoked; more are left to run out. */
const MOST_DROPPED = 4;
/** A revocation that fails so often is left to the lease's own end. */
const DROP_TRIES = 3;

export interface EtcdCoreOptions {
  readonly now: number;
  readonly identity: string;
  /** Of this boot of this machine: no other machine and no earlier boot has it. No spaces. */
  readonly bootId: string;
  readonly times: EtcdTimes;
  readonly random: Random;
  /** Whether this node should hold. */
  readonly fit: () => boolean;
  /** How much longer than a grant this machine may answer. */
  readonly graceMs: () => number;
  /** Keep what a right that ran out was for, until another holder is seen. Unsafe. */
  readonly preserveOnLoss: boolean;
}

/** A right to hold; `epoch` is the revision at which the holder's key was created. */
export interface Right {
  readonly epoch: number;
  readonly validUntil: number;
}

/** A request that the driver is to make. */
export type Step =
  & { readonly limitMs: number }
  & (
    | { readonly do: "look" }
    | { readonly do: "grant"; readonly lease: LeaseId; readonly ttlSeconds: number }
    | { readonly do: "keep"; readonly lease: LeaseId }
    | { readonly do: "stand"; readonly lease: LeaseId; readonly standing: Standing }
    | { readonly do: "resume"; readonly lease: LeaseId; readonly of: Resumable & { readonly standing: Standing } }
    | { readonly do: "revoke"; readonly lease: LeaseId }
  );

/** What came of a request. */
export type Outcome =
  /** Of a look. */
  | { readonly is: "seen"; readonly view: QueueView }
  /** Of a grant or keep: the lease lives. */
  | { readonly is: "alive"; readonly ttlMs: number }
  /** Of a keep, stand or resume: the lease does not exist. */
  | { readonly is: "gone" }
  /** Of a stand, resume or revoke: etcd has answered; a look says whether it came to anything. */
  | { readonly is: "done" }
  | { readonly is: "failed"; readonly cause: string };

interface HeldLease {
  readonly id: LeaseId;
  /** Start of the last keep-alive, or of the grant. */
  readonly keptAt: number;
  readonly ttlMs: number;
  /** The place that was seen in the queue; null before that. */
  readonly place: string | null;
}

/** See the head of this file. */
export class EtcdCore {
  readonly #options: EtcdCoreOptions;
  #lease: HeldLease | null = null;
  #view: QueueView | null = null;
  #right: Right | null = null;
  /** Why the last right ended. */
  #reason: RevokeReason = "lease-lost";
  #epoch = 0;
  #preserving = false;
  /** The newest view shows this node first, and nothing speaks against it. */
  #first = false;
  /** Only before this process has had a place of its own. */
  #mayResume = true;
  /** Asked for a place, and not seen it yet. */
  #asked = false;
  readonly #dropped: { readonly id: LeaseId; tries: number }[] = [];
  #keepAt = Infinity;
  #lookAt: number;
  #pausedUntil = -Infinity;
  #failures = 0;
  #emptySince: number | null = null;
  #lookedAt: number;
  #trouble: string | null = null;
  #lastRelease: "released" | "failed" = "released";
  #transitions = 0;
  /** The creation of the key that was first when there was one last. */
  #holder: number | null = null;
  /** Counts what was heard of changes, and what of it the look under way covers. */
  #news = 0;
  #newsCovered = 0;
  #goodMs: number | null = null;

  /** Throws AssertionError if the boot id has spaces or nothing in it. */
  constructor(options: EtcdCoreOptions) {
    assert(/^\S+$/.test(options.bootId), "the boot id is one word");
    this.#options = options;
    this.#lookAt = options.now;
    this.#lookedAt = options.now;
  }

  // What it says

  get right(): Right | null {
    return this.#right;
  }

  get lossReason(): RevokeReason {
    return this.#reason;
  }

  /** What is kept although the right to it ran out; null: nothing. */
  preserved(now: number): Right | null {
    return this.#preserving ? { epoch: this.#epoch, validUntil: now + (this.#span() ?? 0) } : null;
  }

  /** Whose key is first; null: nobody's, or not known yet. */
  get leader(): string | null {
    return this.#view?.candidates[0]?.name ?? null;
  }

  /** Changes of holder that were seen. */
  get transitions(): number {
    return this.#transitions;
  }

  /** When etcd last answered as it should. */
  get goodMs(): number | null {
    return this.#goodMs;
  }

  get trouble(): string | null {
    // One failure is answered by another endpoint.
    if (this.#trouble !== null && this.#failures > 1) return this.#trouble;
    if (this.#span() === null) return "the lease is too short for a machine that may answer longer than it is granted";
    return (this.#view?.orphans.length ?? 0) > 0 ? "the key of a candidate was deleted by hand" : null;
  }

  /** The revision of the newest view; null before the first. */
  get revision(): number | null {
    return this.#view?.revision ?? null;
  }

  /** How the last place that was given up went. */
  get lastRelease(): "released" | "failed" {
    return this.#lastRelease;
  }

  /** How many places are being given up. */
  get dropping(): number {
    return this.#dropped.length;
  }

  /** Leases that end with this node's orderly stop: that of its place, and those it is about to revoke. */
  get leases(): readonly LeaseId[] {
    return [...this.#lease === null ? [] : [this.#lease.id], ...this.#dropped.map(({ id }) => id)];
  }

  /** When {@link tick} must be called at the latest; `busy`: a request is under way. */
  nextDeadline(busy: boolean): number {
    const always = Math.min(this.#lookedAt + LOOK_EVERY_MS, this.#right?.validUntil ?? Infinity);
    if (busy) return always;
    if (this.#pausedUntil > this.#lookedAt) return Math.min(always, this.#pausedUntil);
    return Math.min(always, this.#keepAt, this.#lookAt);
  }

  // Input

  /** Does what has fallen due; to be called before anything that has happened is told. */
  tick(now: number): void {
    this.#lookedAt = now;
    this.#expire(now);
    this.#settle(now);
    this.#renew(now);
  }

  /** Something in the queue has changed, or may have. */
  changed(now: number): void {
    this.#news++;
    this.#lookAt = Math.min(this.#lookAt, now);
  }

  /** Gives the place up for the next in the queue, and stands again behind everybody else. */
  handOver(now: number): "releasing" | "not-leader" | "nobody-else" {
    if (this.#right === null) return "not-leader";
    if ((this.#view?.candidates.length ?? 0) < 2) return "nobody-else";
    this.#leave(now, "transfer");
    return "releasing";
  }

  /** The request to make now; null: none. What it names counts as begun. */
  next(now: number): Step | null {
    if (now < this.#pausedUntil) return null;
    const limitMs = requestLimitMs(this.#span());
    const dropped = this.#dropped[0];
    if (dropped !== undefined) return { do: "revoke", lease: dropped.id, limitMs };
    if (this.#lease !== null && now >= this.#keepAt) {
      return { do: "keep", lease: this.#lease.id, limitMs: keepLimitMs(this.#options.times, this.#span()) };
    }
    if (now >= this.#lookAt) {
      this.#newsCovered = this.#news;
      return { do: "look", limitMs };
    }
    const isPlaced = this.#lease !== null && this.#lease.place !== null;
    return isPlaced || this.#asked ? null : this.#enter(now, limitMs);
  }

  /** A request that {@link next} named, started at `startedAt`, has come to this. */
  answered(now: number, done: { readonly step: Step; readonly startedAt: number; readonly outcome: Outcome }): void {
    const { step, startedAt, outcome } = done;
    // A process that stood still looks at the clock before it reads what came meanwhile.
    this.#expire(now);
    this.#count(now, step, outcome);
    switch (step.do) {
      case "look":
        if (outcome.is === "seen") this.#see(now, outcome.view);
        break;
      case "grant":
        if (outcome.is === "alive") this.#begin(step.lease, startedAt, outcome.ttlMs);
        break;
      case "keep":
        if (step.lease === this.#lease?.id) this.#kept(now, this.#lease, { startedAt, outcome });
        break;
      case "stand":
      case "resume":
        if (step.lease === this.#lease?.id) this.#entered(now, outcome);
        break;
      case "revoke":
        this.#revoked(step.lease, outcome);
        break;
      default:
        assertNever(step);
    }
    this.tick(now);
  }

  #count(now: number, step: Step, outcome: Outcome): void {
    if (outcome.is === "failed") return this.#fail(now, outcome.cause);
    this.#goodMs = now;
    if (step.do === "keep") this.#allIsWell();
  }

  #allIsWell(): void {
    this.#failures = 0;
    this.#trouble = null;
  }

  #fail(now: number, cause: string): void {
    const { times, random } = this.#options;
    this.#trouble = cause;
    this.#failures++;
    this.#pausedUntil = now + backoffMs(times, { failures: this.#failures, chance: random() });
  }

  // The lease

  #begin(id: LeaseId, startedAt: number, ttlMs: number): void {
    this.#lease = { id, keptAt: startedAt, ttlMs, place: null };
    this.#asked = false;
    this.#keepAt = startedAt + this.#keepEveryMs();
  }

  #kept(now: number, lease: HeldLease, done: { readonly startedAt: number; readonly outcome: Outcome }): void {
    const { startedAt, outcome } = done;
    if (outcome.is === "gone") this.#lose(now, "lease-lost");
    if (outcome.is !== "alive") return;
    this.#lease = { ...lease, keptAt: startedAt, ttlMs: outcome.ttlMs };
    this.#keepAt = startedAt + this.#keepEveryMs();
  }

  /** The place in the queue is gone, or given up. */
  #lose(now: number, reason: RevokeReason): void {
    this.#end(reason);
    this.#lease = null;
    this.#asked = false;
    this.#keepAt = Infinity;
    this.changed(now);
  }

  /** Gives the place up: the lease is revoked, and with it goes the key. */
  #leave(now: number, reason: RevokeReason): void {
    if (this.#lease !== null) this.#drop(this.#lease.id);
    this.#lose(now, reason);
    this.#preserving = false;
  }

  #drop(id: LeaseId): void {
    this.#dropped.push({ id, tries: 0 });
    if (this.#dropped.length > MOST_DROPPED) this.#dropped.shift();
  }

  #revoked(id: LeaseId, outcome: Outcome): void {
    const at = this.#dropped.findIndex((dropped) => dropped.id === id);
    const dropped = this.#dropped[at];
    if (dropped === undefined) return;
    dropped.tries++;
    const isDone = outcome.is !== "failed";
    if (!isDone && dropped.tries < DROP_TRIES) return;
    this.#lastRelease = isDone ? "released" : "failed";
    this.#dropped.splice(at, 1);
  }

  #span(): number | null {
    return grantMs(this.#options.times, this.#options.graceMs());
  }

  #keepEveryMs(): number {
    return keepEveryMs(this.#options.times, this.#span());
  }

  // The queue

  #see(now: number, view: QueueView): void {
    const holder = view.candidates[0]?.createRevision ?? this.#holder;
    if (this.#holder !== null && holder !== this.#holder) this.#transitions++;
    this.#holder = holder;
    this.#view = view;
    const [first] = view.candidates;
    if (first !== undefined && first.lease !== this.#lease?.id) this.#preserving = false;
    this.#emptySince = view.candidates.length > 0 ? null : this.#emptySince ?? now;
    this.#lookAt = Infinity;
    this.#findOwn(now, view);
    // Reads that work say nothing about writes that do not.
    if (this.#lease === null ? !this.#wants(now, view) : this.#lease.place !== null) this.#allIsWell();
    const again = this.#news === this.#newsCovered ? now + pollMs(this.#options.times, this.#first) : now;
    this.#lookAt = Math.min(this.#lookAt, again);
  }

  #findOwn(now: number, view: QueueView): void {
    this.#first = false;
    const lease = this.#lease;
    if (lease === null) return;
    const own = view.candidates.find((candidate) => candidate.lease === lease.id);
    if (own === undefined) {
      // Asked for and not there: refused, lost, or deleted at once. Not in a tight loop, and never twice with one lease.
      if (this.#asked && lease.place === null) this.#fail(now, "etcd did not take the candidacy");
      if (this.#asked || lease.place !== null) this.#leave(now, "deposed");
      return;
    }
    this.#lease = { ...lease, place: own.place };
    this.#mayResume = false;
    const heldUp = view.orphans.some((orphan) => orphan.createRevision < own.createRevision);
    this.#first = view.candidates[0] === own && !heldUp;
    if (!this.#first && this.#right !== null) this.#end("deposed");
  }

  #entered(now: number, outcome: Outcome): void {
    if (outcome.is === "gone") return this.#lose(now, "lease-lost");
    this.#asked = true;
    this.#lookAt = now;
  }

  /** Takes a place: that of an earlier process of this machine, or the last. */
  #enter(now: number, limitMs: number): Step | null {
    const view = this.#view;
    if (view === null || !this.#wants(now, view)) return null;
    const { identity: name, bootId, times, fit } = this.#options;
    if (this.#lease === null) return { do: "grant", lease: this.#newLease(), ttlSeconds: ttlSeconds(times), limitMs };
    const standing = { name, bootId, unfit: !fit() };
    const lease = this.#lease.id;
    const found = this.#earlier(view);
    return found === null
      ? { do: "stand", lease, standing, limitMs }
      : { do: "resume", lease, of: { ...found, standing }, limitMs };
  }

  #earlier(view: QueueView): Resumable | null {
    return this.#mayResume ? resumable(view, { name: this.#options.identity, bootId: this.#options.bootId }) : null;
  }

  #wants(now: number, view: QueueView): boolean {
    if (this.#options.fit() || this.#earlier(view) !== null) return true;
    return this.#emptySince !== null && now >= this.#emptySince + UNFIT_PATIENCE_MS;
  }

  #newLease(): LeaseId {
    const { random } = this.#options;
    const high = BigInt(Math.floor(random() * 2 ** 31));
    const low = BigInt(Math.floor(random() * 2 ** 32));
    return String((high << 32n) | low || 1n);
  }

  /** Leaves where an unfit node must not be, and where one that is fit again counts as unfit. */
  #settle(now: number): void {
    const [lease, view] = [this.#lease, this.#view];
    if (lease === null || view === null) return;
    const fit = this.#options.fit();
    if (lease.place === null) {
      if (!fit && !this.#asked && !this.#wants(now, view)) this.#leave(now, "unfit");
      return;
    }
    const [first, ...others] = view.candidates;
    const isFirst = first?.lease === lease.id;
    const own = view.candidates.find((candidate) => candidate.lease === lease.id);
    if (fit && !isFirst && own?.mark?.unfit === true) this.#leave(now, "unfit");
    if (!fit && (!isFirst || others.some(isFit))) this.#leave(now, "unfit");
  }

  // The right

  #renew(now: number): void {
    const [lease, view, span] = [this.#lease, this.#view, this.#span()];
    const epoch = view?.candidates[0]?.createRevision;
    if (lease === null || !this.#first || epoch === undefined) return;
    // etcd gives at least what it is asked for; if ever less, the hold is as much shorter.
    const missingMs = Math.max(0, ttlSeconds(this.#options.times) * 1000 - lease.ttlMs);
    const validUntil = span === null ? -Infinity : lease.keptAt + span - missingMs;
    if (validUntil <= now) return this.#right === null ? undefined : this.#lapse();
    this.#right = { epoch, validUntil };
    this.#epoch = epoch;
    this.#preserving = false;
  }

  #expire(now: number): void {
    if (this.#right !== null && now >= this.#right.validUntil) this.#lapse();
  }

  /** The right ran out. The lease may still live: a new look says whether this node is still first. */
  #lapse(): void {
    this.#end("lease-lost");
    this.#preserving = this.#options.preserveOnLoss;
    this.#lookAt = -Infinity;
  }

  #end(reason: RevokeReason): void {
    this.#reason = reason;
    this.#right = null;
    this.#first = false;
  }
}

function isFit(candidate: Candidate): boolean {
  return candidate.mark?.unfit !== true;
}
