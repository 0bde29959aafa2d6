/**
 * One member at work: the pure core, its storage, its transport, a timer, and the sink that is told what this machine may hold.
 *
 * After every input, in this order: what may no longer be held is revoked; messages leave (the core keeps back those that promise what
 * is not yet on disk); batches go to the storage; committed entries are applied; the timer is set. So nobody can learn that an
 * address is free before this machine has stopped answering for it.
 */
import { assert } from "../../base/assert.ts";
import type { Clock, Random, Timer } from "../../base/clock.ts";
import { WireError } from "../../net/errors.ts";
import { getLog } from "../../observe/log.ts";
import { withDeadline } from "../../runtime/deadline.ts";
import type { Elector, GrantSink, RevokeReason } from "../elector.ts";
import { GrantFeed } from "../grant_feed.ts";
import type { PlacementPolicy } from "../placement.ts";
import { Assigner } from "./assigner.ts";
import { RaftCore } from "./core.ts";
import { Elsewhere } from "./elsewhere.ts";
import { Fitness, type FitnessWord } from "./fitness.ts";
import { Mux, RAFT_CHANNEL } from "./mux.ts";
import type { Channel } from "./mux.ts";
import { PeerWatch } from "./peer_watch.ts";
import { Persister } from "./persister.ts";
import type { PersisterState } from "./persister.ts";
import { Solo } from "./solo.ts";
import type { Opened, Storage } from "./storage.ts";
import type { Transport } from "./transport.ts";
import type { HeldGrant, MemberId, Role, Stored, Timing } from "./types.ts";
import { Waiters } from "./waiters.ts";
import { decodeMessage, encodeMessage } from "./wire.ts";

const log = getLog("election");

/** Members tell each other here that they stop, and whether they can put addresses to use: one byte each. */
const MEMBER_CHANNEL = 2;
const LEAVING = 1;
const FITNESS_BYTES: Readonly<Record<FitnessWord, number>> = { unfit: 2, fit: 3 };
/** A successor is waited for this long when this member stops or was told to transfer. */
const HANDOVER_LIMIT_MS = 2000;
/** A disk that does not answer does not keep the process from ending. */
const CLOSE_LIMIT_MS = 1000;
/** Least time until the next tick: a deadline that has passed already must not turn into a busy loop. */
const LEAST_TIMER_MS = 0.25;
const NO_HOLDERS: ReadonlyMap<string, MemberId> = new Map();
/** A member without state is not told from one that lost it by the core; this one must not count as new. */
const LOST_STATE: Stored = { hard: { term: 0, vote: null, joining: true }, snapshot: null, entries: [] };

/** What a member is made of. The node starts and stops storage and transport. */
export interface RaftNodeOptions {
  readonly self: MemberId;
  /** The other members. */
  readonly peers: readonly MemberId[];
  readonly timing: Timing;
  readonly placement: PlacementPolicy;
  /** Canonical text of every address that is held in turn. */
  readonly addresses: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly storage: Storage;
  readonly transport: Transport;
  readonly sink: GrantSink;
  readonly startAsLeader: boolean;
  /** How much longer than its lease this machine may answer; asked at the start. 0 where the kernel has a guard. */
  readonly graceMs: () => number;
  /** True while nobody answers for any of the addresses; asked before and while serving alone. */
  readonly soloAllowed: () => boolean;
  /** True when this machine can put its addresses to use; a leader that cannot makes way for a member that can. */
  readonly fit: () => boolean;
}

/** What became of a wish to hand leadership over. */
export type TransferResult =
  | { readonly outcome: "transferred"; readonly to: MemberId }
  | { readonly outcome: "not-leader"; readonly leader: MemberId | null }
  /** Nobody who answers could take over, or the member named is not a peer. */
  | { readonly outcome: "no-target" }
  /** The target did not take over in time; this member may lead on. */
  | { readonly outcome: "not-taken" };

