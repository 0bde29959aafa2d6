import { LeaseCore, type LeaseCoreOptions } from "../../../mod/election/lease/core.ts";
import type { Condition } from "../../../mod/election/lease/making_way.ts";
import type { Errand } from "../../../mod/election/lease/release.ts";
import type { LeaseRead, LeaseRecord, LeaseWrite, StoredLease } from "../../../mod/election/lease/store.ts";
import { LONG } from "../../fakes/lease_cluster.ts";

export const FIT: Condition = { fit: true, rival: () => true };

/** One core by hand: time moves when it is told to, and every answer is given word by word. */
export class Bench {
  now = 0;
  readonly core: LeaseCore;
  condition: Condition = FIT;
  #id = 0;
  #version = 100;

  constructor(change: Partial<LeaseCoreOptions> = {}) {
    this.core = new LeaseCore({
      now: 0,
      identity: "a",
      mark: "lease:1",
      times: LONG,
      graceMs: 0,
      hasFallback: false,
      preserveOnLoss: false,
      random: () => 0,
      ...change,
    });
  }

  /** Someone else's record. */
  record(change: Partial<LeaseRecord> = {}): LeaseRecord {
    const time = `t${this.#version}`;
    const common = { durationSeconds: 15, acquireTime: "t0", renewTime: time, transitions: 3, mark: null };
    return { holder: "b", ...common, ...change };
  }

  /** That record under a version of its own, newer than all before. */
  lease(change: Partial<LeaseRecord> = {}): StoredLease {
    return { record: this.record(change), version: this.version() };
  }

  version(): string {
    return String(++this.#version);
  }

  /** Lets time pass; gives the request that is then due. */
  at(now: number): Errand | null {
    this.now = now;
    this.core.expire(now);
    this.core.tick(now, this.condition);
    const request = this.core.errand(now, now);
    if (request !== null) this.#id = request.id;
    return request?.errand ?? null;
  }

  /** Answers the last request. */
  answer(answer: LeaseRead | LeaseWrite): void {
    this.core.expire(this.now);
    this.core.answered(this.now, this.#id, answer);
    this.core.tick(this.now, this.condition);
  }

  written(): string {
    const version = this.version();
    this.answer({ outcome: "written", version });
    return version;
  }

  failed(): void {
    this.answer({ outcome: "failed", cause: "timed out" });
  }

  watch(lease: StoredLease | null): void {
    this.core.expire(this.now);
    this.core.watched(this.now, lease);
    this.core.tick(this.now, this.condition);
  }

  /** Lets time pass while the Lease stays as it was seen; true if nothing but reads were asked for. */
  onlyReads(untilMs: number): boolean {
    for (let now = this.now; now < untilMs; now += 50) {
      const errand = this.at(now);
      if (errand === null) continue;
      if (errand.kind !== "read") return false;
      const { record } = this.core;
      this.answer(
        record === null ? { outcome: "absent" } : { outcome: "found", lease: { record, version: this.version() } },
      );
    }
    return true;
  }

  /** Takes an absent Lease at 0; gives what stands in it. */
  lead(): StoredLease {
    this.at(this.now);
    this.answer({ outcome: "absent" });
    const errand = this.at(this.now);
    if (errand?.kind !== "create") throw new Error(`create was expected, not ${errand?.kind}`);
    return { record: errand.record, version: this.written() };
  }

  /** How much longer it may hold; null: not at all. */
  get left(): number | null {
    return this.core.tenure === null ? null : this.core.tenure.validUntil - this.now;
  }
}

/** A request in one word and its version. */
export function brief(errand: Errand | null): string {
  if (errand === null) return "-";
  return errand.kind === "update" ? `update ${errand.version}` : errand.kind;
}
