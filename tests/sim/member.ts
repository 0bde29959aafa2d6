import type { Random } from "../../mod/base/clock.ts";
import { RaftCore } from "../../mod/election/raft/core.ts";
import type { MemberId, Message, Outgoing, PersistBatch, Ready, Timing } from "../../mod/election/raft/types.ts";
import type { Checker } from "./checks.ts";
import { DiskImage } from "./disk.ts";
import type { EventQueue } from "./queue.ts";

const TEXT = new TextEncoder();
/** Datagrams the kernel keeps for a process that does not read. */
const SOCKET_BUFFER = 300;

/** Deliberate faults of the driver or of the rules: the checks must notice each. */
export interface Canary {
  /** Every request for votes claims that the leader's lease is over. */
  readonly forgeRelease?: boolean;
  /** The kernel is allowed to answer longer than the grant says. */
  readonly holdLongerMs?: number;
  /** Storage says "durable" and may forget the latest at the next crash. */
  readonly forgetfulDisk?: boolean;
  /** Replies leave before the kernel has let go. */
  readonly sendBeforeDeny?: boolean;
}

/** What a member lives in. */
export interface World {
  readonly queue: EventQueue;
  readonly checker: Checker;
  readonly random: Random;
  readonly voters: readonly MemberId[];
  readonly timing: Timing;
  readonly canary: Canary;
  /** May change while the run goes on. */
  fsyncMs: number;
  latenessMs: number;
  compactAt: number;
  readonly send: (from: MemberId, outgoing: Outgoing) => void;
  /** Decides the holders of all addresses when `leader` has just been elected. */
  readonly place: (leader: MemberId) => ReadonlyMap<string, MemberId>;
  readonly trace: ((line: string) => void) | null;
}

/** A machine: clock, disk and kernel outlive the process that runs the core and its driver. */
export class SimMember {
  readonly id: MemberId;
  readonly disk = new DiskImage();
  readonly #world: World;
  readonly #rate: number;
  #clockSince = 0;
  #clockBase: number;
  #core: RaftCore | null = null;
  #memory = new DiskImage();
  #state = "";
  #applied = 0;
  #ledTerm = 0;
  #life = 0;
  #paused = false;
  #inbox: (() => void)[] = [];
  #armedAt = Infinity;
  #diskFreeAt = 0;
  /** What the disk calls durable and has not written: nothing, unless it lies. */
  #cached: PersistBatch[] = [];
  readonly #allowed = new Map<string, number>();

  constructor(id: MemberId, world: World, options: { readonly rate: number; readonly clockBase: number }) {
    this.id = id;
    this.#world = world;
    this.#rate = options.rate;
    this.#clockBase = options.clockBase;
  }

  get core(): RaftCore | null {
    return this.#core;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** This machine's monotonic clock. */
  local(): number {
    return this.#clockBase + (this.#world.queue.now - this.#clockSince) * this.#rate;
  }

  #trueTime(local: number): number {
    return this.#world.queue.now + (local - this.local()) / this.#rate;
  }

