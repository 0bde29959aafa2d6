import type { MemberId } from "./types.ts";

/** Carries datagrams between members; may lose, delay, duplicate and reorder them, and never passes on a forged or replayed one. */
export interface Transport {
  /** Sends without waiting; a datagram that cannot be sent is counted and lost. */
  send(to: MemberId, payload: Uint8Array): void;
  /** Called for each genuine datagram. Set before {@link start}. */
  onReceive: (from: MemberId, payload: Uint8Array) => void;
  start(): Promise<void>;
  stop(): Promise<void>;
}
