/** Drives one core step by step, with an etcd that answers at once unless a test says otherwise, and writes down what it does. */
import { EtcdCore, type EtcdCoreOptions, type Outcome, type Step } from "../../../mod/election/etcd/core.ts";

import { type EtcdRequests, perform } from "../../../mod/election/etcd/requests.ts";
import { seededRandom } from "../../fakes/random.ts";
import { FakeEtcd } from "./fake_etcd.ts";

export const PREFIX = "kube-system-plndr-cp-lock";
export const TIMES = { ttlMs: 15_000, retryMs: 2000 };

/** A core, its etcd, its time, and a transcript. */
export class Script {
  readonly etcd = new FakeEtcd(() => this.lateMs);
  readonly core: EtcdCore;
  /** What was done and what it came to, one line each; times in milliseconds from 0, leases numbered. */
  lines: string[] = [];
  now = 0;
  fit = true;
  graceMs = 0;
  /** How much longer than they should leases last. */
  lateMs = 0;
  /** Answers in place of etcd, which does not get the request; null: etcd answers. */
  instead: ((step: Step) => Outcome | null) | null = null;
  readonly #leases: string[] = [];
  #told = "nothing";

  constructor(options: Partial<EtcdCoreOptions> = {}) {
    this.core = new EtcdCore({
      now: 0,
      identity: "node1",
      bootId: "boot1",
      times: TIMES,
      random: seededRandom(1),
      fit: () => this.fit,
      graceMs: () => this.graceMs,
      preserveOnLoss: false,
      ...options,
    });
  }

  /** Another candidate stands; gives its lease. */
  async other(name: string, options: { readonly mark?: string; readonly lease?: string } = {}): Promise<string> {
    const lease = options.lease ?? String(9000 + this.etcd.leases.length);
    const place = BigInt(lease).toString(16);
    this.etcd.grant(this.now, lease, 3600);
    const put = (key: string, value: string): void =>
      void this.etcd.txn({ compare: [], success: [{ do: "put", key, value, lease }] });
    put(`${PREFIX}/${place}`, name);
    if (options.mark !== undefined) put(`kube-vip/${PREFIX}/${place}`, options.mark);
    await Promise.resolve();
    return lease;
  }

  /** Lets time pass and does what falls due, looks that find nothing new left out of the transcript. */
  async pass(ms: number): Promise<this> {
    const endMs = this.now + ms;
    await this.turn();
    for (let turns = 0; turns < 100_000; turns++) {
      const dueMs = Math.max(this.core.nextDeadline(false), this.now);
      if (dueMs > endMs) break;
      this.now = dueMs;
      await this.turn();
    }
    this.now = endMs;
    await this.turn();
    return this;
  }

  /** One turn: everything that is due now. */
  async turn(): Promise<void> {
    this.etcd.tick(this.now);
    this.core.tick(this.now);
    this.#tell();
    for (let step = this.core.next(this.now); step !== null; step = this.core.next(this.now)) await this.#make(step);
  }

  /** What etcd answers. */
  answer(step: Step): Promise<Outcome> {
    return perform(this.#etcd(), PREFIX, step);
  }

  async #make(step: Step): Promise<void> {
    const startedAt = this.now;
    const outcome = this.instead?.(step) ?? await this.answer(step);
    this.core.answered(this.now, { step, startedAt, outcome });
    if (step.do !== "look") this.#note(`${this.#words(step)}: ${outcome.is}`);
    else if (outcome.is === "failed") this.#note("look: failed");
    this.#tell();
  }

  #words(step: Step): string {
    const lease = "lease" in step ? this.#name(step.lease) : "";
    if (step.do === "stand") return `stand ${lease}${step.standing.unfit ? " unfit" : ""}`;
    return step.do === "resume" ? `resume ${step.of.place} with ${lease}` : `${step.do} ${lease}`;
  }

  #name(lease: string): string {
    if (!this.#leases.includes(lease)) this.#leases.push(lease);
    return `L${this.#leases.indexOf(lease) + 1}`;
  }

  /** Notes the right when it begins, ends or moves. */
  #tell(): void {
    const { right } = this.core;
    const told = right === null ? "nothing" : `until ${Math.round(right.validUntil)}`;
    if (told === this.#told) return;
    this.#told = told;
    this.#note(right === null ? `nothing, ${this.core.lossReason}` : told);
  }

  #note(line: string): void {
    this.lines.push(`${Math.round(this.now)} ${line}`);
  }

  /** The transcript since it was last asked for. */
  said(): string[] {
    return this.lines.splice(0);
  }

  #etcd(): EtcdRequests {
    return {
      txn: (txn) => Promise.resolve(this.etcd.txn(txn)),
      grantLease: ({ id, ttlSeconds }) => Promise.resolve(this.etcd.grant(this.now, id, ttlSeconds)),
      keepLease: (id) => Promise.resolve(this.etcd.keep(this.now, id)),
      revokeLease: (id) => Promise.resolve(this.etcd.revoke(id)),
    };
  }
}
