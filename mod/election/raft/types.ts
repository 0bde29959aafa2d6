/** The vocabulary of the raft room: what members say to each other, what they keep, and how fast they go. */

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

/** A request for support. `transfer` marks a campaign the leader itself asked for: supporters do not wait for its lease. */
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
  /** Number of the beat in this term; the reply repeats it. */
  readonly round: number;
  readonly commit: number;
  /** The receiver's own clock as of its last reply, as received; null before the first. */
  readonly echoMs: number | null;
  /** What is left of the leader's lease at the moment of sending. */
  readonly leaseLeftMs: number;
  /** The addresses assigned to the receiver; it may hold them until `echoMs + leaseLeftMs` on its own clock. */
  readonly holds: readonly string[];
}

export interface BeatReply {
  readonly type: "beatReply";
  readonly term: number;
  readonly round: number;
  /** The replying member's monotonic clock at sending. */
  readonly clockMs: number;
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
}

export interface HelloReply {
  readonly type: "helloReply";
  readonly term: number;
  /** True if the replying member, too, has never had state. */
  readonly fresh: boolean;
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

/**
 * What the core wants done, in this order: send `now` at once; make `hard`, `snapshot`, `truncateFrom` and `entries` durable;
 * then send `afterPersist`; then apply `committed`. While a driver is persisting, further input may be fed to the core; batches are
 * persisted in order.
 */
export interface Ready {
  readonly now: readonly Outgoing[];
  readonly hard: HardState | null;
  readonly snapshot: Snapshot | null;
  /** Entries from this index on are replaced; null if the log only grows. */
  readonly truncateFrom: number | null;
  readonly entries: readonly Entry[];
  readonly afterPersist: readonly Outgoing[];
  readonly committed: readonly Entry[];
}
