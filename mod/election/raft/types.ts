/** The vocabulary of the raft room: what members say to each other, what they keep, and how fast they go. */
import type { Random } from "../../base/clock.ts";

/** A member's id from the configuration. */
export type MemberId = string;

/** All durations of an election, in milliseconds. */
export interface Timing {
  /** A leader sends a beat this often. */
  readonly beatMs: number;
  /** A leader leads this long after the start of the last beat that a majority acknowledged. */
  readonly leaseMs: number;
  /** A follower supports its leader at least this long after hearing it. */
  readonly electionMinMs: number;
  /** … and campaigns at a random moment before this. */
  readonly electionMaxMs: number;
}

/** Clocks of members may run at rates that differ by this factor (2 %). */
export const CLOCK_RATE_TOLERANCE = 1.02;

/** What a member must have on disk before it answers. */
export interface HardState {
  readonly term: number;
  readonly vote: MemberId | null;
  /** True while a member that lost its state is still learning it again: a restart begins the joining anew. */
  readonly joining: boolean;
}

/** One entry of the replicated log; empty `data` is the no-op a leader writes when its term begins. */
export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
}

/** The state machine at `index`, in place of the log up to there. */
export interface Snapshot {
  readonly index: number;
  readonly term: number;
  readonly data: Uint8Array;
}

/** What storage gives back at start. */
export interface Stored {
  readonly hard: HardState;
  readonly snapshot: Snapshot | null;
  /** Continues `snapshot` (or begins at index 1) without a gap. */
  readonly entries: readonly Entry[];
}

/**
 * A request for support. `transfer` says that the leader of `term − 1` has given up its lease for good (it asked the sender to
 * campaign, or resigned): supporters do not wait for that lease.
 */
export interface VoteRequest {
  readonly type: "preVote" | "vote";
  /** The term the candidate wants (for a pre-vote: would want). */
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly transfer: boolean;
}

export interface VoteReply {
  readonly type: "preVoteReply" | "voteReply";
  /** The term that was asked for if granted, else the term of the answering member. */
  readonly term: number;
  readonly granted: boolean;
}

/** The leader is alive. Also carries what the receiver may hold under the leader's lease. */
export interface Beat {
  readonly type: "beat";
  readonly term: number;
  /** Number of the beat in this term, from 1; the reply repeats it, or says 0 if it acknowledges nothing. */
  readonly round: number;
  readonly commit: number;
  /** The leader's last log index at sending. */
  readonly lastIndex: number;
  /** The receiver's own clock as of its last reply, as received; null before the first. */
  readonly echoMs: number | null;
  /** What is left of the leader's lease at the moment of sending. */
  readonly leaseLeftMs: number;
  /**
   * Whole milliseconds that holders under this lease may answer beyond it, because their kernel has no guard; supporters wait so much
   * longer. 0 where every kernel ends a hold in time.
   */
  readonly graceMs: number;
  /** The addresses assigned to the receiver; it may hold them until `echoMs + leaseLeftMs` on its own clock. */
  readonly holds: readonly string[];
}

export interface BeatReply {
  readonly type: "beatReply";
  readonly term: number;
  readonly round: number;
  /** The replying member's clock at sending, on a scale only it understands (any finite double); the leader echoes it. */
  readonly clockMs: number;
  /** As in {@link Beat}, of the replying member alone. */
  readonly graceMs: number;
}

/** The leader has lost its majority, or leaves: whoever hears this need not wait for its lease. */
export interface Resign {
  readonly type: "resign";
  readonly term: number;
}

/** The leader asks the receiver to campaign at once. */
export interface TimeoutNow {
  readonly type: "timeoutNow";
  readonly term: number;
}

export interface Append {
  readonly type: "append";
  readonly term: number;
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly commit: number;
  readonly entries: readonly Entry[];
}

/** `match`: the last index known to agree with the leader if `ok`, else a hint where to try. */
export interface AppendReply {
  readonly type: "appendReply";
  readonly term: number;
  readonly ok: boolean;
  readonly match: number;
}

export interface InstallSnapshot {
  readonly type: "snapshot";
  readonly term: number;
  readonly snapshot: Snapshot;
}

/** A member without state asks what the others know before it votes. */
export interface Hello {
  readonly type: "hello";
  /** True while the asking member has never had state. */
  readonly fresh: boolean;
  /** Unsigned 32 bits, chosen at random; the reply repeats it. */
  readonly nonce: number;
}

export interface HelloReply {
  readonly type: "helloReply";
  readonly term: number;
  /** True if the replying member, too, has never had state. */
  readonly fresh: boolean;
  readonly nonce: number;
}

export type Message =
  | VoteRequest
  | VoteReply
  | Beat
  | BeatReply
  | Resign
  | TimeoutNow
  | Append
  | AppendReply
  | InstallSnapshot
  | Hello
  | HelloReply;

/** A message and its receiver. */
export interface Outgoing {
  readonly to: MemberId;
  readonly message: Message;
}

/** State to make durable as one step; hand `seq` to `persisted` when it is. Fits `Storage.write`. */
export interface PersistBatch {
  readonly seq: number;
  readonly hard: HardState | null;
  /** Replaces the log up to its index. */
  readonly snapshot: Snapshot | null;
  /** Entries from this index on go away before `entries` are added; null if the log only grows. */
  readonly truncateFrom: number | null;
  readonly entries: readonly Entry[];
}

/**
 * What the core wants done. First bring the kernel in line with `grants(now)`: a reply in `send` may tell the leader that an address
 * has been let go. Then send `send` (the core itself holds messages back until what they promise is durable), start writing
 * `batch` (there is no next one before `persisted` was called for it), and apply `restore` and `committed` in that order.
 */
export interface Ready {
  readonly send: readonly Outgoing[];
  readonly batch: PersistBatch | null;
  /** A snapshot from the leader that replaces the state machine. */
  readonly restore: Snapshot | null;
  /** Entries to apply in order; those with empty data are the no-ops of new terms. */
  readonly committed: readonly Entry[];
}

/** `joining`: without state, learns it before taking part; see joining.ts. */
export type Role = "joining" | "follower" | "preCandidate" | "candidate" | "leader";

/** The right to hold an address until a moment of this machine's clock. */
export interface HeldGrant {
  readonly ip: string;
  readonly validUntil: number;
}

/** `busy`: too many entries are uncommitted, or a hand-over is under way. */
export type ProposeOutcome =
  | { readonly outcome: "accepted"; readonly index: number }
  | { readonly outcome: "not-leader"; readonly leader: MemberId | null }
  | { readonly outcome: "busy" };

/** `no-target`: nobody who answers could take over. */
export type TransferOutcome =
  | { readonly outcome: "started"; readonly to: MemberId }
  | { readonly outcome: "not-leader"; readonly leader: MemberId | null }
  | { readonly outcome: "no-target" };

/** What a member needs to take part. */
export interface CoreOptions {
  readonly id: MemberId;
  /** All voters, this member included. */
  readonly voters: readonly MemberId[];
  readonly timing: Timing;
  /** What storage had; null when it was empty or damaged. */
  readonly stored: Stored | null;
  readonly now: number;
  readonly random: Random;
  /** How much longer than its lease this machine may answer; see `Beat.graceMs`. @default {0} */
  readonly graceMs?: number;
}
