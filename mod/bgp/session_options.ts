/** What a session is made of. Types only. */

import type { Clock, Random } from "../base/clock.ts";
import type { SessionEvents } from "./session_types.ts";
import type { Transport } from "./transport.ts";
import type { BgpPeerConfig } from "./types.ts";

/** The side that is ours in every session. */
export interface LocalSpeaker {
  readonly as: number;
  /** Dotted quad. */
  readonly routerId: string;
  /** RFC 4724; null: this side only helps peers that restart. */
  readonly gracefulRestartMs: number | null;
  /** R bit of RFC 4724 §3 for an OPEN that is sent now: this process has just come back and has not sent End-of-RIB yet. */
  readonly restarting: () => boolean;
  /** F bit: what was announced before a restart has been answered for meanwhile; false after the machine has booted. */
  readonly forwarding: () => boolean;
}

/** The routers on links, by their link-local addresses (unnumbered peers). */
export interface LinkPeers {
  /** Canonical text of the router's link-local address on that link; null: none was seen yet. */
  peer(interfaceName: string): string | null;
  /** Calls back when an answer of {@link peer} may have changed; what is returned ends that. */
  onChange(changed: () => void): () => void;
}

/**
 * Addresses of a host, canonical text, best first; empty: it has none. Rejects when the name service cannot tell.
 * At most one is under way per session; the signal ends it.
 */
export type Lookup = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

/** What {@link file://./session.ts} needs. */
export interface SessionOptions {
  readonly peer: BgpPeerConfig;
  readonly speaker: LocalSpeaker;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly lookup: Lookup;
  readonly linkPeers: LinkPeers;
  readonly events: SessionEvents;
}
