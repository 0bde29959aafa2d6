/** Cores of the etcd election against one etcd in simulated time: a network that loses and delays, clocks that differ, pauses, hands. */
import type { Random } from "../../../mod/base/clock.ts";
import { EtcdCore, type Outcome, type Right, type Step } from "../../../mod/election/etcd/core.ts";
import { lookTxn, readQueue, resumeTxn, standTxn } from "../../../mod/election/etcd/queue.ts";
import { CODE_NOT_FOUND, type EtcdAnswer, type LeaseTtl } from "../../../mod/election/etcd/types.ts";
import { seededRandom } from "../../fakes/random.ts";
import { FakeEtcd } from "./fake_etcd.ts";

const PREFIX = "kube-system-plndr-cp-lock";
/** Simulated time moves on by so much at least. */
const GRAIN_MS = 1;

export interface SimOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly ttlMs: number;
  readonly retryMs: number;
  /** No fault begins after this. */
  readonly calmFromMs: number;
  readonly endMs: number;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A node: its core, its clock (which runs at a rate of its own), and the trouble it is in. */
interface Node {
  readonly name: string;
  /** Local milliseconds per true millisecond. */
  readonly rate: number;
  core: EtcdCore;
  /** Counts processes: what an earlier one has under way no longer matters. */
  life: number;
  busy: boolean;
  fit: boolean;
  pausedUntilMs: number;
  cutUntilMs: number;
  /** True time until which the kernel answers. */
  holdsUntilMs: number;
  right: Right | null;
  watching: { stop(): void } | null;
  timer: number;
}

/** What happened in a run. */
export interface SimReport {
  /** Sentences about moments with two holders. */
  readonly overlaps: readonly string[];
  /** Right at the end: who may answer. */
  readonly holders: readonly string[];
  readonly handovers: number;
  readonly resumed: number;
  readonly faults: number;
}

/** One run; the same options give the same run. */
export class Simulation {
  readonly #options: SimOptions;
  readonly #random: Random;
  readonly #etcd: FakeEtcd;
  readonly #nodes: Node[];
  readonly #events: Event[] = [];
  readonly #overlaps: string[] = [];
  #now = 0;
  #order = 0;
  #handovers = 0;
  #resumed = 0;
  #faults = 0;
  #lastHolder: string | null = null;

  constructor(options: SimOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#etcd = new FakeEtcd(() => this.#random() < 0.5 ? 0 : this.#random() * 1000);
    this.#nodes = Array.from({ length: options.nodes }, (_, index) => this.#makeNode(`node${index}`));
  }

  run(): SimReport {
    for (const node of this.#nodes) this.#at(this.#random() * 500, () => this.#turn(node, node.life));
    this.#at(this.#random() * 2000, () => this.#fault());
    while (this.#now < this.#options.endMs) {
      const event = this.#take();
      this.#now = Math.max(this.#now, event.atMs);
      this.#etcd.tick(this.#now);
      event.run();
    }
    return {
      overlaps: this.#overlaps,
      holders: this.#holders(),
      handovers: this.#handovers,
      resumed: this.#resumed,
      faults: this.#faults,
    };
  }

  #makeNode(name: string): Node {
    // Against etcd's clock, which is true time here: 2 % between any two, so 1 % either way.
    const rate = 0.99 + this.#random() * 0.02;
    const node: Node = {
      name,
      rate,
      core: this.#makeCore(name, { now: 0, fit: () => node.fit }),
      life: 0,
      busy: false,
      fit: true,
      pausedUntilMs: -Infinity,
      cutUntilMs: -Infinity,
      holdsUntilMs: -Infinity,
      right: null,
      watching: null,
      timer: 0,
    };
    return node;
  }

  #makeCore(name: string, options: { readonly now: number; readonly fit: () => boolean }): EtcdCore {
    const times = { ttlMs: this.#options.ttlMs, retryMs: this.#options.retryMs };
    const random = this.#random;
    return new EtcdCore({
      ...options,
      identity: name,
      bootId: `boot-${name}`,
      times,
      random,
      graceMs: () => 0,
      preserveOnLoss: false,
    });
  }

