import { RaftCore } from "../../../mod/election/raft/core.ts";
import type { MemberId, Message, PersistBatch, Timing } from "../../../mod/election/raft/types.ts";
import { seededRandom } from "../../fakes/random.ts";
import { DiskImage } from "../../sim/disk.ts";

export const TIMING: Timing = { beatMs: 50, leaseMs: 200, electionMinMs: 250, electionMaxMs: 350 };

/** A message on its way. */
export interface Flying {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly message: Message;
}

/** Which messages a step is about; what is left out matches all. */
export interface Filter {
  readonly from?: MemberId;
  readonly to?: MemberId;
  readonly type?: Message["type"];
}

interface Node {
  core: RaftCore | null;
  disk: DiskImage;
  /** Set while the disk takes its time: what it has not finished. */
  pending: PersistBatch[] | null;
  applied: string[];
}

/** A few members on one clock, with every message in the test's hands. */
export class Lab {
  now = 1000;
  flying: Flying[] = [];
  readonly ids: readonly MemberId[];
  readonly #nodes = new Map<MemberId, Node>();
  readonly #cuts = new Set<string>();
  readonly #random;
  readonly #timing: Timing;

  constructor(ids: readonly MemberId[], options: { readonly seed?: number; readonly timing?: Timing } = {}) {
    this.ids = ids;
    this.#random = seededRandom(options.seed ?? 1);
    this.#timing = options.timing ?? TIMING;
    for (const id of ids) this.#nodes.set(id, { core: null, disk: new DiskImage(), pending: null, applied: [] });
  }

  /** A lab whose members have run before: they have state, and nobody leads. */
  static veterans(ids: readonly MemberId[], options: { readonly seed?: number; readonly timing?: Timing } = {}): Lab {
    const lab = new Lab(ids, options);
    for (const id of ids) {
      lab.node(id).disk.hard = { term: 1, vote: null, joining: false };
      lab.start(id);
    }
    return lab;
  }

  /** A lab in which `leader` leads and everybody knows. */
  static led(ids: readonly MemberId[], leader: MemberId): Lab {
    const lab = Lab.veterans(ids);
    lab.campaign(leader);
    lab.settle();
    return lab;
  }

  node(id: MemberId): Node {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Error(`no member ${id}`);
    return node;
  }

  core(id: MemberId): RaftCore {
    const { core } = this.node(id);
    if (core === null) throw new Error(`${id} is down`);
    return core;
  }

  start(id: MemberId): void {
    const node = this.node(id);
    node.applied = [];
    node.pending = node.pending === null ? null : [];
    const stored = node.disk.stored();
    const [timing, random] = [this.#timing, this.#random];
    node.core = new RaftCore({ id, voters: this.ids, timing, stored, now: this.now, random });
    this.pump(id);
  }

  /** The process ends; what its disk has not finished is lost. */
  crash(id: MemberId): void {
    this.node(id).core = null;
  }

  loseState(id: MemberId): void {
    this.node(id).disk = new DiskImage();
  }

  /** The driver's turn for one member. */
  pump(id: MemberId): void {
    const node = this.node(id);
    const { core } = node;
    while (core !== null && core.hasReady()) {
      const ready = core.ready(this.now);
      for (const { to, message } of ready.send) {
        if (!this.#cuts.has(`${id}>${to}`)) this.flying.push({ from: id, to, message });
      }
      for (const entry of ready.committed) node.applied.push(new TextDecoder().decode(entry.data));
      if (ready.batch === null) continue;
      if (node.pending !== null) {
        node.pending.push(ready.batch);
      } else {
        node.disk.apply(ready.batch);
        core.persisted(this.now, ready.batch.seq);
      }
    }
  }

  /** From now on the disk of `id` finishes nothing until {@link sync}. */
  slowDisk(id: MemberId): void {
    this.node(id).pending ??= [];
  }

  /** The disk of `id` finishes what it has, and is quick again. */
  sync(id: MemberId): void {
    const node = this.node(id);
    const pending = node.pending ?? [];
    node.pending = null;
    for (const batch of pending) {
      node.disk.apply(batch);
      node.core?.persisted(this.now, batch.seq);
    }
    this.pump(id);
  }

  /** Nothing passes from the first to the second, for each "a>b". */
  cut(...pairs: readonly string[]): void {
    for (const pair of pairs) this.#cuts.add(pair);
  }

  isolate(id: MemberId): void {
    for (const other of this.ids) this.cut(`${id}>${other}`, `${other}>${id}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** Moves time to the moment `id` wants to act, and lets only it act. */
  campaign(id: MemberId): void {
    const core = this.core(id);
    this.now = Math.max(this.now, core.nextDeadline());
    core.tick(this.now);
    this.pump(id);
  }

  #take(filter: Filter): Flying[] {
    const matches = (each: Flying): boolean =>
      (filter.from === undefined || filter.from === each.from) && (filter.to === undefined || filter.to === each.to) &&
      (filter.type === undefined || filter.type === each.message.type);
    const taken = this.flying.filter(matches);
    this.flying = this.flying.filter((each) => !matches(each));
    return taken;
  }

  drop(filter: Filter = {}): Flying[] {
    return this.#take(filter);
  }

  /** Delivers what is on its way now; what that sets off stays on its way. */
  deliver(filter: Filter = {}): Flying[] {
    const taken = this.#take(filter);
    for (const each of taken) this.inject(each);
    return taken;
  }

  inject({ from, to, message }: Flying): void {
    this.node(to).core?.step(this.now, from, message);
    this.pump(to);
  }

  /** Delivers until nothing is on its way. */
  settle(): Flying[] {
    const all: Flying[] = [];
    while (this.flying.length > 0) all.push(...this.deliver());
    return all;
  }

  /** Lets time pass, everybody acting when due; delivers at once, unless told not to. */
  run(ms: number, options: { readonly deliver?: boolean } = {}): void {
    const until = this.now + ms;
    if (options.deliver !== false) this.settle();
    for (;;) {
      const due = this.#next();
      if (due === null || due.at > until) break;
      this.now = Math.max(this.now, due.at);
      this.core(due.id).tick(this.now);
      this.pump(due.id);
      if (options.deliver !== false) this.settle();
    }
    this.now = until;
  }

  #next(): { readonly id: MemberId; readonly at: number } | null {
    let best: { id: MemberId; at: number } | null = null;
    for (const [id, { core }] of this.#nodes) {
      if (core === null) continue;
      const at = core.nextDeadline();
      if (best === null || at < best.at) best = { id, at };
    }
    return best;
  }

  /** Who leads the highest term; null if nobody does. */
  leader(): MemberId | null {
    let best: RaftCore | null = null;
    let found: MemberId | null = null;
    for (const [id, { core }] of this.#nodes) {
      if (core?.role !== "leader" || (best !== null && best.term > core.term)) continue;
      [best, found] = [core, id];
    }
    return found;
  }
}
