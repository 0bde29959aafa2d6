import type { Clock, Random } from "../../mod/base/clock.ts";
import type { Transport } from "../../mod/election/raft/transport.ts";
import type { MemberId } from "../../mod/election/raft/types.ts";

/** How bad the network is. */
export interface Weather {
  /** Share of datagrams lost and doubled, 0–1. */
  readonly loss: number;
  readonly duplication: number;
  /** One-way delay in milliseconds, evenly between the two. */
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

export const FAIR: Weather = { loss: 0, duplication: 0, minDelayMs: 0.2, maxDelayMs: 1 };

const LIMIT_BYTES = 60_001;

/** Members connected in virtual time, with seeded loss, delay, duplication and cut links. */
export class MemoryNetwork {
  weather: Weather;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #members = new Map<MemberId, MemoryTransport>();
  readonly #cut = new Set<string>();
  delivered = 0;

  constructor(clock: Clock, random: Random, { weather = FAIR }: { weather?: Weather } = {}) {
    this.#clock = clock;
    this.#random = random;
    this.weather = weather;
  }

  /** A new transport for `id`; it takes the place of an earlier one when it starts. */
  join(id: MemberId): Transport {
    return new MemoryTransport(id, {
      attach: (transport) => void this.#members.set(id, transport),
      detach: (transport) => void (this.#members.get(id) === transport && this.#members.delete(id)),
      carry: (to, payload) => this.#carry(id, to, payload),
    });
  }

  /** Cuts the way from one member to another; the way back stays. */
  cut(from: MemberId, to: MemberId): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** Cuts a member off in both directions. */
  isolate(id: MemberId): void {
    for (const other of this.#members.keys()) {
      this.cut(id, other);
      this.cut(other, id);
    }
  }

  /** Mends every link. */
  heal(): void {
    this.#cut.clear();
  }

  #carry(from: MemberId, to: MemberId, payload: Uint8Array): void {
    if (payload.length > LIMIT_BYTES) return;
    const copies = this.#random() < this.weather.duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random() < this.weather.loss) continue;
      const { minDelayMs, maxDelayMs } = this.weather;
      const bytes = payload.slice();
      this.#clock.after(minDelayMs + this.#random() * (maxDelayMs - minDelayMs), () => {
        if (this.#cut.has(`${from}>${to}`)) return;
        const receiver = this.#members.get(to);
        if (receiver === undefined) return;
        this.delivered++;
        receiver.onReceive(from, bytes);
      });
    }
  }
}

interface Wires {
  attach(transport: MemoryTransport): void;
  detach(transport: MemoryTransport): void;
  carry(to: MemberId, payload: Uint8Array): void;
}

class MemoryTransport implements Transport {
  onReceive: (from: MemberId, payload: Uint8Array) => void = () => {};
  #started = false;

  constructor(readonly id: MemberId, readonly wires: Wires) {}

  send(to: MemberId, payload: Uint8Array): void {
    if (this.#started) this.wires.carry(to, payload);
  }

  start(): Promise<void> {
    this.#started = true;
    this.wires.attach(this);
    return Promise.resolve();
  }

  stop(): Promise<void> {
    this.#started = false;
    this.wires.detach(this);
    return Promise.resolve();
  }
}
