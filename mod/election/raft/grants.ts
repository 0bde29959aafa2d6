import { type Beat, CLOCK_RATE_TOLERANCE, type HeldGrant, type MemberId } from "./types.ts";

interface Placed {
  holder: MemberId;
  /** The end of what the holder was last granted, on the leader's clock; −Infinity if it was never granted. */
  until: number;
  /** The first round that no longer names the address to its holder; null while it does. */
  droppedRound: number | null;
}

/**
 * The leader's side of "the leader assigns, members hold under the leader's lease". An address moves only after its former holder
 * acknowledged a beat without it, or after the last grant ran out. A new leader may place at once: every grant ended with the lease
 * it was given under. What each round says is fixed when the round begins, so that an acknowledged round number has one meaning.
 */
export class LeaderGrants {
  readonly #self: MemberId;
  readonly #placed = new Map<string, Placed>();
  #wanted: ReadonlyMap<string, MemberId> = new Map();
  #lists: ReadonlyMap<MemberId, readonly string[]> = new Map();
  #releasing = false;

  constructor(self: MemberId) {
    this.#self = self;
  }

  /** The wanted holder of each address, from the next round on. */
  assign(wanted: ReadonlyMap<string, MemberId>): void {
    this.#wanted = new Map(wanted);
  }

  /** From the next round on nobody is to hold anything, until {@link resume}. */
  releaseAll(): void {
    this.#releasing = true;
  }

  resume(): void {
    this.#releasing = false;
  }

  /** Decides what round `round` says. */
  plan(now: number, round: number): void {
    for (const [ip, placed] of this.#placed) this.#replan(now, { ip, placed, round });
    if (!this.#releasing) {
      for (const [ip, holder] of this.#wanted) {
        if (!this.#placed.has(ip)) this.#placed.set(ip, { holder, until: -Infinity, droppedRound: null });
      }
    }
    const lists = new Map<MemberId, string[]>();
    for (const [ip, placed] of this.#placed) {
      if (placed.droppedRound !== null) continue;
      const list = lists.get(placed.holder);
      if (list === undefined) lists.set(placed.holder, [ip]);
      else list.push(ip);
    }
    this.#lists = lists;
  }

  #replan(now: number, at: { readonly ip: string; readonly placed: Placed; readonly round: number }): void {
    const { ip, placed } = at;
    const wanted = this.#releasing ? undefined : this.#wanted.get(ip);
    if (placed.holder === wanted) {
      placed.droppedRound = null;
    } else if (placed.holder === this.#self || placed.until <= now) {
      this.#placed.delete(ip);
    } else {
      placed.droppedRound ??= at.round;
    }
  }

  /** What the current round says to `member`. */
  listFor(member: MemberId): readonly string[] {
    return this.#lists.get(member) ?? [];
  }

  /** The current round was sent to `member` with a lease that ends at `until`. */
  sent(member: MemberId, until: number): void {
    for (const ip of this.listFor(member)) {
      const placed = this.#placed.get(ip);
      if (placed !== undefined) placed.until = Math.max(placed.until, until);
    }
  }

  /** `member` acknowledged `round`; true if that frees an address: a new round would move it. */
  acknowledged(member: MemberId, round: number): boolean {
    let freed = false;
    for (const [ip, placed] of this.#placed) {
      if (placed.holder !== member || placed.droppedRound === null || round < placed.droppedRound) continue;
      this.#placed.delete(ip);
      freed = true;
    }
    return freed;
  }

  /** The next moment at which an address becomes free because its last grant runs out. */
  nextExpiry(): number {
    let next = Infinity;
    for (const placed of this.#placed.values()) {
      if (placed.droppedRound !== null) next = Math.min(next, placed.until);
    }
    return next;
  }

  /** True if no other member may hold anything. */
  isSettled(now: number): boolean {
    for (const placed of this.#placed.values()) {
      if (placed.holder !== this.#self && placed.until > now) return false;
    }
    return true;
  }

  /** Who holds, or may still hold, each address. */
  holders(): ReadonlyMap<string, MemberId> {
    return new Map([...this.#placed].map(([ip, placed]) => [ip, placed.holder]));
  }
}

/**
 * The clock a member shows to leaders: offset by a number chosen at start, so that an echo from an earlier life, or from before the
 * machine was restarted, is not taken for one's own.
 */
export class EchoClock {
  readonly #startedAt: number;
  readonly #offset: number;

  /** `chance` in [0, 1) picks the offset. */
  constructor(now: number, chance: number) {
    this.#startedAt = now;
    this.#offset = Math.floor(chance * 2 ** 40);
  }

  show(now: number): number {
    return now + this.#offset;
  }

  /** The moment an echo stands for on this machine's clock; null if it is not an echo of this life. */
  read(now: number, echoMs: number | null): number | null {
    if (echoMs === null) return null;
    const at = echoMs - this.#offset;
    // The sum in show() may have been rounded by a fraction of a microsecond in either direction.
    return at >= this.#startedAt - 0.001 && at <= now + 0.001 ? at : null;
  }
}

/**
 * A member's side: what the beats of one leader let it hold. The leader sent the beat after it received the echo, so a duration
 * counted from the echo ends, on a clock not too fast, before the leader's lease does.
 */
export class MemberGrants {
  #round = 0;
  #until: Map<string, number> = new Map();

  /** Takes in a beat; `echoAt` is the moment its echo stands for, null if unknown. Beats of older rounds say nothing any more. */
  onBeat(beat: Beat, echoAt: number | null): void {
    if (beat.round < this.#round) return;
    this.#round = beat.round;
    const until = echoAt === null || beat.leaseLeftMs <= 0
      ? -Infinity
      : echoAt + beat.leaseLeftMs / CLOCK_RATE_TOLERANCE;
    const kept = new Map<string, number>();
    for (const ip of beat.holds) kept.set(ip, Math.max(until, this.#until.get(ip) ?? -Infinity));
    this.#until = kept;
  }

  /** Ends everything, but still knows which beats of this term are old: one that comes late must not give it back. */
  clear(): void {
    if (this.#until.size > 0) this.#until = new Map();
  }

  /** Ends everything and begins to count the rounds of a new term. */
  newTerm(): void {
    this.clear();
    this.#round = 0;
  }

  grants(now: number): HeldGrant[] {
    if (this.#until.size === 0) return [];
    return [...this.#until].filter(([, until]) => until > now).map(([ip, validUntil]) => ({ ip, validUntil }));
  }
}
