/** Several kinds of traffic over one transport: the first byte of every payload names the channel. */
import { assert } from "../../base/assert.ts";
import type { Transport } from "./transport.ts";
import type { MemberId } from "./types.ts";

/** The raft core's messages. */
export const RAFT_CHANNEL = 0;
/** Questions about a member's status, and the answers. */
export const STATUS_CHANNEL = 1;

/** One channel of a {@link Mux}. */
export interface Channel {
  /** Sends without waiting, as {@link Transport.send}. */
  send(to: MemberId, payload: Uint8Array): void;
  /** Called for each datagram of this channel. */
  onReceive: (from: MemberId, payload: Uint8Array) => void;
}

/** Splits a transport into channels. It takes over the transport's `onReceive`; starting and stopping stay with the owner. */
export class Mux {
  readonly #transport: Transport;
  readonly #channels = new Map<number, Channel>();
  #unclaimed = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
    transport.onReceive = (from, payload) => this.#receive(from, payload);
  }

  /** The channel `number` (0–255); the same object for the same number. */
  channel(number: number): Channel {
    assert(Number.isInteger(number) && number >= 0 && number < 256, `channel ${number}`);
    const known = this.#channels.get(number);
    if (known !== undefined) return known;
    const channel: Channel = {
      send: (to, payload) => {
        const tagged = new Uint8Array(payload.length + 1);
        tagged[0] = number;
        tagged.set(payload, 1);
        this.#transport.send(to, tagged);
      },
      onReceive: () => {},
    };
    this.#channels.set(number, channel);
    return channel;
  }

  /** Payloads for channels that nobody listens to here: a peer of another version. */
  get unclaimed(): number {
    return this.#unclaimed;
  }

  #receive(from: MemberId, payload: Uint8Array): void {
    const channel = this.#channels.get(payload[0] ?? -1);
    if (channel === undefined) this.#unclaimed++;
    else channel.onReceive(from, payload.subarray(1));
  }
}
