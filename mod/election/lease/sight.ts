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
 * A process that has just started remembers no claim: an absent Lease is free for it, so that a new cluster does not wait. What remains:
 * such a process, or an upstream node, may take a Lease at once that was deleted or blanked under a live holder. The holder sees it in
 * its watch within milliseconds, or at its next renewal; for so long two may answer, and conflict detection on the wire is what is left.
 */
import { looksReleased, sameRecord } from "./record.ts";
import type { LeaseRecord, StoredLease } from "./store.ts";

/** However long a stranger's record claims to be valid, once it was deleted or blanked nobody waits longer. */
const LONGEST_CLAIM_MS = 300_000;

interface Claim {
  readonly untilMs: number;
  readonly seenMs: number;
  readonly mark: string | null;
  readonly transitions: number;
}

/** See the head of this file. */
export class Sight {
  #known = false;
  #lease: StoredLease | null = null;
  #changedMs = -Infinity;
  #newest = -Infinity;
  #claim: Claim | null = null;

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
    if (this.#claim === null) return -Infinity;
    const held = this.#lease !== null && this.#lease.record.holder !== "";
    return held ? this.#claim.untilMs : Math.min(this.#claim.untilMs, this.#claim.seenMs + LONGEST_CLAIM_MS);
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
   * @param isOwn the record was written in this node's name and by no other process
   * @returns true if the record has changed
   */
  look(now: number, lease: StoredLease | null, isOwn: boolean): boolean {
    const first = !this.#known;
    const changed = first || !sameRecord(lease?.record ?? null, this.record);
    this.#known = true;
    this.#lease = lease;
    // A version that goes back was read, and reads are believed: a restored etcd counts from an earlier number.
    if (lease !== null && !Number.isNaN(numeric(lease.version))) this.#newest = numeric(lease.version);
    if (!changed) return false;
    this.#changedMs = now;
    if (lease !== null) this.#noteClaim(now, lease.record, { isOwn, first });
    return true;
  }

  /** The Lease is ours by right: whoever held it before has run out. */
  taken(): void {
    this.#claim = null;
  }

  #noteClaim(now: number, record: LeaseRecord, { isOwn, first }: { isOwn: boolean; first: boolean }): void {
    const untilMs = now + record.durationSeconds * 1000;
    const { mark, transitions } = record;
    if (record.holder === "") {
      if (this.#isOrderly(record)) this.#claim = null;
      // Blanked by hand before this process looked for the first time: its holder may be alive.
      else if (first) this.#claim = { untilMs, seenMs: now, mark: null, transitions };
      return;
    }
    if (isOwn) return;
    // Never shortened by a successor: it may have been put there by hand while the one before still holds.
    this.#claim = { untilMs: Math.max(untilMs, this.#claim?.untilMs ?? -Infinity), seenMs: now, mark, transitions };
  }

  #isOrderly(record: LeaseRecord): boolean {
    if (!looksReleased(record)) return false;
    const claim = this.#claim;
    if (claim === null || record.mark !== null) return true;
    return claim.mark === null && claim.transitions === record.transitions;
  }
}

function numeric(version: string): number {
  return /^\d+$/.test(version) ? Number(version) : NaN;
}