  #trace(what: string): void {
    this.#world.trace?.(`${this.#world.queue.now.toFixed(3)} ${this.id} ${what}`);
  }

  // Life of the process

  start(): void {
    this.#trace("starts");
    this.#life++;
    this.#paused = false;
    this.#inbox = [];
    this.#armedAt = Infinity;
    // The first thing a start does is to take away what an earlier life left in the kernel.
    this.#denyAll();
    this.#memory = this.disk.clone();
    const snapshot = this.disk.snapshot;
    this.#state = snapshot === null ? "" : this.#world.checker.restored(this.id, snapshot);
    this.#applied = snapshot?.index ?? 0;
    this.#ledTerm = 0;
    const { voters, timing, random } = this.#world;
    const stored = this.disk.stored();
    this.#core = new RaftCore({ id: this.id, voters, timing, stored, now: this.local(), random });
    this.#turn();
  }

  /** The process dies: unsynced writes are lost, the kernel goes on answering until its time-outs. */
  crash(): void {
    this.#trace("crashes");
    this.#core = null;
    this.#life++;
    this.#paused = false;
    this.#inbox = [];
    this.#cached = [];
    this.#diskFreeAt = 0;
  }

  /** The whole machine goes down: its kernel stops answering, its clock begins anew. */
  powerOff(): void {
    this.crash();
    this.#denyAll();
    this.#clockSince = this.#world.queue.now;
    this.#clockBase = 0;
  }

  loseState(): void {
    this.disk.hard = null;
    this.disk.snapshot = null;
    this.disk.entries = [];
  }

  pause(): void {
    if (this.#core === null) return;
    this.#trace("stops");
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#trace("goes on");
    this.#paused = false;
    const waiting = this.#inbox;
    this.#inbox = [];
    // Which of the ready events an event loop takes first is its own affair.
    if (this.#world.random() < 0.5) this.#onTimer();
    for (const each of waiting) each();
    if (this.#core !== null) this.#onTimer();
  }

  #whenRunning(life: number, run: () => void): void {
    if (life !== this.#life || this.#core === null) return;
    if (!this.#paused) run();
    else if (this.#inbox.length < SOCKET_BUFFER) this.#inbox.push(() => life === this.#life && run());
  }

  // Input

  receive(from: MemberId, message: Message): void {
    this.#whenRunning(this.#life, () => {
      this.#core?.step(this.local(), from, message);
      this.#turn();
    });
  }

  propose(text: string): void {
    if (this.#core?.role !== "leader" || this.#paused) return;
    this.#core.propose(this.local(), TEXT.encode(text));
    this.#turn();
  }

  transfer(to: MemberId | null): void {
    if (this.#core === null || this.#paused) return;
    this.#core.transfer(this.local(), to);
    this.#turn();
  }

  resign(): void {
    if (this.#core === null || this.#paused) return;
    this.#core.resign(this.local());
    this.#turn();
  }

  assign(): void {
    if (this.#core?.role !== "leader" || this.#paused) return;
    this.#core.assign(this.local(), this.#world.place(this.id));
    this.#turn();
  }

  // The driver's turn

  #turn(): void {
    const core = this.#core;
    if (core === null) return;
    const now = this.local();
    if (this.#world.canary.sendBeforeDeny !== true) this.#bringKernelInLine(core, now);
    while (core.hasReady()) this.#carryOut(core.ready(now));
    if (this.#world.canary.sendBeforeDeny === true) {
      this.#world.queue.after(
        30,
        () => this.#core === core && !this.#paused && this.#bringKernelInLine(core, this.local()),
      );
    }
    if (core.role === "leader" && core.term !== this.#ledTerm) {
      this.#trace(`leads term ${core.term}`);
      this.#ledTerm = core.term;
      this.#world.checker.leads(this.id, core.term, this.#memory);
      core.assign(now, this.#world.place(this.id));
      return this.#turn();
    }
    this.#arm(core, now);
  }

  #flush(): void {
    for (const batch of this.#cached) this.disk.apply(batch);
    this.#cached = [];
  }

  #bringKernelInLine(core: RaftCore, now: number): void {
    const grants = core.grants(now);
    for (const ip of this.#allowed.keys()) {
      if (!grants.some((grant) => grant.ip === ip)) this.#deny(ip);
    }
    for (const { ip, validUntil } of grants) {
      if (this.#allowed.get(ip) === validUntil) continue;
      if (!this.#allowed.has(ip)) this.#trace(`holds ${ip}`);
      this.#allowed.set(ip, validUntil);
      const until = this.#trueTime(validUntil) + (this.#world.canary.holdLongerMs ?? 0);
      this.#world.checker.allowed(this.id, { ip, now: this.#world.queue.now, until });
    }
  }

  #deny(ip: string): void {
    this.#trace(`lets ${ip} go`);
    this.#allowed.delete(ip);
    this.#world.checker.denied(this.id, ip);
  }

  #denyAll(): void {
    for (const ip of [...this.#allowed.keys()]) this.#deny(ip);
  }

  #carryOut(ready: Ready): void {
    for (const outgoing of ready.send) this.#world.send(this.id, outgoing);
    if (ready.batch !== null) this.#write(ready.batch);
    if (ready.restore !== null) {
      this.#state = this.#world.checker.restored(this.id, ready.restore);
      this.#applied = ready.restore.index;
    }
    for (const entry of ready.committed) {
      const at = { state: this.#state, term: this.#core?.term ?? 0 };
      this.#state = this.#world.checker.applied(this.id, entry, at);
      this.#applied = entry.index;
    }
    if (this.#core !== null && this.#core.logLength > this.#world.compactAt) {
      this.#core.compact(this.#applied, TEXT.encode(this.#state));
    }
  }

  #write(batch: PersistBatch): void {
    const { queue, fsyncMs, random, checker, canary } = this.#world;
    this.#memory.apply(batch);
    checker.wrote(this.id, batch.entries, this.#memory);
    this.#diskFreeAt = Math.max(queue.now, this.#diskFreeAt) + fsyncMs * (0.5 + random());
    const life = this.#life;
    queue.at(this.#diskFreeAt, () => {
      if (life !== this.#life) return;
      this.#cached.push(batch);
      if (canary.forgetfulDisk !== true || random() < 0.2) this.#flush();
      this.#whenRunning(life, () => {
        this.#core?.persisted(this.local(), batch.seq);
        this.#turn();
      });
    });
  }

  #arm(core: RaftCore, now: number): void {
    const deadline = core.nextDeadline();
    if (deadline >= this.#armedAt || deadline === Infinity) return;
    this.#armedAt = deadline;
    const { queue, latenessMs, random } = this.#world;
    const life = this.#life;
    // A microsecond more: a moment that rounding has put just before the deadline would come again and again.
    const at = queue.now + Math.max(0, deadline - now) / this.#rate + 0.001 + latenessMs * random();
    queue.at(at, () => {
      if (life !== this.#life || this.#armedAt !== deadline) return;
      this.#whenRunning(life, () => this.#onTimer());
    });
  }

  #onTimer(): void {
    this.#armedAt = Infinity;
    this.#core?.tick(this.local());
    this.#turn();
  }
}
