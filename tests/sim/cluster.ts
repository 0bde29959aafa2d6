import type { Random } from "../../mod/base/clock.ts";
import { majority } from "../../mod/election/raft/quorum.ts";
import type { MemberId, Outgoing } from "../../mod/election/raft/types.ts";
import { seededRandom } from "../fakes/random.ts";
import { Checker, Violation } from "./checks.ts";
import { type Canary, SimMember, type World } from "./member.ts";
import { EventQueue } from "./queue.ts";
import { chooseSwarm, type Fault, type Swarm } from "./swarm.ts";

/** What one run saw. */
export interface RunReport {
  readonly seed: number;
  readonly swarm: Swarm;
  readonly simulatedMs: number;
  readonly seen: Checker["seen"];
  readonly faults: number;
}

/** How to run a seed. */
export interface RunOptions {
  /** How long faults go on, before everything is healed. */
  readonly chaosMs: number;
  readonly canary?: Canary;
  readonly trace?: (line: string) => void;
}

/** Runs one seed to its end; throws {@link Violation} when the cluster breaks a promise. */
export function runSeed(seed: number, options: RunOptions): RunReport {
  return new Cluster(seed, options).run(options.chaosMs);
}

class Cluster {
  readonly #seed: number;
  readonly #random: Random;
  readonly #swarm: Swarm;
  readonly #queue = new EventQueue();
  readonly #checker = new Checker();
  readonly #members: SimMember[];
  readonly #byId: ReadonlyMap<MemberId, SimMember>;
  readonly #addresses: readonly string[];
  readonly #world: World;
  /** "from>to" → until when nothing passes. */
  readonly #cuts = new Map<string, number>();
  #healed = false;
  #proposals = 0;
  #faults = 0;
  #network: { loss: number; duplication: number; delayMinMs: number; delayMeanMs: number; clogged: number };