  #at(atMs: number, run: () => void): void {
    this.#events.push({ atMs: Math.max(atMs, this.#now), order: this.#order++, run });
  }

  #take(): Event {
    let best = 0;
    for (let index = 1; index < this.#events.length; index++) {
      const [one, two] = [this.#events[index], this.#events[best]];
      if (one === undefined || two === undefined) continue;
      if (one.atMs < two.atMs || (one.atMs === two.atMs && one.order < two.order)) best = index;
    }
    const [event] = this.#events.splice(best, 1);
    if (event === undefined) throw new Error("nothing happens any more");
    return event;
  }

  /** What the driver does after every input. */
  #turn(node: Node, life: number): void {
    if (node.life !== life) return;
    if (this.#now < node.pausedUntilMs) return this.#at(node.pausedUntilMs, () => this.#turn(node, life));
    const now = this.#now * node.rate;
    node.core.tick(now);
    this.#deliver(node);
    const step = node.busy ? null : node.core.next(now);
    if (step !== null) this.#send(node, step);
    this.#watch(node);
    const timer = ++node.timer;
    const dueMs = Math.max(node.core.nextDeadline(node.busy) / node.rate, this.#now + GRAIN_MS);
    this.#at(dueMs, () => node.timer === timer && this.#turn(node, life));
  }

  #deliver(node: Node): void {
    const { right } = node.core;
    if (right === null) {
      if (node.right !== null) node.holdsUntilMs = -Infinity;
    } else {
      node.holdsUntilMs = right.validUntil / node.rate;
      const others = this.#holders().filter((name) => name !== node.name);
      if (others.length > 0) this.#overlaps.push(`${node.name} granted at ${this.#now} while ${others} may answer`);
      if (this.#lastHolder !== null && this.#lastHolder !== node.name) this.#handovers++;
      this.#lastHolder = node.name;
    }
    node.right = right;
  }

  #holders(): string[] {
    return this.#nodes.filter((node) => node.holdsUntilMs > this.#now).map((node) => node.name);
  }

  /** A request takes its way, arrives or not, and so does its answer; late ones still act. */
  #send(node: Node, step: Step): void {
    const startedAt = this.#now * node.rate;
    const [life, limitMs] = [node.life, step.limitMs / node.rate];
    node.busy = true;
    let open = true;
    const settle = (outcome: Outcome): void => {
      if (!open || node.life !== life) return;
      if (this.#now < node.pausedUntilMs) return this.#at(node.pausedUntilMs, () => settle(outcome));
      open = false;
      node.busy = false;
      const now = this.#now * node.rate;
      node.core.tick(now);
      this.#deliver(node);
      node.core.answered(now, { step, startedAt, outcome });
      this.#deliver(node);
      this.#turn(node, life);
    };
    this.#at(this.#now + limitMs, () => settle({ is: "failed", cause: "no answer in time" }));
    const [there, back] = [this.#wayMs(), this.#wayMs()];
    if (this.#isCut(node) || this.#isLost()) return;
    this.#at(this.#now + there, () => {
      const outcome = this.#act(step);
      if (this.#isCut(node) || this.#isLost()) return;
      this.#at(this.#now + back, () => settle(outcome));
    });
  }

  #act(step: Step): Outcome {
    switch (step.do) {
      case "look": {
        const answer = this.#etcd.txn(lookTxn(PREFIX));
        if (answer.outcome !== "ok") throw new Error("a look is never refused");
        return { is: "seen", view: readQueue(PREFIX, answer.body) };
      }
      case "grant":
        return leaseOutcome(this.#etcd.grant(this.#now, step.lease, step.ttlSeconds));
      case "keep":
        return leaseOutcome(this.#etcd.keep(this.#now, step.lease));
      case "stand":
        return placeOutcome(this.#etcd.txn(standTxn(PREFIX, step.lease, step.standing)));
      case "resume": {
        const answer = this.#etcd.txn(resumeTxn(PREFIX, step.lease, step.of));
        if (answer.outcome === "ok" && answer.body.succeeded) this.#resumed++;
        return placeOutcome(answer);
      }
      case "revoke":
        this.#etcd.revoke(step.lease);
        return { is: "done" };
    }
  }

  #watch(node: Node): void {
    const { revision } = node.core;
    if (node.watching !== null || revision === null) return;
    const life = node.life;
    const changed = (): void => {
      if (this.#isCut(node) || this.#isLost()) return;
      this.#at(this.#now + this.#wayMs(), () => {
        if (node.life !== life || this.#now < node.pausedUntilMs) return;
        node.core.changed(this.#now * node.rate);
        this.#turn(node, life);
      });
    };
    node.watching = this.#etcd.follow({ prefix: `${PREFIX}/`, fromRevision: revision + 1 }, {
      changed,
      ended: () => {},
    });
  }

  #wayMs(): number {
    const chance = this.#random();
    if (chance < 0.8 || this.#now >= this.#options.calmFromMs) return 0.2 + this.#random() * 5;
    return chance < 0.9 ? this.#random() * 300 : this.#random() * 6000;
  }

  #isLost(): boolean {
    return this.#now < this.#options.calmFromMs && this.#random() < 0.02;
  }

  #isCut(node: Node): boolean {
    return this.#now < node.cutUntilMs;
  }

  #fault(): void {
    if (this.#now >= this.#options.calmFromMs) return;
    this.#faults++;
    const node = this.#nodes[Math.floor(this.#random() * this.#nodes.length)];
    if (node !== undefined) this.#harm(node, this.#random());
    this.#at(this.#now + this.#random() * 6000, () => this.#fault());
  }

  #harm(node: Node, chance: number): void {
    const forMs = this.#random() * 1.5 * this.#options.ttlMs;
    if (chance < 0.25) node.cutUntilMs = this.#now + forMs;
    else if (chance < 0.45) node.pausedUntilMs = this.#now + forMs;
    else if (chance < 0.65) this.#restart(node, this.#random() * 2000);
    else if (chance < 0.75) this.#stop(node, forMs);
    else if (chance < 0.9) this.#spoil(node, forMs);
    else this.#deleteCandidacy();
  }

  /** The process dies and another one starts; the kernel answers until the grant ends. */
  #restart(node: Node, afterMs: number): void {
    const life = ++node.life;
    node.right = null;
    node.watching?.stop();
    node.watching = null;
    this.#at(this.#now + afterMs, () => {
      if (node.life !== life) return;
      node.busy = false;
      // The holder takes down what the earlier process held before the election starts.
      node.holdsUntilMs = -Infinity;
      node.core = this.#makeCore(node.name, { now: this.#now * node.rate, fit: () => node.fit });
      this.#turn(node, life);
    });
  }

  /** An orderly stop, whose revocation may come late or never. */
  #stop(node: Node, afterMs: number): void {
    if (this.#now < node.pausedUntilMs) return;
    node.holdsUntilMs = -Infinity;
    const { leases } = node.core;
    if (!this.#isCut(node) && !this.#isLost()) {
      this.#at(this.#now + this.#wayMs(), () => leases.forEach((lease) => this.#etcd.revoke(lease)));
    }
    this.#restart(node, afterMs);
  }

  #spoil(node: Node, forMs: number): void {
    node.fit = false;
    this.#at(this.#now + forMs, () => void (node.fit = true));
  }

  /** Somebody deletes the key of the holder, but not the mark beside it. */
  #deleteCandidacy(): void {
    const stands = this.#etcd.keys.filter((kv) => kv.key.startsWith(`${PREFIX}/`));
    stands.sort((a, b) => a.createRevision - b.createRevision);
    if (stands[0] !== undefined) this.#etcd.delete(stands[0].key);
  }
}

function leaseOutcome(answer: EtcdAnswer<LeaseTtl>): Outcome {
  if (answer.outcome !== "ok") return { is: "failed", cause: "refused" };
  return answer.body.ttlSeconds > 0 ? { is: "alive", ttlMs: answer.body.ttlSeconds * 1000 } : { is: "gone" };
}

function placeOutcome(answer: EtcdAnswer<unknown>): Outcome {
  if (answer.outcome === "ok") return { is: "done" };
  const isGone = answer.outcome === "refused" && answer.code === CODE_NOT_FOUND;
  return isGone ? { is: "gone" } : { is: "failed", cause: "unreachable" };
}
