import { RaftNode } from "../../mod/election/raft/node.ts";
import type { RaftNodeOptions } from "../../mod/election/raft/node.ts";
import type { MemberId, Timing } from "../../mod/election/raft/types.ts";
import { VirtualClock } from "./clock.ts";
import { HoldLedger, Machine } from "./machine.ts";
import { MemoryDisk, MemoryStorage } from "./memory_storage.ts";
import { MemoryNetwork } from "./memory_network.ts";
import { seededRandom } from "./random.ts";

export const TIMING: Timing = { beatMs: 50, leaseMs: 200, electionMinMs: 255, electionMaxMs: 350 };

/** A member's process and what survives it. */
interface Place {
  readonly disk: MemoryDisk;
  node: RaftNode | null;
  machine: Machine;
  storage: MemoryStorage;
}

/** Raft nodes in virtual time, on memory disks and a memory network, with one ledger over all their sinks. */
export class RaftCluster {
  readonly clock = new VirtualClock();
  readonly ledger = new HoldLedger(this.clock);
  readonly network: MemoryNetwork;
  readonly ids: readonly MemberId[];
  /** Sees every datagram at the moment it is sent. */
  onSend: (from: MemberId, payload: Uint8Array) => void = () => {};
  readonly #random: () => number;
  readonly #places = new Map<MemberId, Place>();
  readonly #options: Partial<RaftNodeOptions>;

  constructor(ids: readonly MemberId[], seed: number, options: Partial<RaftNodeOptions> = {}) {
    this.ids = ids;
    this.#random = seededRandom(seed);
    this.network = new MemoryNetwork(this.clock, this.#random);
    this.#options = options;
    for (const id of ids) {
      const disk = new MemoryDisk();
      this.#places.set(id, { disk, node: null, machine: new Machine(this.clock), storage: new MemoryStorage(disk) });
    }
  }

  /** A member that has not been started. */
  make(id: MemberId, more: Partial<RaftNodeOptions> = {}): RaftNode {
    const place = this.#place(id);
    place.machine = new Machine(this.clock);
    place.storage = new MemoryStorage(place.disk, { clock: place.machine.clock, writeMs: 1 });
    place.node = new RaftNode({
      self: id,
      peers: this.ids.filter((other) => other !== id),
      timing: TIMING,
      placement: "leader",
      addresses: ["10.0.0.1"],
      clock: place.machine.clock,
      random: this.#random,
      storage: place.storage,
      transport: place.machine.attach(this.network.join(id), (payload) => this.onSend(id, payload)),
      sink: this.ledger.sink(id),
      startAsLeader: false,
      graceMs: () => 0,
      soloAllowed: () => true,
      fit: () => true,
      ...this.#options,
      ...more,
    });
    return place.node;
  }

  /** Starts a member, or starts it again after a crash or stop. */
  async start(id: MemberId, more: Partial<RaftNodeOptions> = {}): Promise<RaftNode> {
    const node = this.make(id, more);
    await node.start();
    return node;
  }

  async startAll(): Promise<void> {
    for (const id of this.ids) await this.start(id);
  }

  /** The process is gone at once; what its kernel was told stays until it runs out. */
  kill(id: MemberId): void {
    this.machine(id).kill();
    this.#place(id).storage.crash();
  }

  node(id: MemberId): RaftNode {
    const { node } = this.#place(id);
    if (node === null) throw new Error(`${id} has not been started`);
    return node;
  }

  machine(id: MemberId): Machine {
    return this.#place(id).machine;
  }

  disk(id: MemberId): MemoryDisk {
    return this.#place(id).disk;
  }

  /** The members that see themselves leading. */
  leaders(): MemberId[] {
    return this.ids.filter((id) => !this.machine(id).isKilled && this.#place(id).node?.observe().role === "leader");
  }

  /** Lets time pass, and promises settle after every millisecond of it. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1) {
      this.clock.advance(Math.min(1, left));
      await settle();
    }
  }

  /** Lets time pass until `condition`, at most `limitMs`; gives the time it took, Infinity if it never came. */
  async advanceUntil(condition: () => boolean, limitMs: number): Promise<number> {
    const start = this.clock.now();
    while (!condition()) {
      if (this.clock.now() - start >= limitMs) return Infinity;
      await this.advance(1);
    }
    return this.clock.now() - start;
  }

  /** Lets time pass while `work` goes on, and gives its result. */
  async during<T>(work: Promise<T>, limitMs = 5000): Promise<T> {
    let over = false;
    const watched = work.finally(() => over = true);
    watched.catch(() => {});
    await this.advanceUntil(() => over, limitMs);
    if (!over) throw new Error(`not done after ${limitMs} ms`);
    return await watched;
  }

  async stopAll(): Promise<void> {
    const all = Promise.all(this.ids.map((id) => this.#place(id).node?.stop()));
    await this.during(all, 20_000).catch(() => {});
  }

  #place(id: MemberId): Place {
    const place = this.#places.get(id);
    if (place === undefined) throw new Error(`no member ${id}`);
    return place;
  }
}

/** Lets promises that wait on nothing but each other settle. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
