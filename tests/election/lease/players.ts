import type { Condition } from "../../../mod/election/lease/making_way.ts";
import { LeaseCore } from "../../../mod/election/lease/core.ts";
import type { Errand } from "../../../mod/election/lease/release.ts";
import type { LeaseRead, LeaseRecord, LeaseWrite } from "../../../mod/election/lease/store.ts";
import { ClientGoElector } from "../../fakes/client_go_elector.ts";
import type { Box, World } from "./world.ts";

/** A node that stands for election, and what can happen to it. */
export interface Player {
  readonly id: string;
  readonly box: Box;
  readonly isUp: boolean;
  start(): void;
  /** SIGKILL: what the kernel was told stays until it runs out. */
  crash(): void;
  /** The machine: nothing stays. */
  reboot(): void;
  /** SIGTERM. */
  stop(): void;
  heal(): void;
}

const BEAT_MS = 500;

/** One of ours: the core and a driver that does what {@link LeaseElector} does, without promises. */
export class OurPlayer implements Player {
  readonly id: string;
  readonly box: Box;
  readonly #world: World;
  #core: LeaseCore | null = null;
  #watch: { refresh: () => void; stop: () => void } | null = null;
  #timer: { cancel(): void } | null = null;
  #boot = 0;
  #held = false;
  #epoch = 0;
  condition: Condition = { fit: true, rival: () => true };

  constructor(world: World, box: Box, id: string) {
    this.#world = world;
    this.box = box;
    this.id = id;
  }

  get isUp(): boolean {
    return this.#core !== null;
  }

  get core(): LeaseCore | null {
    return this.#core;
  }

  start(): void {
    if (this.isUp || this.#world.now < this.#world.noNewUntilMs) return;
    this.#world.note(`${this.id} starts`);
    // A new process clears what the one before has left in the kernel.
    this.#world.letGo(this.id);
    this.#epoch = 0;
    const core = new LeaseCore({
      now: this.box.now(),
      identity: this.id,
      mark: `lease:${this.id}-${this.#boot}`,
      times: this.#world.times,
      graceMs: 0,
      hasFallback: false,
      preserveOnLoss: false,
      random: this.#world.random,
    });
    this.#core = core;
    this.#watch = this.box.watch((lease) => this.#turn(core, (now) => core.watched(now, lease)));
    this.#turn(core, () => {});
  }

  crash(): void {
    this.#end();
  }

  reboot(): void {
    this.#end();
    this.#boot++;
    this.#world.letGo(this.id);
  }

  stop(): void {
    const core = this.#core;
    if (core !== null) this.#turn(core, (now) => core.stop(now));
  }

  heal(): void {
    this.#watch?.refresh();
  }

  #end(): void {
    if (this.isUp) this.#world.note(`${this.id} is gone`);
    this.#core = null;
    this.#held = false;
    this.#watch?.stop();
    this.#watch = null;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #turn(core: LeaseCore, input: (now: number) => void): void {
    if (core !== this.#core) return;
    const now = this.box.now();
    core.expire(now);
    this.#deliver(core);
    input(now);
    core.tick(now, this.condition);
    this.#deliver(core);
    if (core.role === "stopped") return this.#end();
    const request = core.errand(now, this.#world.now);
    if (request !== null) this.#begin(core, request);
    this.#timer?.cancel();
    const delayMs = Math.min(BEAT_MS, Math.max(0.25, core.deadline(now) - now));
    this.#timer = this.box.clock.after(delayMs, () => this.#turn(core, () => {}));
  }

  #deliver(core: LeaseCore): void {
    const { tenure } = core;
    if (tenure === null) {
      if (this.#held) this.#world.letGo(this.id);
      this.#held = false;
      return;
    }
    if (tenure.validUntil <= this.box.now()) this.#world.overlaps.push(`${this.id} was granted a time that has passed`);
    if (tenure.epoch < this.#epoch) this.#world.overlaps.push(`the epoch of ${this.id} went back`);
    this.#epoch = tenure.epoch;
    this.#held = true;
    this.#world.holds(this.id, "ours", this.box.trueMs(tenure.validUntil));
  }

  #begin(core: LeaseCore, { id, errand }: { id: number; errand: Errand }): void {
    const done = (answer: LeaseRead | LeaseWrite): void => this.#turn(core, (now) => core.answered(now, id, answer));
    if (errand.kind === "read") this.box.read(errand.limitMs, done);
    else if (errand.kind === "create") this.box.create(errand.record, errand.limitMs, done);
    else this.box.update(errand.record, errand.version, { limitMs: errand.limitMs, done });
  }
}

/** One of upstream's. */
export class UpstreamPlayer implements Player {
  readonly id: string;
  readonly box: Box;
  readonly #world: World;
  #elector: ClientGoElector | null = null;
  /** Nobody starts it again. */
  isRetired = false;

  constructor(world: World, box: Box, id: string) {
    this.#world = world;
    this.box = box;
    this.id = id;
  }

  get isUp(): boolean {
    return this.#elector !== null;
  }

  start(): void {
    if (this.isUp || this.isRetired || this.#world.now < this.#world.noNewUntilMs) return;
    const { times } = this.#world;
    const limitMs = times.renewDeadlineMs / 2;
    this.#world.note(`${this.id} starts`);
    this.#elector = new ClientGoElector({
      identity: this.id,
      times,
      clock: this.box.clock,
      random: this.#world.random,
      time: () => this.#world.stamp(),
      wire: {
        read: (done) => this.box.read(limitMs, done),
        create: (record, done) => this.box.create(record, limitMs, done),
        update: (record, version, done) =>
          this.box.ask<LeaseWrite>(limitMs, () => {
            const { stored } = this.#world.lease;
            if (record.holder === "" && stored?.version === version) this.#notice(stored.record);
            return this.#world.lease.update(record, version);
          }, done),
      },
      onChange: (leading) => {
        if (leading) this.#world.holds(this.id, "upstream", Infinity);
        else this.#world.letGo(this.id);
      },
      onExit: () => {
        this.#elector = null;
        // kubelet starts it again.
        this.#world.queue.after(1000 + 2000 * this.#world.random(), () => this.start());
      },
    });
    this.#elector.run();
  }

  /** Blanks a Lease that may be another's. */
  #notice({ holder, mark }: LeaseRecord): void {
    if (holder === this.id || holder === "") return;
    const what = `${this.id} robs ${holder}`;
    if (mark === null) this.#world.robbed(what);
    else this.#world.meddled(what);
  }

  crash(): void {
    this.#elector?.kill();
    this.#elector = null;
    this.#world.letGo(this.id);
  }

  reboot(): void {
    this.crash();
  }

  stop(): void {
    this.#elector?.cancel();
  }

  heal(): void {}
}
