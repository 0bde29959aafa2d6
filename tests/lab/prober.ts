/** One kind of question on one family of addresses. */
export interface Prober {
  readonly fd: number;
  /** Sends request number `number`; a link that refuses it makes no difference to the record. */
  send(number: number): void;
  /** The next reply that waits: the low bits of the request's number and who answered; null when there is none. */
  receive(): { readonly low: number; readonly mac: string } | null;
  /** How many numbers can be told apart in a reply. */
  readonly modulus: number;
}
