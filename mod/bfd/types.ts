/** BFD (RFC 5880) as BGP uses it: asynchronous mode, IPv4 and IPv6, single hop (RFC 5881) and multihop (RFC 5883). Pure. */

/** RFC 5880 timers of one peer. */
export interface BfdConfig {
  readonly desiredTxMs: number;
  readonly requiredRxMs: number;
  readonly multiplier: number;
}

/** RFC 5880 §6.2. */
export type BfdState = "admin-down" | "down" | "init" | "up";

/** A path that is watched. */
export interface BfdPath extends BfdConfig {
  /** Canonical text. */
  readonly remoteIp: string;
  /** Local address; the other side answers to it. */
  readonly localIp: string;
  /** Link of link-local addresses and of single-hop paths; null: by routing. */
  readonly interface: string | null;
  readonly multihop: boolean;
}

/** A change of a path's state. */
export interface BfdChange {
  readonly state: BfdState;
  /** In words (RFC 5880 §4.1, diagnostic): why it is down; empty when it is up. */
  readonly why: string;
  /** The other side said AdminDown: it stopped on purpose, which is no failure of the path (RFC 5882 §3.2). */
  readonly remoteAdminDown: boolean;
}

/** One watched path. */
export interface BfdWatch {
  readonly state: BfdState;
  /** Says AdminDown to the other side, and stops. Idempotent. */
  stop(): void;
}

/** Watches paths; the implementation is {@link file://./monitor.ts}. */
export interface BfdMonitor {
  /**
   * Begins to watch; the change is told in a later turn. Throws SysError if the sockets cannot be had, EEXIST if the path is watched.
   *
   * For BGP, watch from Established to its end and not before, as BIRD does: FRR (8.4) makes its BFD session anew when BGP is established,
   * and if the old one was up then, it takes that for a failure and ends BGP at once (Cease, 6/10).
   */
  watch(path: BfdPath, onChange: (change: BfdChange) => void): BfdWatch;
  close(): void;
}
