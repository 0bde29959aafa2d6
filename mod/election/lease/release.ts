/**
 * Gives the Lease away in order, and only while it is still ours: the update names the version of our last write. On a conflict the
 * Lease is read once, and left alone unless a write of this process is what it says. (client-go reads and overwrites whatever is there:
 * a returning ex-holder blanks its successor's Lease.) When the local API server does not answer, another is asked. Pure.
 */
import { assertNever } from "../../base/assert.ts";
import { looksReleased, releaseRecord } from "./record.ts";
import type { LeaseRead, LeaseRecord, LeaseWrite, StoredLease } from "./store.ts";

/** Which store is meant: at the local API server, or at another one. */
export type Via = "primary" | "fallback";

/** One request that a driver is to make. */
export type Errand =
  | { readonly kind: "read"; readonly via: Via; readonly limitMs: number }
  | { readonly kind: "create"; readonly record: LeaseRecord; readonly via: Via; readonly limitMs: number }
  | {
    readonly kind: "update";
    readonly record: LeaseRecord;
    readonly version: string;
    readonly via: Via;
    readonly limitMs: number;
  };

/** A release takes this long at most. */
export const RELEASE_LIMIT_MS = 2000;
/** A server gets half of it when there is another to ask. */
const SHARE_MS = 1000;
/** Between two tries, when a server refuses at once. */
const PAUSE_MS = 200;
/** With less time left nothing new is begun. */
const LEAST_MS = 20;

export interface ReleaseOptions {
  readonly now: number;
  /** The record and version of our last write; null: it is not known whether it was done. */
  readonly held: StoredLease | null;
  readonly mark: string;
  readonly hasFallback: boolean;
  /** True for a record that a write of this process put there. */
  readonly isOurs: (record: LeaseRecord) => boolean;
  /** The first server to ask. */
  readonly via: Via;
  /** A request under way is waited for until this moment; then its server counts as one that does not answer. */
  readonly patientUntilMs: number;
}

/** `released`: nobody holds now; `not-ours`: somebody else does, or the Lease is gone; `failed`: unknown. */
export type Released = "released" | "not-ours" | "failed";

export class Release {
  readonly #options: ReleaseOptions;
  readonly #deadlineMs: number;
  #held: StoredLease | null;
  #conflicts = 0;
  #via: Via;
  #notBeforeMs: number;
  #isPatient: boolean;
  #outcome: Released | null = null;

  constructor(options: ReleaseOptions) {
    this.#options = options;
    this.#held = options.held;
    this.#via = options.via;
    this.#isPatient = options.patientUntilMs > options.now;
    this.#notBeforeMs = options.patientUntilMs;
    this.#deadlineMs = options.now + RELEASE_LIMIT_MS;
  }

  /** How it ended; null: it has not. */
  get outcome(): Released | null {
    return this.#outcome;
  }

  /** When to ask for an errand again, at the latest. */
  deadline(now: number): number {
    return this.#notBeforeMs > now ? Math.min(this.#notBeforeMs, this.#deadlineMs) : this.#deadlineMs;
  }

  /**
   * The request that was waited for has ended.
   * @param held what it wrote; null: nothing
   * @param server whether its server has answered: one that has not is not asked first
   */
  proceed(now: number, held: StoredLease | null, server: "answered" | "silent"): void {
    if (this.#isPatient && server === "silent") this.#leavePrimary();
    this.#isPatient = false;
    this.#notBeforeMs = now;
    if (held !== null) this.#held = held;
  }

  tick(now: number): void {
    if (this.#outcome === null && now > this.#deadlineMs - LEAST_MS) this.#outcome = "failed";
  }

  /** What to do now, or null. @param time MicroTime of now */
  errand(now: number, time: string): Errand | null {
    this.tick(now);
    if (this.#outcome !== null || now < this.#notBeforeMs) return null;
    if (this.#isPatient) this.#leavePrimary();
    this.#isPatient = false;
    const leftMs = this.#deadlineMs - now;
    const via = this.#via;
    const limitMs = this.#options.hasFallback ? Math.min(SHARE_MS, leftMs) : leftMs;
    if (this.#held === null) return { kind: "read", via, limitMs };
    const record = releaseRecord(this.#held.record, { mark: this.#options.mark, time });
    return { kind: "update", record, version: this.#held.version, via, limitMs };
  }

  answered(now: number, answer: LeaseRead | LeaseWrite): void {
    switch (answer.outcome) {
      case "written":
        this.#outcome = "released";
        break;
      case "conflict":
        // After a second one somebody else is at work on the Lease.
        if (++this.#conflicts > 1) this.#outcome = "not-ours";
        this.#held = null;
        break;
      case "found":
        this.#found(answer.lease);
        break;
      case "absent":
        this.#outcome = "not-ours";
        break;
      case "failed":
        this.#other();
        this.#notBeforeMs = now + (this.#via === this.#options.via ? PAUSE_MS : 0);
        break;
      default:
        assertNever(answer);
    }
  }

  /** What was waited for had been asked of the local server. */
  #leavePrimary(): void {
    if (this.#options.hasFallback) this.#via = "fallback";
  }

  #other(): void {
    if (this.#options.hasFallback) this.#via = this.#via === "primary" ? "fallback" : "primary";
  }

  #found(lease: StoredLease): void {
    const { isOurs, mark } = this.#options;
    if (isOurs(lease.record)) this.#held = lease;
    // A try whose answer was lost was done all the same.
    else this.#outcome = looksReleased(lease.record) && lease.record.mark === mark ? "released" : "not-ours";
  }
}
