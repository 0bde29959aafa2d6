/** What the state machine of one connection is told and what it asks for. Types only. */

import type { SessionState } from "./types.ts";

/** What a NOTIFICATION says (RFC 4271 §4.5). */
export interface Notice {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** Settings of one connection's machine. */
export interface FsmConfig {
  /** Never connects; waits to be told of a connection (RFC 4271 §8.1.1, PassiveTcpEstablishment). */
  readonly passive: boolean;
  /** ConnectRetryTime before jitter (RFC 4271 §10). */
  readonly connectRetryMs: number;
}

/** Events that carry nothing, by their names in RFC 4271 §8.1. */
export type PlainEventName =
  | "ManualStart"
  | "AutomaticStart"
  | "ManualStart_with_PassiveTcpEstablishment"
  | "AutomaticStart_with_PassiveTcpEstablishment"
  | "AutomaticStart_with_DampPeerOscillations"
  | "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment"
  | "ConnectRetryTimer_Expires"
  | "HoldTimer_Expires"
  | "KeepaliveTimer_Expires"
  /** The option DelayOpen is not used, so its timer never runs. */
  | "DelayOpenTimer_Expires"
  | "IdleHoldTimer_Expires"
  | "TcpConnection_Valid"
  | "Tcp_CR_Invalid"
  | "Tcp_CR_Acked"
  | "TcpConnectionConfirmed"
  | "TcpConnectionFails"
  | "BGPOpen with DelayOpenTimer running"
  | "OpenCollisionDump"
  | "NotifMsgVerErr"
  | "NotifMsg"
  | "KeepAliveMsg"
  | "UpdateMsg";

/** The 28 events of RFC 4271 §8.1, one of RFC 2918 and one of RFC 9687. */
export type FsmEvent =
  | { readonly is: PlainEventName }
  /** The Cease that is sent if there is somebody to send it to. */
  | { readonly is: "ManualStop" | "AutomaticStop"; readonly cease: Notice }
  /** A valid OPEN and what it negotiated; 0: no keepalives, no hold timer. */
  | { readonly is: "BGPOpen"; readonly holdTimeMs: number; readonly keepaliveMs: number }
  | { readonly is: "BGPHeaderErr" | "BGPOpenMsgErr" | "UpdateMsgErr"; readonly error: Notice }
  /** RFC 2918; an error in it is of the session (RFC 7313 §5). */
  | { readonly is: "RouteRefreshMsg" }
  | { readonly is: "RouteRefreshMsgErr"; readonly error: Notice }
  /** RFC 9687 §4, event 29: the peer has taken no bytes for too long. */
  | { readonly is: "SendHoldTimer_Expires" };

/** What the machine wants done, in order. */
export type FsmAction =
  /** Begin a TCP connection. */
  | { readonly do: "connect" }
  | { readonly do: "send-open" }
  | { readonly do: "send-keepalive" }
  | { readonly do: "notify"; readonly notice: Notice }
  /** End the TCP connection, or the attempt: after what is queued (`close`) or at once (`abort`). */
  | { readonly do: "drop"; readonly how: "close" | "abort" }
  /** The session is up. */
  | { readonly do: "establish" }
  /** Process the UPDATE or ROUTE-REFRESH. */
  | { readonly do: "deliver" };

/** The timers of RFC 4271 §8.1.3 that are used. */
export type TimerName = "connect-retry" | "hold" | "keepalive" | "idle-hold";

/** States in which there is a TCP connection that speaks BGP. */
export type OpenState = Extract<SessionState, "open-sent" | "open-confirm" | "established">;
