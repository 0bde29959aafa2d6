import type { Clock, Random, Timer } from "../../../mod/base/clock.ts";
import type { LeaseRead, LeaseRecord, LeaseWrite, StoredLease } from "../../../mod/election/lease/store.ts";
import type { LeaseTimes } from "../../../mod/election/lease/times.ts";
import { MemoryLease } from "../../fakes/lease_store.ts";
import { EventQueue } from "../../sim/queue.ts";

/** One of our processes, or one of upstream's. */
export type Kind = "ours" | "upstream";

/** A holder whose watch works learns within this time that the Lease is not its own any more. */
const REACTION_MS = 20;

/** What everybody shares: true time, one Lease, chance, and a book of who may answer. */
export class World {
  readonly queue = new EventQueue();
  readonly lease = new MemoryLease();
  readonly random: Random;
  readonly times: LeaseTimes;
  /** Sentences about two that may answer at a time. */
  readonly overlaps: string[] = [];
  readonly log: string[] = [];
  /** Since then, for a while, an upstream node may have taken what was deleted, blanked or robbed under a live holder. */
  #meddledMs = -Infinity;
  #robbedMs = -Infinity;
  /** Since when nothing has been wrong with a node's way to the server, and it runs; Infinity: something is. */
  wellSinceMs: (who: string) => number = () => Infinity;
  /** Until then no new process may look for the first time: it would find free what a holder that is cut off believes in. */
  noNewUntilMs = -Infinity;
  readonly #until = new Map<string, { kind: Kind; untilMs: number }>();
  #stamp = 0;

  constructor(random: Random, times: LeaseTimes) {
    this.random = random;
    this.times = times;
  }

  get now(): number {
    return this.queue.now;
  }

  /** An upstream node has released the Lease of another one: nobody can tell that from an orderly release. */
  robbed(what: string): void {
    this.meddled(what);
    this.#robbedMs = this.now;
  }

  /** Somebody has meddled with the Lease. */
  meddled(what: string): void {
    this.note(what);
    this.#meddledMs = this.now;
    this.noNewUntilMs = this.now + this.times.durationMs * 1.1;
  }

  note(line: string): void {
    if (this.log.length < 5000) this.log.push(`${this.now.toFixed(1)} ${line}`);
  }

