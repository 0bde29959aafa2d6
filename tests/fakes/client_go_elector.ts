import type { Clock, Random, Timer } from "../../mod/base/clock.ts";
import type { LeaseRead, LeaseRecord, LeaseWrite } from "../../mod/election/lease/store.ts";
import type { LeaseTimes } from "../../mod/election/lease/times.ts";

/** The server as client-go reaches it; a request that is lost is never answered. */
export interface GoWire {
  read(done: (answer: LeaseRead) => void): void;
  create(record: LeaseRecord, done: (answer: LeaseWrite) => void): void;
  update(record: LeaseRecord, version: string, done: (answer: LeaseWrite) => void): void;
}

export interface GoOptions {
  readonly identity: string;
  readonly times: LeaseTimes;
  readonly clock: Clock;
  readonly random: Random;
  readonly wire: GoWire;
  /** Text of this moment for a record. */
  readonly time: () => string;
  /** Leadership begins or ends. */
  readonly onChange: (leading: boolean) => void;
  /** The process is over, as after RunOrDie has returned. */
  readonly onExit: () => void;
}

const JITTER_FACTOR = 1.2;

/**
 * A model of client-go's LeaderElector as kube-vip runs it (`leaderelection.go`, function names kept; ReleaseOnCancel): with callbacks
 * instead of goroutines, and the moment at which the renew loop ends as the end of leadership.
 */
export class ClientGoElector {
  readonly #options: GoOptions;
  /** observedRecord, observedRawRecord, observedTime. */
  #observed: LeaseRecord | null = null;
  #observedRaw = "";
  #observedMs = -Infinity;
  /** resourceVersion inside the LeaseLock. */
  #version = "";
  /** Grows when a context is cancelled: what was asked under an older one is not heard any more. */
  #context = 0;
  #timers: Timer[] = [];
  #state: "acquiring" | "leading" | "releasing" | "over" = "acquiring";

  constructor(options: GoOptions) {
    this.#options = options;
  }

  get isLeading(): boolean {
    return this.#state === "leading";
  }

  run(): void {
    this.#acquire();
  }

  /** SIGKILL. */
  kill(): void {
    const led = this.isLeading;
    this.#cancel();
    this.#state = "over";
    if (led) this.#options.onChange(false);
  }

  /** SIGTERM: the context ends; a leader releases. */
  cancel(): void {
    if (this.#state === "leading") this.#stopRenewing();
    else if (this.#state === "acquiring") this.#exit();
  }

  /** wait.JitterUntil(tryAcquireOrRenew, RetryPeriod, JitterFactor, sliding). */
  #acquire(): void {
    this.#tryAcquireOrRenew((succeeded) => {
      if (succeeded) {
        this.#state = "leading";
        this.#options.onChange(true);
        this.#renew();
        return;
      }
      const { times, random } = this.#options;
      this.#after(times.retryMs * (1 + JITTER_FACTOR * random()), () => this.#acquire());
    });
  }

  /** wait.Until(PollUntilContextTimeout(RetryPeriod, RenewDeadline, immediate), RetryPeriod). */
  #renew(): void {
    const { times } = this.#options;
    const deadline = this.#after(times.renewDeadlineMs, () => this.#stopRenewing());
    const poll = (): void =>
      this.#tryAcquireOrRenew((succeeded) => {
        if (succeeded) {
          deadline.cancel();
          this.#after(times.retryMs, () => this.#renew());
        } else this.#after(times.retryMs, poll);
      });
    poll();
  }

  #stopRenewing(): void {
    this.#cancel();
    this.#state = "releasing";
    this.#options.onChange(false);
    this.#release();
  }

  #release(): void {
    const { times, wire } = this.#options;
    this.#after(times.renewDeadlineMs, () => this.#exit());
    wire.read(this.#heard((answer) => {
      if (answer.outcome !== "found" || !this.#isLeader()) return this.#exit();
      const now = this.#options.time();
      const { transitions } = answer.lease.record;
      const record = { holder: "", durationSeconds: 1, acquireTime: now, renewTime: now, transitions, mark: null };
      wire.update(record, answer.lease.version, this.#heard(() => this.#exit()));
    }));
  }

  #exit(): void {
    this.#cancel();
    this.#state = "over";
    this.#options.onExit();
  }

  #tryAcquireOrRenew(done: (succeeded: boolean) => void): void {
    const { identity, times, clock, wire, time } = this.#options;
    const now = clock.now();
    const text = time();
    const record: LeaseRecord = {
      holder: identity,
      durationSeconds: Math.floor(times.durationMs / 1000),
      renewTime: text,
      acquireTime: text,
      transitions: 0,
      mark: null,
    };
    const observed = this.#observed;
    if (!this.#isLeader() || !this.#isLeaseValid(now) || observed === null) {
      this.#slowPath(record, now, done);
      return;
    }
    const renewed = { ...record, acquireTime: observed.acquireTime, transitions: observed.transitions };
    wire.update(
      renewed,
      this.#version,
      this.#heard((answer) => {
        if (answer.outcome !== "written") return this.#slowPath(record, now, done);
        this.#wrote(renewed, answer.version);
        done(true);
      }),
    );
  }

  #slowPath(record: LeaseRecord, now: number, done: (succeeded: boolean) => void): void {
    const { wire } = this.#options;
    const finish = (claimed: LeaseRecord) => (answer: LeaseWrite): void => {
      if (answer.outcome === "written") this.#wrote(claimed, answer.version);
      done(answer.outcome === "written");
    };
    wire.read(this.#heard((answer) => {
      if (answer.outcome === "failed") return done(false);
      if (answer.outcome === "absent") return wire.create(record, this.#heard(finish(record)));
      const { record: old, version } = answer.lease;
      this.#version = version;
      const { mark: _, ...spec } = old;
      const raw = JSON.stringify(spec);
      if (raw !== this.#observedRaw) {
        this.#setObserved(old);
        this.#observedRaw = raw;
      }
      if (old.holder !== "" && this.#isLeaseValid(now) && !this.#isLeader()) return done(false);
      const claimed = this.#isLeader()
        ? { ...record, acquireTime: old.acquireTime, transitions: old.transitions }
        : { ...record, transitions: old.transitions + 1 };
      wire.update(claimed, version, this.#heard(finish(claimed)));
    }));
  }

  #wrote(record: LeaseRecord, version: string): void {
    this.#version = version;
    this.#setObserved(record);
  }

  #setObserved(record: LeaseRecord): void {
    this.#observed = record;
    this.#observedMs = this.#options.clock.now();
  }

  #isLeader(): boolean {
    return this.#observed?.holder === this.#options.identity;
  }

  #isLeaseValid(now: number): boolean {
    return this.#observedMs + (this.#observed?.durationSeconds ?? 0) * 1000 > now;
  }

  #cancel(): void {
    this.#context++;
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }

  #heard<T>(done: (answer: T) => void): (answer: T) => void {
    const context = this.#context;
    return (answer) => {
      if (context === this.#context) done(answer);
    };
  }

  #after(delayMs: number, fire: () => void): Timer {
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
      fire();
    });
    this.#timers.push(timer);
    return timer;
  }
}
