/** What the holder takes from others and tells them. */

import type { AddressScope } from "./kernel.ts";

/** A managed address and the link that gets it. */
export interface PlacedVip {
  readonly ip: string;
  readonly prefixLength: number;
  readonly linkName: string;
  /** `vip_interfaceloglobal`. @default {"host"} on loopback links, "global" on all others */
  readonly scope?: AddressScope;
}

/** Told about holds as they begin and end, synchronously. */
export interface HoldListener {
  /** @param epoch of the grant: grows with every change of holder */
  held(ip: string, epoch: number): void;
  /** The address still answers during this call, so that a RST can leave. */
  released(ip: string): void;
  /** The address stays although nobody stands for it any more (`Grant.preserved`): no network is to hear of it. */
  preserved?(ip: string): void;
  /** It is stood for again. */
  resumed?(ip: string, epoch: number): void;
  /**
   * A take-over is done: the address is served and has been announced for the first time (on links where nothing is announced: it is
   * there), so long after the grant. Not called for a hold that ends before.
   */
  announced?(ip: string, takeoverMs: number): void;
}

/** What a person may ask about one address. */
export interface HoldStatus {
  readonly ip: string;
  readonly heldHere: boolean;
  /** How long it has been held here without a break; null when it is not. */
  readonly heldForMs: number | null;
  readonly validForMs: number | null;
  /** Why a grant is not used, or who else claims the address; null when all is well. */
  readonly conflict: string | null;
  readonly conflictsSeen: number;
  /** It stays under a grant that nobody stands for any more (`Grant.preserved`): it answers and is not announced. */
  readonly preserved?: true;
  /** How long the latest take-over lasted, from the grant to the first announcement; absent: there was none yet. */
  readonly takeoverMs?: number;
}
