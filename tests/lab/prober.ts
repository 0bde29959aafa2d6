import type { Family } from "./records.ts";

/** What a probe received. */
export type Heard =
  /** A reply: the low bits of the request's number, and who answered (empty from the pinger). */
  | { readonly kind: "reply"; readonly low: number; readonly mac: string }
  /** Somebody announces that it has the address, without having been asked. */
  | { readonly kind: "claim"; readonly mac: string };

/** One kind of question on one family of addresses. */
export interface Prober {
  readonly fd: number;
  /** How many numbers can be told apart in a reply. */
  readonly modulus: number;
  /** Sends request number `number`; a link that refuses it makes no difference to the record. */
  send(number: number): void;
  /** The next thing that waits; null when there is none. */
  receive(): Heard | null;
}

/** One prober for each family. */
export type Probers = ReadonlyMap<Family, Prober>;