  constructor(seed: number, options: RunOptions) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
    const swarm = chooseSwarm(this.#random);
    this.#swarm = swarm;
    this.#network = { ...swarm };
    const voters = Array.from({ length: swarm.members }, (_, at) => `m${at + 1}`);
    this.#addresses = Array.from({ length: swarm.addresses }, (_, at) => `10.0.0.${at + 1}`);
    this.#world = {
      queue: this.#queue,
      checker: this.#checker,
      random: this.#random,
      voters,
      timing: swarm.timing,
      canary: options.canary ?? {},
      fsyncMs: swarm.fsyncMs,
      latenessMs: swarm.latenessMs,
      compactAt: swarm.compactAt,
      send: (from, outgoing) => this.#send(from, outgoing),
      place: (leader) => this.#place(leader),
      trace: options.trace ?? null,
    };
    this.#members = voters.map((id) => {
      // As far apart as promised, or anywhere between.
      const error = this.#random() < 0.6 ? Math.sign(this.#random() - 0.5) : 2 * this.#random() - 1;
      const rate = 1 + error * swarm.clockError;
      return new SimMember(id, this.#world, { rate, clockBase: 1e6 * this.#random() });
    });
    this.#byId = new Map(this.#members.map((member) => [member.id, member]));
    options.trace?.(JSON.stringify(swarm));
  }

  run(chaosMs: number): RunReport {
    for (const member of this.#members) this.#queue.after(500 * this.#random(), () => this.#start(member));
    for (const fault of Object.keys(this.#swarm.everyMs) as Fault[]) this.#plan(fault, chaosMs);
    this.#proposeSoon();
    this.#queue.runUntil(chaosMs);
    this.#heal();
    const timeoutMs = this.#swarm.timing.electionMaxMs;
    this.#queue.runUntil(this.#queue.now + 5 * timeoutMs);
    this.#mustServe();
    this.#queue.runUntil(this.#queue.now + 10 * timeoutMs);
    this.#mustAgree();
    const { seen } = this.#checker;
    return { seed: this.#seed, swarm: this.#swarm, simulatedMs: this.#queue.now, seen, faults: this.#faults };
  }

  // Network

  #send(from: MemberId, { to, message }: Outgoing): void {
    if ((this.#cuts.get(`${from}>${to}`) ?? 0) > this.#queue.now) return;
    const { loss, duplication } = this.#network;
    const forged = this.#world.canary.forgeRelease === true && (message.type === "vote" || message.type === "preVote")
      ? { ...message, transfer: true }
      : message;
    const copies = this.#random() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (loss > 0 && this.#random() < loss) continue;
      this.#queue.after(this.#delay(), () => this.#byId.get(to)?.receive(from, forged));
    }
  }

  #delay(): number {
    const { delayMinMs, delayMeanMs, clogged } = this.#network;
    if (clogged > 0 && this.#random() < clogged) return 2000 * this.#random();
    return delayMinMs - delayMeanMs * Math.log(1 - this.#random());
  }

  // Work

  #place(leader: MemberId): ReadonlyMap<string, MemberId> {
    const spread = this.#healed || this.#random() < 0.5;
    return new Map(this.#addresses.map((ip) => [ip, spread ? this.#anyMember().id : leader]));
  }

  #proposeSoon(): void {
    this.#queue.after(this.#swarm.proposeEveryMs * (0.5 + this.#random()), () => {
      for (const member of this.#members) {
        if (member.core?.role === "leader") member.propose(`${member.id} ${this.#proposals++}`);
      }
      this.#proposeSoon();
    });
  }

  // Faults

  #anyMember(): SimMember {
    return this.#members[Math.floor(this.#random() * this.#members.length)] as SimMember;
  }

  /** Half of the faults hit a leader: that is where it hurts. */
  #victim(): SimMember {
    const leaders = this.#members.filter((member) => member.core?.role === "leader");
    const leader = leaders[Math.floor(this.#random() * leaders.length)];
    return leader !== undefined && this.#random() < 0.5 ? leader : this.#anyMember();
  }

  #plan(fault: Fault, chaosMs: number): void {
    const every = this.#swarm.everyMs[fault];
    if (every === Infinity) return;
    this.#queue.after(-every * Math.log(1 - this.#random()), () => {
      if (this.#queue.now >= chaosMs) return;
      this.#faults++;
      this.#inflict(fault, this.#victim());
      this.#plan(fault, chaosMs);
    });
  }

  #duration(): number {
    const kind = this.#random();
    return this.#random() * (kind < 0.3 ? 60 : kind < 0.75 ? 600 : 5000);
  }

  #inflict(fault: Fault, victim: SimMember): void {
    switch (fault) {
      case "crash":
        return this.#restartLater(victim, () => victim.crash());
      case "reboot":
        return this.#restartLater(victim, () => victim.powerOff());
      case "loseState":
        return this.#loseState(victim);
      case "pause":
        victim.pause();
        return this.#queue.after(this.#duration(), () => victim.resume());
      case "isolate":
        return this.#cut(victim, "both");
      case "oneWay":
        return this.#cut(victim, this.#random() < 0.5 ? "in" : "out");
      case "transfer":
        return victim.transfer(this.#random() < 0.5 ? null : this.#anyMember().id);
      case "resign":
        return victim.resign();
      case "reassign":
        return this.#members.forEach((member) => member.assign());
    }
  }

  #start(member: SimMember): void {
    if (member.core === null) member.start();
  }

  #restartLater(member: SimMember, stop: () => void): void {
    if (member.core === null) return;
    stop();
    this.#queue.after(this.#duration(), () => this.#start(member));
  }

  /** As many losses as the rules can bear: fewer than a majority at a time, and none before everybody has heard of a term. */
  #loseState(victim: SimMember): void {
    const without = this.#members.filter(({ disk }) => disk.hard === null || disk.hard.joining);
    const bearable = this.#members.length === 2 ? 1 : this.#members.length - majority(this.#members.length);
    const termless = this.#members.some(({ disk }) => disk.hard !== null && disk.hard.term === 0);
    if (victim.core === null || termless || without.some((member) => this.#isUnborn(member))) return;
    if (without.length >= bearable && !without.includes(victim)) return;
    this.#amnesiacs.add(victim.id);
    this.#restartLater(victim, () => {
      victim.crash();
      victim.loseState();
    });
  }

  readonly #amnesiacs = new Set<MemberId>();

  #isUnborn(member: SimMember): boolean {
    return !this.#amnesiacs.has(member.id);
  }

  #cut(victim: SimMember, side: "in" | "out" | "both"): void {
    const until = this.#queue.now + this.#duration();
    // All others, or each with even chance: partial cuts are the nasty ones.
    const total = this.#random() < 0.5;
    for (const { id } of this.#members) {
      if (id === victim.id || !(total || this.#random() < 0.5)) continue;
      if (side !== "out") this.#cuts.set(`${id}>${victim.id}`, until);
      if (side !== "in") this.#cuts.set(`${victim.id}>${id}`, until);
    }
  }

  // The end: everything works again, so the cluster must

  #heal(): void {
    this.#healed = true;
    this.#world.trace?.(`${this.#queue.now.toFixed(3)} everything is healed`);
    this.#cuts.clear();
    this.#network = { loss: 0, duplication: 0, delayMinMs: 0.05, delayMeanMs: 0.2, clogged: 0 };
    this.#world.fsyncMs = Math.min(this.#world.fsyncMs, 1);
    this.#world.latenessMs = Math.min(this.#world.latenessMs, 0.5);
    for (const member of this.#members) {
      member.resume();
      this.#start(member);
      member.assign();
    }
  }

  #mustServe(): void {
    const leader = this.#members.find((member) => member.core?.role === "leader");
    if (leader === undefined) throw new Violation("a healed cluster has a leader within five election timeouts");
    const idle = this.#addresses.filter((ip) => this.#checker.holder(ip, this.#queue.now) === null);
    if (idle.length > 0) throw new Violation(`a healed cluster serves every address: nobody holds ${idle.join(", ")}`);
  }

  #mustAgree(): void {
    const joining = this.#members.filter((member) => member.core?.role === "joining");
    if (joining.length > 0) {
      throw new Violation(`a healed cluster takes everybody in: ${joining.map((m) => m.id)} still joins`);
    }
    const commits = this.#members.map((member) => member.core?.commitIndex ?? 0);
    if (Math.max(...commits) - Math.min(...commits) > 50) {
      throw new Violation(`all members keep up: commits at ${commits}`);
    }
  }
}
