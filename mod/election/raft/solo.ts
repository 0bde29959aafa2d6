/** Serving alone before the other members were ever heard (`startAsLeader`). Pure. */
import type { HeldGrant, Timing } from "./types.ts";

/** Others get this many of the longest election timeouts to answer first. */
const WAIT_ELECTIONS = 4;

/** What serving alone depends on. */
export interface SoloOptions {
  /** `startAsLeader` is set and this member has never had state. */
  readonly enabled: boolean;
  readonly addresses: readonly string[];
  readonly timing: Timing;
  /** When the member started. */
  readonly now: number;
  /** False while anybody answers for one of the addresses. */
  readonly allowed: () => boolean;
}

/** Grants itself every address, a lease at a time, until a peer is heard; that ends it for good. */
export class Solo {
  readonly #options: SoloOptions;
  #nextAt: number;
  #until = -Infinity;

  constructor(options: SoloOptions) {
    this.#options = options;
    this.#nextAt = options.enabled ? options.now + WAIT_ELECTIONS * options.timing.electionMaxMs : Infinity;
  }

  /** A peer was heard, or this member stops: no grant from here on. */
  end(): void {
    this.#nextAt = Infinity;
    this.#until = -Infinity;
  }

  /** Renews the lease when it is time. */
  tick(now: number): void {
    if (now < this.#nextAt) return;
    this.#nextAt = now + this.#options.timing.beatMs;
    this.#until = this.#options.allowed() ? now + this.#options.timing.leaseMs : -Infinity;
  }

  /** When {@link tick} has something to do; Infinity for never. */
  get deadline(): number {
    return this.#nextAt;
  }

  isServing(now: number): boolean {
    return now < this.#until;
  }

  grants(now: number): HeldGrant[] {
    if (!this.isServing(now)) return [];
    return this.#options.addresses.map((ip) => ({ ip, validUntil: this.#until }));
  }
}
