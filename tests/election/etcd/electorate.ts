import { EtcdElector, type EtcdElectorOptions } from "../../../mod/election/etcd/elector.ts";
import { type Electorate, SCOPE } from "../../contracts/elector.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { HoldLedger, Machine } from "../../fakes/machine.ts";
import { seededRandom } from "../../fakes/random.ts";
import { FakeConnection, FakeEtcd } from "./fake_etcd.ts";

export const PREFIX = "kube-system-plndr-cp-lock";
export const TTL_MS = 3000;

/** One elector, its process, and its way to etcd. */
export interface Member {
  readonly elector: EtcdElector;
  readonly machine: Machine;
  readonly connection: FakeConnection;
}

/** Electors on one fake etcd, in virtual time. */
export class EtcdElectorate implements Electorate {
  readonly clock = new VirtualClock();
  readonly ledger = new HoldLedger(this.clock);
  readonly etcd: FakeEtcd;
  readonly failoverMs = TTL_MS + 1500;
  readonly members = new Map<string, Member>();
  /** Names of leaders each member was told of. */
  readonly leaders = new Map<string, (string | null)[]>();
  readonly unfit = new Set<string>();
  graceMs = 0;
  addresses: readonly string[] = [SCOPE];
  readonly #all: Member[] = [];
  readonly #random = seededRandom(7);

  constructor(lateMs: () => number = () => 0) {
    this.etcd = new FakeEtcd(lateMs);
    for (const id of ["a", "b", "c"]) this.make(id);
  }

  /** A new process of the member, beside or after the one there was. */
  make(id: string, options: Partial<EtcdElectorOptions> = {}): Member {
    const machine = new Machine(this.clock);
    const connection = new FakeConnection(this.etcd, machine.clock, { random: this.#random });
    const told: (string | null)[] = [];
    const elector = new EtcdElector({
      identity: id,
      bootId: `boot-of-${id}`,
      prefix: PREFIX,
      ttlMs: TTL_MS,
      retryMs: 2000,
      addresses: () => this.addresses,
      gateway: connection,
      clock: machine.clock,
      random: this.#random,
      sink: this.ledger.sink(id),
      fit: () => !this.unfit.has(id),
      graceMs: () => this.graceMs,
      preserveOnLoss: false,
      onLeader: (name) => void told.push(name),
      ...options,
    });
    const member = { elector, machine, connection };
    this.members.set(id, member);
    this.leaders.set(id, told);
    this.#all.push(member);
    return member;
  }

  member(id: string): Member {
    const found = this.members.get(id);
    if (found === undefined) throw new Error(`no member ${id}`);
    return found;
  }

  async start(id: string): Promise<void> {
    const { elector, machine } = this.members.get(id) ?? this.make(id);
    if (machine.isKilled || elector.observe().triedMs !== null) await this.make(id).elector.start();
    else await elector.start();
  }

  async stop(id: string): Promise<void> {
    await this.#during(this.member(id).elector.stop());
  }

  kill(id: string): void {
    this.member(id).machine.kill();
  }

  pause(id: string): void {
    this.member(id).machine.pause();
  }

  resume(id: string): void {
    this.member(id).machine.resume();
  }

  isolate(id: string): void {
    this.member(id).connection.weather = { lose: { request: true, answer: true } };
  }

  heal(): void {
    for (const { connection } of this.#all) connection.weather = { lose: { request: false, answer: false } };
  }

  async advance(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1) {
      this.clock.advance(Math.min(1, ms - passed));
      this.etcd.tick(this.clock.now());
      await settle();
    }
  }

  async dispose(): Promise<void> {
    await this.#during(
      Promise.all(this.#all.filter((each) => !each.machine.isKilled).map((each) => each.elector.stop())),
    );
  }

  /** The members that may answer now. */
  holders(): string[] {
    return this.ledger.holders(SCOPE);
  }

  /** Lets time pass until `look` holds; the milliseconds it took. */
  async until(look: () => boolean, limitMs: number): Promise<number> {
    for (let passed = 0; passed < limitMs; passed++) {
      if (look()) return passed;
      await this.advance(1);
    }
    throw new Error(`not within ${limitMs} ms; holders ${this.holders()}`);
  }

  /** Lets time pass while something ends that needs it. */
  async #during(work: Promise<unknown>): Promise<void> {
    let done = false;
    const ending = work.then(() => void (done = true));
    for (let passed = 0; passed < 5000 && !done; passed++) await this.advance(1);
    await ending;
  }
}

/** Lets everything run that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve();
}
