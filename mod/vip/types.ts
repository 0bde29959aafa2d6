/** What the holder takes from others and tells them. */

/** A managed address and the link that gets it. */
export interface PlacedVip {
  readonly ip: string;
  readonly prefixLength: number;
  readonly linkName: string;
}

/** Told about holds as they begin and end, synchronously. */
export interface HoldListener {
  held(ip: string): void;
  /** The address still answers during this call, so that a RST can leave. */
  released(ip: string): void;
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
}
