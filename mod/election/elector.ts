/**
 * An elector decides who may hold an address, and until when. It never touches the kernel.
 *
 * The contract, kept by every implementation and checked by `tests/contracts/elector.ts`:
 * - `validUntil` is on this machine's monotonic clock and counts from the moment the confirming round *started*.
 * - Nobody else is granted a scope before every earlier `validUntil` for it has passed, as long as the machines' clocks run
 *   within 2 % of each other.
 * - After `revoked` returns, the former holder no longer answers, so the elector may let a successor in at once.
 */

/** The right to hold one address until a deadline. */
export interface Grant {
  /** What is held: the canonical text of an address. */
  readonly scope: string;
  /** Grows with every change of holder (the raft term, the lease transitions). */
  readonly epoch: number;
  /** Deadline in monotonic milliseconds ({@link Clock.now}). */
  readonly validUntil: number;
  /**
   * Set on a grant that nobody stands for any more (`vip_preserve_on_leadership_loss`): the address stays and answers, but is neither
   * announced nor defended, since somebody else may have it already, and goes when somebody claims it.
   */
  readonly preserved?: true;
}

/** Why a grant ended before its deadline, or was not renewed. */
export type RevokeReason = "stopping" | "transfer" | "quorum-lost" | "reassigned" | "deposed" | "lease-lost" | "unfit";

/** The side of the holder that an elector talks to. All calls are synchronous: the kernel is up to date on return. */
export interface GrantSink {
  /** New or renewed grants. A scope that is not named keeps the grant it has, until that runs out. */
  granted(grants: readonly Grant[]): void;
  /** Grants that end now: on return this machine answers for none of the scopes. */
  revoked(scopes: readonly string[], reason: RevokeReason): void;
}

/** Decides who may hold, see the contract above. */
export interface Elector {
  /** Begins to take part. */
  start(): Promise<void>;
  /** Gives up every grant in order (sink first, then the election) and ends. Idempotent, bounded in time. */
  stop(): Promise<void>;
}

/**
 * How a node stands to its addresses where every node serves them: routers are told, are asked to prefer others, or are told that it is
 * gone.
 */
export type Standing = "serving" | "draining" | "withdrawn";

/** What an elector that is not raft shows of itself. */
export interface ElectorStatus {
  /** Who holds, as far as is known; null: nobody, or unknown. */
  readonly leader: string | null;
  readonly leading: boolean;
  /** Changes of holder since the Lease exists. */
  readonly transitions: number;
  /** When the election last did what it should (a read or write that succeeded), on the monotonic clock; null: never. */
  readonly goodMs: number | null;
  /** When it last tried anything: an elector whose tries stop is stuck. */
  readonly triedMs: number | null;
  /** What is wrong, in words; null when nothing is. */
  readonly trouble: string | null;
}
