/** The leader's part in placement: decides who is to hold what, tells the core, and has it recorded in the log. Pure. */
import { place } from "../placement.ts";
import type { PlacementPolicy } from "../placement.ts";
import { Assignment } from "./assignment.ts";
import type { RaftCore } from "./core.ts";
import type { PeerWatch } from "./peer_watch.ts";
import type { MemberId, Ready, Timing } from "./types.ts";

/** The log is replaced by a snapshot when it has grown to this many entries. */
const SNAPSHOT_ENTRIES = 64;

/** What an {@link Assigner} works for. */
export interface AssignerOptions {
  readonly self: MemberId;
  readonly policy: PlacementPolicy;
  readonly addresses: readonly string[];
  readonly timing: Timing;
  readonly watch: PeerWatch;
  /** Members that cannot put an address to use. */
  readonly unfit: (now: number) => ReadonlySet<MemberId>;
}

/** One leadership as seen from here. */
interface Leading {
  readonly term: number;
  readonly sinceMs: number;
  /** Who led before, as far as this member knows. */
  readonly predecessor: MemberId | null;
  placedFor: string;
  wanted: ReadonlyMap<string, MemberId>;
  /** The entry that is on its way; 0 if none is. */
  proposedIndex: number;
}

/** Follows one core: as leader it assigns, in every role it applies what was committed. */
export class Assigner {
  readonly #options: AssignerOptions;
  readonly #recorded = new Assignment();
  #appliedIndex = 0;
  #lastLeader: MemberId | null = null;
  #leading: Leading | null = null;

  constructor(options: AssignerOptions) {
    this.#options = options;
  }

  /** Which member holds which address, as far as the log tells. */
  get recorded(): ReadonlyMap<string, MemberId> {
    return this.#recorded.holders;
  }

  /** To be called after every input to the core: assigns when the term is new or the members that count have changed. */
  turn(now: number, core: RaftCore): void {
    if (core.role !== "leader") {
      this.#leading = null;
      if (core.leader !== null) this.#lastLeader = core.leader;
      return;
    }
    if (this.#leading?.term !== core.term) this.#leading = this.#newLeading(now, core.term);
    if (core.handingOver) return;
    this.#place(now, core, { leading: this.#leading });
    this.#record(now, core, { leading: this.#leading });
  }

  /** Applies what the core has committed, and lets it forget the log behind a snapshot. */
  apply({ restore, committed }: Pick<Ready, "restore" | "committed">, core: RaftCore): void {
    if (restore !== null) {
      this.#recorded.restore(restore.data);
      this.#appliedIndex = restore.index;
    }
    for (const entry of committed) {
      if (entry.data.length > 0) this.#recorded.apply(entry.data);
      this.#appliedIndex = entry.index;
    }
    if (committed.length > 0 && core.logLength >= SNAPSHOT_ENTRIES) {
      core.compact(this.#appliedIndex, this.#recorded.snapshot());
    }
  }

  #newLeading(now: number, term: number): Leading {
    const predecessor = this.#lastLeader;
    this.#lastLeader = this.#options.self;
    return { term, sinceMs: now, predecessor, placedFor: "", wanted: new Map(), proposedIndex: 0 };
  }

  #place(now: number, core: RaftCore, { leading }: { leading: Leading }): void {
    const { self, policy, addresses } = this.#options;
    const unfit = this.#options.unfit(now);
    const current = leading.wanted.size > 0 ? leading.wanted : this.#recorded.holders;
    const live = policy === "leader" ? [] : this.#live(now, { leading, current });
    const placedFor = policy === "leader" ? policy : JSON.stringify([live, [...unfit].sort()]);
    if (placedFor === leading.placedFor) return;
    leading.placedFor = placedFor;
    leading.wanted = place({ policy, addresses, leader: self, live, unfit, current });
    core.assign(now, leading.wanted);
  }

  /**
   * A new leader has not heard most members yet: those that hold something get one beat to answer before their addresses move,
   * except the leader before, whose silence is why there is a new one.
   */
  #live(now: number, at: { leading: Leading; current: ReadonlyMap<string, MemberId> }): MemberId[] {
    const { watch, timing, self } = this.#options;
    const holding = new Set(at.current.values());
    const live = new Set(watch.live(now, holding));
    if (now < at.leading.sinceMs + timing.beatMs) {
      for (const id of holding) {
        if (id !== self && id !== at.leading.predecessor && watch.mayReturn(now, id)) live.add(id);
      }
    }
    return [...live].sort();
  }

  #record(now: number, core: RaftCore, { leading }: { leading: Leading }): void {
    if (leading.proposedIndex > this.#appliedIndex) return;
    const data = this.#recorded.entryTowards(leading.wanted);
    if (data === null) return;
    const proposed = core.propose(now, data);
    if (proposed.outcome === "accepted") leading.proposedIndex = proposed.index;
  }
}