  /** `who` may answer until then (true time); an earlier deadline replaces a later one. */
  holds(who: string, kind: Kind, untilMs: number): void {
    const mine = this.#until.get(who);
    const isNew = mine === undefined || mine.untilMs <= this.now;
    this.#until.set(who, { kind, untilMs });
    if (isNew && untilMs > this.now) this.note(`${who} holds`);
    if (untilMs <= this.now) return;
    for (const other of this.holders()) {
      if (other === who) continue;
      const kinds = [kind, this.#until.get(other)?.kind];
      if (!kinds.includes("ours")) continue;
      const ours = kind === "ours" ? who : other;
      if (kinds.includes("upstream") && this.#isExcused(ours)) this.#checkLater(who, other, ours);
      else this.overlaps.push(`at ${this.now.toFixed(1)} ${who} holds while ${other} may answer`);
    }
  }

  /** Ours cannot know at once that the Lease was taken from it, and not at all while it is cut off. */
  #isExcused(ours: string): boolean {
    if (this.now < this.#robbedMs + this.times.durationMs * 1.1) return true;
    if (this.now > this.#meddledMs + this.times.durationMs * 1.1) return false;
    return this.wellSinceMs(ours) > this.#meddledMs || this.now < this.#meddledMs + REACTION_MS;
  }

  #checkLater(who: string, other: string, ours: string): void {
    this.queue.after(REACTION_MS, () => {
      const both = [who, other].every((each) => this.holders().includes(each));
      if (both && !this.#isExcused(ours)) this.overlaps.push(`at ${this.now.toFixed(1)} ${ours} has not let go`);
    });
  }

  letGo(who: string): void {
    const hold = this.#until.get(who);
    if (hold !== undefined) this.note(`${who} ${hold.untilMs > this.now + 1e-6 ? "lets go" : "has run out"}`);
    this.#until.delete(who);
  }

  holders(): string[] {
    return [...this.#until].filter(([, { untilMs }]) => untilMs > this.now).map(([who]) => who);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** Text that no two writes share. */
  stamp(): string {
    return `t${this.#stamp++}`;
  }
}

/** The way between one machine and the server. */
export interface Way {
  /** Delay in one direction. */
  delayMs(): number;
  lost: number;
  isCut: boolean;
  watchIsBroken: boolean;
  /** Events come so much late. */
  watchLagMs: number;
  /** What TCP sends again once the cut is over. */
  held: (() => void)[];
}

/** A machine: a clock with a rate of its own, a process that can stand still, a way to the server. */
export class Box {
  readonly world: World;
  readonly way: Way = { delayMs: () => 1, lost: 0, isCut: false, watchIsBroken: false, watchLagMs: 0, held: [] };
  #rate: number;
  #offsetMs: number;
  #waiting: (() => void)[] | null = null;

  constructor(world: World, rate: number) {
    this.world = world;
    this.#rate = rate;
    this.#offsetMs = world.random() * 1e6;
  }

  now(): number {
    return this.#offsetMs + this.world.now * this.#rate;
  }

  /** A moment of this machine's clock in true time. */
  trueMs(localMs: number): number {
    return (localMs - this.#offsetMs) / this.#rate;
  }

  get isPaused(): boolean {
    return this.#waiting !== null;
  }

  pause(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const run of waiting) run();
  }

  /** In the process: later, if it stands still. */
  inside(run: () => void): void {
    if (this.#waiting !== null) this.#waiting.push(run);
    else run();
  }

  get clock(): Clock {
    return {
      now: () => this.now(),
      after: (delayMs, fire): Timer => {
        let live = true;
        this.world.queue.after(Math.max(0, delayMs) / this.#rate, () => this.inside(() => live && fire()));
        return { cancel: () => live = false };
      },
    };
  }

  /** A request: it may be lost on the way there, then it is not done, or back. Failed after `limitMs` of this clock. */
  ask<T>(limitMs: number, act: () => T, done: (answer: T | { outcome: "failed"; cause: string }) => void): void {
    const { queue, random } = this.world;
    const { way } = this;
    let over = false;
    const finish = (answer: T | { outcome: "failed"; cause: string }): void => {
      if (over) return;
      over = true;
      done(answer);
    };
    this.clock.after(limitMs, () => finish({ outcome: "failed", cause: "timed out" }));
    const isLost = random() < way.lost;
    const losesAnswer = random() < way.lost;
    const backMs = way.delayMs();
    const arrive = (): void => {
      if (isLost) return;
      if (way.isCut) {
        if (way.held.length < 10 && random() < 0.7) way.held.push(arrive);
        return;
      }
      const answer = act();
      if (losesAnswer) return;
      queue.after(backMs, () => {
        if (!way.isCut) this.inside(() => finish(answer));
      });
    };
    queue.after(way.delayMs(), arrive);
  }

  read(limitMs: number, done: (answer: LeaseRead) => void): void {
    const { lease } = this.world;
    this.ask<LeaseRead>(
      limitMs,
      () => lease.stored === null ? { outcome: "absent" } : { outcome: "found", lease: lease.stored },
      done,
    );
  }

  create(record: LeaseRecord, limitMs: number, done: (answer: LeaseWrite) => void): void {
    this.ask<LeaseWrite>(limitMs, () => this.world.lease.create(record), done);
  }

  update(
    record: LeaseRecord,
    version: string,
    { limitMs, done }: { limitMs: number; done: (answer: LeaseWrite) => void },
  ): void {
    this.ask<LeaseWrite>(limitMs, () => this.world.lease.update(record, version), done);
  }

  /** Events in order, each late; while the watch is broken nothing comes, afterwards the state of that moment. */
  watch(seen: (lease: StoredLease | null) => void): { refresh: () => void; stop: () => void } {
    const { queue, lease } = this.world;
    let live = true;
    let lastMs = 0;
    const show = (event: StoredLease | null): void => {
      if (this.way.isCut || this.way.watchIsBroken) return;
      lastMs = Math.max(lastMs, queue.now + this.way.delayMs() + this.way.watchLagMs);
      queue.at(lastMs, () => {
        if (!this.way.isCut && !this.way.watchIsBroken) this.inside(() => live && seen(event));
      });
    };
    const unsubscribe = lease.subscribe(show);
    const refresh = (): void => show(lease.stored);
    refresh();
    const stop = (): void => {
      live = false;
      unsubscribe();
    };
    return { refresh, stop };
  }
}