/** A member as it sees itself, for status. */
export interface NodeStatus {
  readonly self: MemberId;
  readonly role: Role | "solo" | "stopped";
  readonly term: number;
  readonly leader: MemberId | null;
  /** How long leader and term have been these. */
  readonly leaderForMs: number;
  /** The member for each address, as recorded in the log. */
  readonly assignment: Readonly<Record<string, MemberId>>;
  /** What this member may hold, and for how much longer. */
  readonly grants: readonly { readonly ip: string; readonly leftMs: number }[];
  /** Milliseconds since each peer was heard; null: never. */
  readonly peers: readonly { readonly id: MemberId; readonly silentMs: number | null }[];
  readonly storage: PersisterState;
  readonly commitIndex: number;
  readonly lastIndex: number;
  readonly counters: {
    readonly leaderChanges: number;
    readonly malformedMessages: number;
    readonly failedWrites: number;
  };
}

/** A member of the raft election. */
export class RaftNode implements Elector {
  readonly #options: RaftNodeOptions;
  readonly #clock: Clock;
  readonly #mux: Mux;
  readonly #raft: Channel;
  readonly #members: Channel;
  readonly #watch: PeerWatch;
  readonly #fitness: Fitness;
  readonly #assigner: Assigner;
  readonly #feed: GrantFeed;
  readonly #persister: Persister;
  readonly #waiters: Waiters;
  #core: RaftCore | null = null;
  #solo: Solo | null = null;
  #state: "new" | "starting" | "running" | "stopping" | "stopped" = "new";
  #stop: Promise<void> | null = null;
  #started: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #timerAt = Infinity;
  /** Why grants end in the turn that is under way, if a command is the cause. */
  #cause: RevokeReason | null = null;
  #seen: { leader: MemberId | null; term: number; sinceMs: number };
  readonly #elsewhere: Elsewhere;
  #leaderChanges = 0;
  #malformed = 0;

