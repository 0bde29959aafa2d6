/** Between a session and the speaker that owns it. Pure. */

import type { Family, ReceivedUpdate } from "../net/bgp/types.ts";
import type { Incoming } from "./transport.ts";
import type { Negotiated, PeerReport } from "./types.ts";

/** Why a session that was up is not any more. */
export interface SessionEnd {
  /** In words, for people. */
  readonly why: string;
  /** What the peer does with our routes: it keeps them while we are away, or has dropped them. */
  readonly routes: "kept" | "dropped";
}

/** What a session tells its owner. */
export interface SessionEvents {
  established(negotiated: Negotiated): void;
  ended(end: SessionEnd): void;
  received(update: ReceivedUpdate): void;
  /** The peer wants all routes of that family again (RFC 2918). */
  refresh(family: Family): void;
}

/** How a session is ended on purpose (RFC 4486, RFC 9003). */
export type Cease =
  /** Cease/2 with a text for the other side's log. */
  | { readonly is: "shutdown"; readonly text: string }
  /** Cease/4. */
  | { readonly is: "reset"; readonly text: string }
  /** Cease/3: the peer is not configured any more. */
  | { readonly is: "deconfigured" }
  /** Cease/6. */
  | { readonly is: "config-change" }
  /** Cease/10 (RFC 9384): BFD says that the path is gone. */
  | { readonly is: "bfd-down" };

/** One peer's session. */
export interface PeerSession {
  start(): void;
  /** Ends it for good; resolves when the sockets are gone, in two seconds at most. Idempotent. */
  stop(cease: Cease): Promise<void>;
  /** Ends what is up and begins again. */
  restart(cease: Cease): void;
  /** BFD: the path is gone, no attempts until it is back ({@link pathUp}). */
  pathDown(): void;
  pathUp(): void;
  /** Somebody has connected: taken if it is this peer and a connection is welcome now; otherwise nothing was done with it. */
  incoming(incoming: Incoming): "taken" | "refused";
  /** Messages, whole, in order; dropped unless established. */
  send(messages: readonly Uint8Array[]): void;
  /** Bytes that the kernel has not taken yet. */
  readonly queuedBytes: number;
  report(): Pick<
    PeerReport,
    "state" | "stateForMs" | "remoteAs" | "lastError" | "lastErrorMsAgo" | "established" | "malformedUpdates"
  >;
}
