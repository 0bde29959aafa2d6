/**
 * What a node knows of the Lease from looking at it, by its own clock only. Pure.
 *
 * At every instant at most one machine may answer, also when somebody meddles with the Lease. Who held it learns that it was deleted or
 * overwritten from its watch (milliseconds) or its next renewal (one retry period), and if it is cut off, from nothing at all: then it
 * believes in its last record until that has run out. So what the last holder may still believe is kept apart from what the Lease says
 * now, as a *claim*, and only the holder's own orderly release ends a claim early:
 * - an orderly release leaves no holder and a duration of one second. Whoever blanks the holder by hand leaves the duration.
 * - a release by this program carries its mark. A returning ex-holder of client-go's blanks the Lease of its successor without looking;
 *   when that successor was ours, the mark is missing, and the Lease counts as robbed, not released.
 * - a deleted Lease is no release.
 * A Lease that falls free in no orderly way is left alone for a whole duration from that sight on: between two looks somebody may have
 * taken it who is not known here. A holder in touch with the server knows that nobody has, and takes it back at once, so that this costs
 * nothing as long as it lives. The same goes for a record in this node's own name that no process of this boot has written.
 *
 * A process that looks for the first time remembers no claim: an absent or released Lease is free for it, so that a new cluster and a
 * swapped image do not wait. What remains: such a process, or an upstream node, may take a Lease at once that was deleted or blanked
 * under a live holder. The holder sees it in its watch within milliseconds, or at its next renewal; for so long two may answer (if it
 * is cut off: until its hold ends), and conflict detection on the wire is what is left.
 */
import { isFree, looksReleased, sameRecord } from "./record.ts";
import type { LeaseRecord, StoredLease } from "./store.ts";

/** However long a stranger's record claims to be valid, once it was deleted or blanked nobody waits longer. */
const LONGEST_CLAIM_MS = 300_000;

interface Claim {
  readonly holder: string;
  readonly untilMs: number;
  readonly mark: string | null;
  readonly transitions: number;
}

/** See the head of this file. */
export class Sight {
  readonly #ownDurationMs: number;
  readonly #inTouchMs: number;
  #lookedMs = -Infinity;
  #known = false;
  #lease: StoredLease | null = null;
  #changedMs = -Infinity;
  #newest = -Infinity;
  /** Of whoever the Lease named last. */
  #claim: Claim | null = null;
  /** Of those before, who were displaced before they had run out: somebody else's release says nothing about them. */
  #olderUntilMs = -Infinity;

  /**
   * @param options.durationMs what this node writes; others are believed to write the same
   * @param options.inTouchMs a holder whose last look is not longer ago knows what has become of its Lease
   */
  constructor(options: { readonly durationMs: number; readonly inTouchMs: number }) {
    this.#ownDurationMs = options.durationMs;
    this.#inTouchMs = options.inTouchMs;
  }

  /** False before the first look. */
  get known(): boolean {
    return this.#known;
  }

  /** The Lease as it was seen last; null: absent, or not known. */
  get lease(): StoredLease | null {
    return this.#lease;
  }

  get record(): LeaseRecord | null {
    return this.#lease?.record ?? null;
  }

  /** When the record was first seen as it is; client-go calls it observedTime. */
  get changedMs(): number {
    return this.#changedMs;
  }

  /** Until when somebody else may believe that it holds; −Infinity: nobody does. */
  get claimedUntilMs(): number {
    const untilMs = Math.max(this.#olderUntilMs, this.#claim?.untilMs ?? -Infinity);
    return isFree(this.record) ? Math.min(untilMs, this.#changedMs + LONGEST_CLAIM_MS) : untilMs;
  }

  /**
   * Whether a watch delivers what is past already. Versions are opaque by contract but numbers in fact; where they are not, an old
   * event passes for a change, which only makes a node more careful.
   */
  isPast(lease: StoredLease): boolean {
    return numeric(lease.version) < this.#newest;
  }

  /** Whether `version` is at least as new as everything that was seen. */
  isNewest(version: string): boolean {
    return numeric(version) >= this.#newest;
  }

  /**
   * Takes in what was seen at `now`.
   * @param as how this node stands to it: `holder` if it holds at this moment, `own` if the record is one of its own
   * @returns true if the record has changed
   */
  look(now: number, lease: StoredLease | null, as: "holder" | "own" | "other"): boolean {
    const first = !this.#known;
    const record = lease?.record ?? null;
    const changed = first || !sameRecord(record, this.record);
    const before = { record: this.record, lookedMs: this.#lookedMs };
    this.#known = true;
    this.#lease = lease;
    this.#lookedMs = now;
    // A version that goes back was read, and reads are believed: a restored etcd counts from an earlier number.
    if (lease !== null && !Number.isNaN(numeric(lease.version))) this.#newest = numeric(lease.version);
    if (!changed) return false;
    this.#changedMs = now;
    const wasHeldHere = as === "holder" && now - before.lookedMs <= this.#inTouchMs &&
      (record === null || record.transitions === before.record?.transitions);
    if (as === "own" && isFree(record) || wasHeldHere) this.taken();
    else if (isFree(record)) this.#fellFree(now, record, first);
    else if (as !== "own") this.#noteClaim(now, record);
    return true;
  }

  /** The Lease is ours by right: whoever held it before has run out. */
  taken(): void {
    this.#claim = null;
    this.#olderUntilMs = -Infinity;
  }

  #noteClaim(now: number, record: LeaseRecord): void {
    const { holder, mark, transitions, durationSeconds } = record;
    if (this.#claim?.holder !== holder) this.#displace();
    const untilMs = Math.max(now + durationSeconds * 1000, this.#claim?.untilMs ?? -Infinity);
    this.#claim = { holder, untilMs, mark, transitions };
  }

  #displace(): void {
    this.#olderUntilMs = Math.max(this.#olderUntilMs, this.#claim?.untilMs ?? -Infinity);
    this.#claim = null;
  }

  #fellFree(now: number, record: LeaseRecord | null, first: boolean): void {
    if (this.#isOrderly(record, first)) this.#claim = null;
    else if (record !== null || !first) {
      this.#displace();
      const ownMs = Math.max(this.#ownDurationMs, (record?.durationSeconds ?? 0) * 1000);
      this.#olderUntilMs = Math.max(this.#olderUntilMs, now + ownMs);
    }
  }

  #isOrderly(record: LeaseRecord | null, first: boolean): boolean {
    if (record === null || !looksReleased(record)) return false;
    if (record.mark !== null || first) return true;
    return this.#claim?.mark === null && this.#claim.transitions === record.transitions;
  }
}

function numeric(version: string): number {
  return /^\d+$/.test(version) ? Number(version) : NaN;
}