  constructor(options: RaftNodeOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#mux = new Mux(options.transport);
    this.#raft = this.#mux.channel(RAFT_CHANNEL);
    this.#members = this.#mux.channel(MEMBER_CHANNEL);
    this.#raft.onReceive = (from, payload) => this.#received(from, payload);
    this.#members.onReceive = (from, payload) => this.#memberSays(from, payload);
    this.#watch = new PeerWatch(options.peers, options.timing);
    const { self, peers, placement: policy, addresses, timing, fit } = options;
    const say = (to: MemberId, word: FitnessWord): void => this.#tell(to, FITNESS_BYTES[word]);
    this.#fitness = new Fitness({ self, peers, now: options.clock.now(), fit, say });
    const unfit = (now: number): ReadonlySet<MemberId> => this.#fitness.unfit(now);
    this.#assigner = new Assigner({ self, policy, addresses, timing, watch: this.#watch, unfit });
    this.#elsewhere = new Elsewhere(self);
    this.#feed = new GrantFeed(options.sink);
    this.#persister = new Persister({
      storage: options.storage,
      clock: options.clock,
      onDurable: (seq) => this.#turn((core, now) => core.persisted(now, seq)),
      onFailure: () => this.#turn(() => {}),
    });
    this.#waiters = new Waiters(options.clock);
    this.#seen = { leader: null, term: 0, sinceMs: options.clock.now() };
  }

  /** A channel for other traffic between members, such as status; 0 and 2 are taken. */
  channel(number: number): Channel {
    assert(number !== RAFT_CHANNEL && number !== MEMBER_CHANNEL, `channel ${number} is taken`);
    return this.#mux.channel(number);
  }

  /** Throws {@link StorageError} if the state directory cannot be used, {@link TransportError} if the address cannot be bound. */
  start(): Promise<void> {
    assert(this.#state === "new", "a node is started once");
    this.#state = "starting";
    this.#started = this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    const { storage, transport } = this.#options;
    const opened = await storage.open();
    try {
      this.#restore(opened);
      await transport.start();
    } catch (error) {
      this.#state = "stopped";
      await storage.close();
      throw error;
    }
    this.#state = "running";
    this.#turn(() => {});
  }

  #restore(opened: Opened): void {
    const { self, peers, timing, random, addresses, startAsLeader, soloAllowed: allowed } = this.#options;
    const now = this.#clock.now();
    if (opened.outcome === "damaged") log.error("State is damaged, joining anew", { detail: opened.detail });
    if (opened.outcome === "restored" && opened.cutBytes > 0) {
      log.warning("The end of the state file was torn by a crash and is cut off", { bytes: opened.cutBytes });
    }
    const stored = opened.outcome === "restored" ? opened.stored : opened.outcome === "damaged" ? LOST_STATE : null;
    this.#core = new RaftCore({
      id: self,
      voters: [self, ...peers],
      timing,
      stored,
      now,
      random,
      graceMs: this.#options.graceMs(),
    });
    this.#assigner.apply({ restore: stored?.snapshot ?? null, committed: [] }, this.#core);
    this.#solo = new Solo({ enabled: startAsLeader && opened.outcome === "empty", addresses, timing, now, allowed });
  }

  /**
   * Revokes, then hands leadership to a member that is up to date and waits, at most two seconds, until it is seen leading. Idempotent;
   * storage and transport are closed on return.
   */
  stop(): Promise<void> {
    this.#stop ??= this.#leave();
    return this.#stop;
  }

  async #leave(): Promise<void> {
    const wasStarting = this.#state === "starting";
    if (this.#state === "new") this.#state = "stopped";
    if (wasStarting) await this.#started.catch(() => {});
    if (this.#state !== "running") return;
    const held = this.#feed.given.size > 0;
    this.#state = "stopping";
    this.#cause = "stopping";
    this.#deliver(this.#clock.now());
    for (const peer of this.#options.peers) this.#tell(peer, LEAVING);
    if (this.#core?.role === "leader") await this.#handOverTo(this.#reachable());
    else if (held) await this.#waiters.until(() => this.#mayHold().length === 0, this.#options.timing.electionMinMs);
    if (this.#core?.role === "leader") {
      this.#turn((core, now) => core.resign(now));
      await this.#waiters.until(() => this.#core?.role !== "leader", this.#options.timing.electionMaxMs);
    }
    await this.#close();
  }

  /** Peers that answer and stay: only they can take over. */
  #reachable(): MemberId[] {
    return this.#watch.live(this.#clock.now(), new Set(this.#options.peers));
  }

  async #handOverTo(reachable: readonly MemberId[]): Promise<void> {
    const to = this.#preferred(reachable);
    if (to !== undefined) await this.#handOver(to);
  }

  /** The core chooses who has most of the log (null), but does not know who leaves, or could not use an address. */
  #preferred(reachable: readonly MemberId[]): MemberId | null | undefined {
    const now = this.#clock.now();
    const unfit = this.#fitness.unfit(now);
    if (reachable.length === this.#options.peers.length && !reachable.some((id) => unfit.has(id))) return null;
    const ready = this.#core?.successors(now).filter((id) => reachable.includes(id)) ?? [];
    return this.#fitness.firstFit(now, [...ready, ...reachable]) ?? ready[0] ?? reachable[0];
  }

  async #close(): Promise<void> {
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#timer = null;
    this.#persister.stop();
    await this.#options.transport.stop();
    const closing = { clock: this.#clock, limitMs: CLOSE_LIMIT_MS, what: "the state file" };
    await withDeadline(this.#options.storage.close(), closing).catch((error: unknown) => {
      log.warning("The state file could not be closed in order", { error: String(error) });
    });
  }

  /** Hands leadership to `to`, or to the member that is most up to date; resolves once another leads, or within two seconds. */
  async transfer(to: MemberId | null): Promise<TransferResult> {
    if (this.#state !== "running") return { outcome: "not-leader", leader: null };
    return await this.#handOver(to ?? this.#preferred(this.#reachable()) ?? null);
  }

  async #handOver(to: MemberId | null): Promise<TransferResult> {
    const outcome = this.#command(to);
    if (outcome.outcome !== "started") return outcome;
    const successor = (): MemberId | null => {
      const leader = this.#core?.leader ?? null;
      return leader === this.#options.self ? null : leader;
    };
    const isOver = (): boolean => {
      if (this.#core?.role === "leader" && !this.#core.handingOver) return true;
      return successor() !== null || this.#reachable().length === 0;
    };
    await this.#waiters.until(isOver, HANDOVER_LIMIT_MS);
    const leader = successor();
    return leader === null ? { outcome: "not-taken" } : { outcome: "transferred", to: leader };
  }

  #command(to: MemberId | null): ReturnType<RaftCore["transfer"]> {
    let outcome: ReturnType<RaftCore["transfer"]> = { outcome: "not-leader", leader: null };
    this.#cause ??= "transfer";
    this.#turn((core, now) => outcome = core.transfer(now, to));
    if (this.#state === "running") this.#cause = null;
    return outcome;
  }

  /** When another member was last known to hold `ip`, or may have, on this machine's clock; null: never since the start. */
  elsewhereMs(ip: string): number | null {
    if (this.#core !== null && this.#state === "running") this.#noteElsewhere(this.#core, this.#clock.now());
    return this.#elsewhere.lastMs(ip);
  }

  #noteElsewhere(core: RaftCore, now: number): void {
    const holders = this.#options.placement === "spread" ? core.holders() : NO_HOLDERS;
    this.#elsewhere.note(now, { leader: core.leader, holders });
  }

  /** What this member knows and does. */
  observe(): NodeStatus {
    const now = this.#clock.now();
    const core = this.#core;
    const running = this.#state === "running" || this.#state === "stopping";
    const role = running && core !== null ? this.#solo?.isServing(now) ? "solo" : core.role : "stopped";
    return {
      self: this.#options.self,
      role,
      term: core?.term ?? 0,
      leader: core?.leader ?? null,
      leaderForMs: now - this.#seen.sinceMs,
      assignment: Object.fromEntries(this.#assigner.recorded),
      grants: [...this.#feed.given.values()].map((each) => ({ ip: each.scope, leftMs: each.validUntil - now })),
      peers: this.#options.peers.map((id) => ({ id, silentMs: this.#watch.silentMs(now, id) })),
      storage: this.#persister.state,
      commitIndex: core?.commitIndex ?? 0,
      lastIndex: core?.lastIndex ?? 0,
      counters: {
        leaderChanges: this.#leaderChanges,
        malformedMessages: this.#malformed,
        failedWrites: this.#persister.failures,
      },
    };
  }

  // Input

  #received(from: MemberId, payload: Uint8Array): void {
    let message;
    try {
      message = decodeMessage(payload);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#malformed++;
      return;
    }
    const heardMs = this.#clock.now();
    this.#watch.heard(heardMs, from);
    this.#fitness.met(heardMs, from);
    this.#solo?.end();
    this.#turn((core, now) => core.step(now, from, message));
  }

  #memberSays(from: MemberId, payload: Uint8Array): void {
    const [word] = payload;
    if (payload.length !== 1) return;
    const now = this.#clock.now();
    if (word === LEAVING) this.#watch.leaving(now, from);
    else if (word === FITNESS_BYTES.unfit) this.#fitness.heard(now, from, "unfit");
    else if (word === FITNESS_BYTES.fit) this.#fitness.heard(now, from, "fit");
    else return;
    this.#solo?.end();
    this.#turn(() => {});
  }

  #tell(to: MemberId, byte: number): void {
    this.#members.send(to, Uint8Array.of(byte));
  }

  /** One turn: see the head of this file. Nothing happens while the member takes no part. */
  #turn(input: (core: RaftCore, now: number) => void): void {
    const core = this.#core;
    if (core === null || this.#state !== "running" && this.#state !== "stopping") return;
    const now = this.#clock.now();
    // After a pause of the process this is the first to happen: what has run out meanwhile ends before anything is answered.
    this.#deliver(now);
    if (this.#takesPart(core)) {
      input(core, now);
      core.tick(now);
      if (this.#persister.state !== "working" && !core.handingOver) core.resign(now);
      this.#solo?.tick(now);
      this.#fitness.tick(now);
      const moves = this.#makeWay(core, now);
      this.#settle(core, now);
      if (moves) this.#cause = null;
    }
    this.#waiters.check();
    this.#arm(core, now);
  }

  /**
   * A leader that cannot use its addresses hands over to one that may. With `spread` it need not: what it held is placed elsewhere
   * while it leads on, and the others' addresses stay undisturbed.
   */
  #makeWay(core: RaftCore, now: number): boolean {
    const { placement, self } = this.#options;
    if (placement === "spread" || this.#state !== "running" || this.#cause !== null) return false;
    if (core.role !== "leader" || core.handingOver) return false;
    const reachable = this.#reachable();
    const to = this.#fitness.successor(now, () => core.successors(now).filter((id) => reachable.includes(id)));
    if (to === null) return false;
    log.warning("This machine cannot use its addresses, another takes over", { from: self, to });
    this.#cause = "transfer";
    core.transfer(now, to);
    return true;
  }

  /** A member that cannot write gives leadership away and is then silent, as if it had stopped, until it can. */
  #takesPart(core: RaftCore): boolean {
    return this.#persister.state === "working" || core.role === "leader";
  }

  // Output

  #settle(core: RaftCore, now: number): void {
    this.#assigner.turn(now, core);
    this.#deliver(now);
    while (core.hasReady()) {
      const ready = core.ready(now);
      for (const { to, message } of ready.send) this.#raft.send(to, encodeMessage(message));
      if (ready.batch !== null) this.#persister.write(ready.batch);
      this.#assigner.apply(ready, core);
      this.#assigner.turn(now, core);
      this.#deliver(now);
    }
    this.#logLeader(core, now);
  }

  /** Brings the sink in line with what may be held now. */
  #deliver(now: number): void {
    const core = this.#core;
    if (core === null) return;
    const silent = this.#state !== "running" || this.#persister.state !== "working";
    const held = silent ? [] : this.#solo?.isServing(now) ? this.#solo.grants(now) : core.grants(now);
    const grants = held.map(({ ip, validUntil }) => ({ scope: ip, epoch: core.term, validUntil }));
    this.#feed.update(grants, () => this.#reason(core, now));
  }

  #mayHold(): HeldGrant[] {
    return this.#core?.grants(this.#clock.now()) ?? [];
  }

  #reason(core: RaftCore, now: number): RevokeReason {
    if (this.#cause !== null) return this.#cause;
    if (this.#persister.state !== "working") return "deposed";
    const [grant] = this.#feed.given.values();
    if (core.term !== this.#seen.term || core.leader !== null && core.leader !== this.#seen.leader) return "deposed";
    return core.leader === null || grant === undefined || grant.validUntil <= now ? "quorum-lost" : "reassigned";
  }

  #logLeader(core: RaftCore, now: number): void {
    const { leader, term } = core;
    this.#noteElsewhere(core, now);
    if (leader === this.#seen.leader && (leader === null || term === this.#seen.term)) return;
    const before = this.#seen;
    this.#seen = { leader, term, sinceMs: now };
    this.#leaderChanges++;
    if (leader === null) {
      log.info("No leader", { term, before: before.leader, ledForMs: Math.round(now - before.sinceMs) });
    } else log.info(leader === this.#options.self ? "Leading" : "Following", { leader, term, before: before.leader });
  }

  #arm(core: RaftCore, now: number): void {
    const takesPart = this.#takesPart(core);
    const at = takesPart
      ? Math.min(core.nextDeadline(), this.#solo?.deadline ?? Infinity, this.#firstExpiry(now))
      : Infinity;
    if (at === this.#timerAt && this.#timer !== null) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timerAt = at;
    if (at === Infinity) return;
    this.#timer = this.#clock.after(Math.max(LEAST_TIMER_MS, at - now), () => {
      this.#timer = null;
      this.#turn(() => {});
    });
  }

  /** When the first grant runs out: it then ends here even if nothing else happens. */
  #firstExpiry(now: number): number {
    let end = Infinity;
    for (const grant of this.#feed.given.values()) end = Math.min(end, grant.validUntil);
    return end <= now ? Infinity : end;
  }
}
