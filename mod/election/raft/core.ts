import type { Random } from "../../base/clock.ts";
import type {
  HeldGrant,
  MemberId,
  Message,
  ProposeOutcome,
  Ready,
  Role,
  Stored,
  Timing,
  TransferOutcome,
} from "./types.ts";

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
}

/**
 * One member of the election, as a pure state machine: time and chance are arguments, what to do comes out of {@link ready}.
 *
 * The driver's turn, after every input: `grants(now)` to the kernel, `ready(now)` while `hasReady()`, one timer for `nextDeadline()`.
 * `now` is this machine's monotonic clock in milliseconds and never goes back.
 */
export class RaftCore {
  constructor(options: CoreOptions) {
    void options;
  }

  /** Takes in a message of another voter. */
  step(_now: number, _from: MemberId, _message: Message): void {}

  /** Does what has fallen due by `now`; harmless when nothing has. */
  tick(_now: number): void {}

  /** When {@link tick} must be called at the latest; Infinity when nothing is pending. */
  nextDeadline(): number {
    return Infinity;
  }

  /** Adds an entry to the log if this member leads. */
  propose(_now: number, _data: Uint8Array): ProposeOutcome {
    return { outcome: "busy" };
  }

  /**
   * Hands leadership to `to`, or to the best follower if null. From this call on `grants` is empty here; once no member holds
   * anything, the target is told to campaign. If nobody takes over within one election minimum, this member leads on (in a new term).
   */
  transfer(_now: number, _to: MemberId | null): TransferOutcome {
    return { outcome: "no-target" };
  }

  /** Gives leadership up to whoever campaigns first, after every grant has ended; does nothing unless leading. */
  resign(_now: number): void {}

  /** The wanted holder of each address, while this member leads; kept until replaced, forgotten with the leadership. */
  assign(_now: number, _holders: ReadonlyMap<string, MemberId>): void {}

  /** What this machine may hold now, as leader or as member; anything not listed must be let go before the next `ready`. */
  grants(_now: number): HeldGrant[] {
    return [];
  }

  /** For the leader: who holds, or may still hold, each address; empty on others. */
  holders(): ReadonlyMap<string, MemberId> {
    return new Map();
  }

  hasReady(): boolean {
    return false;
  }

  /** Takes what is to be done, see {@link Ready}. */
  ready(_now: number): Ready {
    return { send: [], batch: null, restore: null, committed: [] };
  }

  /** The batch `seq` and all before it are durable. */
  persisted(_now: number, _seq: number): void {}

  /** Replaces the log up to `index` (applied already) by `data`, the state machine there. */
  compact(_index: number, _data: Uint8Array): void {}

  /** Until when this member leads by lease; −Infinity when it does not. */
  leaseUntil(_now: number): number {
    return -Infinity;
  }

  get role(): Role {
    return "follower";
  }

  get term(): number {
    return 0;
  }

  /** The leader as far as this member knows. */
  get leader(): MemberId | null {
    return null;
  }

  get commitIndex(): number {
    return 0;
  }

  get lastIndex(): number {
    return 0;
  }

  /** Entries in memory that a snapshot could replace. */
  get logLength(): number {
    return 0;
  }

  /** True while this member has never had state (for `startAsLeader`: see {@link lastHeard}). */
  get fresh(): boolean {
    return false;
  }

  /** When any other voter was last heard, on this machine's clock; null if never since the start. */
  get lastHeard(): number | null {
    return null;
  }

  /** True while a hand-over or resignation is under way. */
  get handingOver(): boolean {
    return false;
  }
}
