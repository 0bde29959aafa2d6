/** Two sessions and the path between them, in virtual time: packets are delayed, lost, or all of a direction is. */
import type { Random } from "../../mod/base/clock.ts";
import { type BfdOutput, BfdSession } from "../../mod/bfd/session.ts";
import type { BfdChange, BfdConfig } from "../../mod/bfd/types.ts";
import { type BfdPacket, decodeBfd, encodeBfd } from "../../mod/net/bfd.ts";

/** What the way to a side does to packets. */
export interface Way {
  open: boolean;
  /** Share of the packets, 0 to 1. */
  loss: number;
  /** The longest delay; every packet has its own, but none overtakes another. */
  delayMs: number;
}

/** One end of the path. */
export interface Side {
  session: BfdSession;
  readonly config: BfdConfig;
  /** The way to this side. */
  readonly way: Way;
  readonly changes: { readonly atMs: number; readonly change: BfdChange }[];
  /** When it sent what. */
  readonly sent: { readonly atMs: number; readonly packet: BfdPacket }[];
}

interface Delivery {
  readonly atMs: number;
  readonly to: Side;
  readonly bytes: Uint8Array;
}

/** The model. */
export class TwoSides {
  readonly left: Side;
  readonly right: Side;
  nowMs = 1000;
  readonly #random: Random;
  readonly #underway: Delivery[] = [];
  #discriminator = 0;

  constructor(random: Random, configs: { left: BfdConfig; right: BfdConfig }, way: Way) {
    this.#random = random;
    this.left = this.#side(configs.left, way);
    this.right = this.#side(configs.right, way);
  }

  get sides(): readonly [Side, Side] {
    return [this.left, this.right];
  }

  /** Replaces a side's session by a new one, as a daemon that starts again does. */
  restart(side: Side): void {
    side.session = this.#session(side.config);
  }

  /** Stops a side's session: its last word goes out. */
  stop(side: Side): void {
    this.#send(side, side.session.stop());
  }

  /** Lets time pass. */
  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      const atMs = Math.min(this.#next(), ...this.sides.map(({ session }) => session.deadlineMs));
      if (atMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      this.#turn();
    }
    this.nowMs = untilMs;
  }

  #turn(): void {
    for (const delivery of this.#underway.filter(({ atMs }) => atMs <= this.nowMs)) {
      this.#underway.splice(this.#underway.indexOf(delivery), 1);
      const { to } = delivery;
      const packet = decodeBfd(delivery.bytes);
      const known = packet.yourDiscriminator;
      if (known !== 0 && known !== to.session.discriminator) continue;
      this.#do(to, to.session.receive(packet, this.nowMs));
    }
    for (const side of this.sides) {
      if (side.session.deadlineMs <= this.nowMs) this.#do(side, side.session.tick(this.nowMs));
    }
  }

  #do(side: Side, { packets, change }: BfdOutput): void {
    for (const packet of packets) this.#send(side, packet);
    if (change !== null) side.changes.push({ atMs: this.nowMs, change });
  }

  #send(from: Side, packet: BfdPacket): void {
    from.sent.push({ atMs: this.nowMs, packet });
    const to = from === this.left ? this.right : this.left;
    const { open, loss, delayMs } = to.way;
    if (!open || this.#random() < loss) return;
    // In order, as on one path: BFD has no numbers to tell an old packet by.
    const earlier = this.#underway.filter((each) => each.to === to).map(({ atMs }) => atMs);
    const atMs = Math.max(this.nowMs + delayMs * this.#random(), ...earlier);
    this.#underway.push({ atMs, to, bytes: encodeBfd(packet) });
  }

  #next(): number {
    return Math.min(...this.#underway.map(({ atMs }) => atMs));
  }

  #side(config: BfdConfig, way: Way): Side {
    return { session: this.#session(config), config, way: { ...way }, changes: [], sent: [] };
  }

  #session(config: BfdConfig): BfdSession {
    this.#discriminator++;
    return new BfdSession(config, { discriminator: this.#discriminator, now: this.nowMs, random: this.#random });
  }
}
