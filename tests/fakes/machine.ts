import type { Clock, Timer } from "../../mod/base/clock.ts";
import type { Grant, GrantSink, RevokeReason } from "../../mod/election/elector.ts";
import type { Transport } from "../../mod/election/raft/transport.ts";
import type { MemberId } from "../../mod/election/raft/types.ts";

/** A process on a shared clock and network: it can be paused (SIGSTOP: time goes on, nothing runs) and killed (SIGKILL). */
export class Machine {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #state: "running" | "paused" | "killed" = "running";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  pause(): void {
    this.#state = "paused";
  }

  /** Everything that came due meanwhile runs now, in order. */
  resume(): void {
    this.#state = "running";
    for (const run of this.#waiting.splice(0)) run();
  }

  kill(): void {
    this.#state = "killed";
    this.#waiting.length = 0;
  }

  get isKilled(): boolean {
    return this.#state === "killed";
  }

  /** The clock as the process sees it. */
  get clock(): Clock {
    return {
      now: () => this.#clock.now(),
      after: (delayMs, fire): Timer => {
        let live = true;
        const timer = this.#clock.after(delayMs, () => this.#run(() => live && fire()));
        return {
          cancel: () => {
            live = false;
            timer.cancel();
          },
        };
      },
    };
  }

  /** The transport as the process sees it; `onSend` sees what it sends. */
  attach(inner: Transport, onSend: (payload: Uint8Array) => void): Transport {
    const outer: Transport = {
      onReceive: () => {},
      send: (to: MemberId, payload: Uint8Array) => {
        if (this.#state !== "running") return;
        onSend(payload);
        inner.send(to, payload);
      },
      start: () => inner.start(),
      stop: () => inner.stop(),
    };
    inner.onReceive = (from, payload) => this.#run(() => outer.onReceive(from, payload));
    return outer;
  }

  #run(work: () => void): void {
    if (this.#state === "running") work();
    else if (this.#state === "paused" && this.#waiting.length < 10_000) this.#waiting.push(work);
  }
}

/** One thing a sink was told. */
export interface SinkEvent {
  readonly atMs: number;
  readonly member: MemberId;
  readonly what: "granted" | RevokeReason;
  readonly scopes: readonly string[];
}

/** Notes who may answer for what and until when, over all members, and every moment at which two might. */
export class HoldLedger {
  readonly #clock: Clock;
  readonly #until = new Map<string, Map<MemberId, number>>();
  readonly events: SinkEvent[] = [];
  /** Sentences about overlapping holds; stays empty if the electors keep their promise. */
  readonly overlaps: string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The sink of one member. */
  sink(member: MemberId): GrantSink {
    return {
      granted: (grants) => this.#granted(member, grants),
      revoked: (scopes, reason) => {
        this.events.push({ atMs: this.#clock.now(), member, what: reason, scopes });
        for (const scope of scopes) this.#until.get(scope)?.delete(member);
      },
    };
  }

  /** Members that may answer for `scope` now. */
  holders(scope: string): MemberId[] {
    const now = this.#clock.now();
    return [...this.#until.get(scope) ?? []].filter(([, until]) => until > now).map(([member]) => member);
  }

  #granted(member: MemberId, grants: readonly Grant[]): void {
    const now = this.#clock.now();
    this.events.push({ atMs: now, member, what: "granted", scopes: grants.map((grant) => grant.scope) });
    for (const { scope, validUntil } of grants) {
      const others = this.holders(scope).filter((other) => other !== member);
      if (others.length > 0) this.overlaps.push(`${scope} granted to ${member} at ${now} while ${others} may answer`);
      const members = this.#until.get(scope) ?? new Map<MemberId, number>();
      this.#until.set(scope, members.set(member, validUntil));
    }
  }
}
