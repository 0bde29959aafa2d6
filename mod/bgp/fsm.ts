/**
 * The state machine of one BGP connection (RFC 4271 §8): every event in every state. Pure: the moment and the chance are arguments,
 * timers are deadlines, what is to be done is returned. The option DelayOpen is off, PassiveTcpEstablishment and
 * DampPeerOscillations are there; how long a machine stays in Idle is decided by its owner ({@link Fsm.holdIdle}).
 *
 * On purpose unlike the letter of §8.2.2: a NOTIFICATION is never answered, not even in OpenSent (§6.4: none is sent about one);
 * faults of a message header are answered by 1/x in Established, too (§6.1); the ConnectRetryTimer of a passive connection never runs.
 */

import type { Random } from "../base/clock.ts";
import { assertNever } from "../base/assert.ts";
import { jittered, Timers } from "./timers.ts";
import type { FsmAction, FsmConfig, FsmEvent, Notice, OpenState, TimerName } from "./fsm_types.ts";
import type { SessionState } from "./types.ts";

/** RFC 4271 §8.2.2: the "large value" of the hold timer until the OPEN is there. */
const LARGE_HOLD_MS = 240_000;

const NO_DATA = new Uint8Array(0);

/** RFC 6608 §4: the subcode of a Finite State Machine Error for a message that is not expected in that state. */
const UNEXPECTED_IN: Readonly<Record<OpenState, number>> = { "open-sent": 1, "open-confirm": 2, established: 3 };

const TIMER_EVENTS: Readonly<Record<TimerName, FsmEvent>> = {
  "connect-retry": { is: "ConnectRetryTimer_Expires" },
  hold: { is: "HoldTimer_Expires" },
  keepalive: { is: "KeepaliveTimer_Expires" },
  "idle-hold": { is: "IdleHoldTimer_Expires" },
};

/** A moment and a source of chance, for one step. */
export interface Instant {
  /** Milliseconds, monotonic. */
  readonly now: number;
  readonly random: Random;
}

/** One connection. */
export class Fsm {
  readonly #config: FsmConfig;
  readonly #timers = new Timers();
  #state: SessionState = "idle";
  #retries = 0;
  #holdMs = 0;
  #keepaliveMs = 0;

  constructor(config: FsmConfig) {
    this.#config = config;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** ConnectRetryCounter: ends since the last start by hand. */
  get connectRetryCounter(): number {
    return this.#retries;
  }

  /** The moment at which {@link dueEvent} has something; null: only events from outside change anything. */
  nextDeadline(): number | null {
    return this.#timers.next();
  }

  /** When the hold timer is due; null: it does not run. */
  holdDeadline(): number | null {
    return this.#timers.deadline("hold");
  }

  /** The event of a timer that is due, to be given to {@link handle}; null: none is. */
  dueEvent(now: number): FsmEvent | null {
    const timer = this.#timers.takeDue(now);
    return timer === null ? null : TIMER_EVENTS[timer];
  }

  /** In Idle: starts by itself at `untilMs` (IdleHoldTimer, RFC 4271 §8.1.1 on DampPeerOscillations). */
  holdIdle(untilMs: number): void {
    if (this.#state === "idle") this.#timers.start("idle-hold", untilMs);
  }

  /** In Connect: the attempt has begun only now (an address had to be found first), so its time begins now. */
  attemptBegins(at: Instant): void {
    if (this.#state === "connect") this.#startConnectRetry(at);
  }

  /** One event. What is to be done comes back, in order. */
  handle(event: FsmEvent, at: Instant): FsmAction[] {
    switch (this.#state) {
      case "idle":
        return this.#inIdle(event, at);
      case "connect":
        return this.#inConnect(event, at);
      case "active":
        return this.#inActive(event, at);
      case "open-sent":
        return this.#inOpenSent(event, at);
      case "open-confirm":
        return this.#inOpenConfirm(event, at);
      case "established":
        return this.#inEstablished(event, at);
      default:
        return assertNever(this.#state);
    }
  }

  /** Idle: refuses connections; a start begins. Everything else changes nothing. */
  #inIdle(event: FsmEvent, at: Instant): FsmAction[] {
    switch (event.is) {
      case "ManualStart":
      case "AutomaticStart":
        return this.#begin("connect", at);
      case "ManualStart_with_PassiveTcpEstablishment":
      case "AutomaticStart_with_PassiveTcpEstablishment":
        return this.#begin("active", at);
      case "AutomaticStart_with_DampPeerOscillations":
        return this.#timers.runs("idle-hold") ? [] : this.#begin("connect", at);
      case "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment":
        return this.#timers.runs("idle-hold") ? [] : this.#begin("active", at);
      case "IdleHoldTimer_Expires":
        return this.#begin(this.#config.passive ? "active" : "connect", at);
      case "ManualStop":
      case "AutomaticStop":
        this.#timers.stopAll();
        return [];
      case "Tcp_CR_Acked":
      case "TcpConnectionConfirmed":
        return [{ do: "drop", how: "abort" }];
      default:
        return [];
    }
  }

  /** Connect: waits for the TCP connection it has begun. */
  #inConnect(event: FsmEvent, at: Instant): FsmAction[] {
    if (isStart(event)) return [];
    switch (event.is) {
      case "TcpConnection_Valid":
      case "Tcp_CR_Invalid":
      case "DelayOpenTimer_Expires":
        return [];
      case "ManualStop":
        this.#retries = 0;
        return this.#toIdle("abort");
      case "ConnectRetryTimer_Expires":
        this.#startConnectRetry(at);
        return [{ do: "drop", how: "abort" }, { do: "connect" }];
      case "Tcp_CR_Acked":
      case "TcpConnectionConfirmed":
        return this.#toOpenSent(at);
      case "TcpConnectionFails":
        return this.#toIdle("abort");
      default:
        this.#retries += 1;
        return this.#toIdle("abort");
    }
  }

  /** Active: waits for the peer to connect, or for its time to connect. */
  #inActive(event: FsmEvent, at: Instant): FsmAction[] {
    if (isStart(event)) return [];
    switch (event.is) {
      case "TcpConnection_Valid":
      case "Tcp_CR_Invalid":
      case "DelayOpenTimer_Expires":
        return [];
      case "ManualStop":
        this.#retries = 0;
        return this.#toIdle("abort");
      case "ConnectRetryTimer_Expires":
        if (this.#config.passive) return [];
        this.#state = "connect";
        this.#startConnectRetry(at);
        return [{ do: "connect" }];
      case "Tcp_CR_Acked":
      case "TcpConnectionConfirmed":
        return this.#toOpenSent(at);
      default:
        this.#retries += 1;
        return this.#toIdle("abort");
    }
  }

  /** OpenSent: waits for the OPEN of the peer. */
  #inOpenSent(event: FsmEvent, at: Instant): FsmAction[] {
    const common = this.#whereverOpen(event);
    if (common !== null) return common;
    switch (event.is) {
      case "TcpConnectionFails":
        this.#timers.stopAll();
        this.#state = "active";
        if (!this.#config.passive) this.#startConnectRetry(at);
        return [{ do: "drop", how: "abort" }];
      case "BGPOpen":
        this.#state = "open-confirm";
        this.#holdMs = event.holdTimeMs;
        this.#keepaliveMs = event.keepaliveMs;
        this.#restartHold(at.now);
        this.#restartKeepalive(at);
        return [{ do: "send-keepalive" }];
      case "BGPOpenMsgErr":
        return this.#endWith(event.error);
      default:
        return this.#unexpected(event, "open-sent");
    }
  }

  /** OpenConfirm: waits for the KEEPALIVE that says that our OPEN was taken. */
  #inOpenConfirm(event: FsmEvent, at: Instant): FsmAction[] {
    const common = this.#whereverOpen(event);
    if (common !== null) return common;
    switch (event.is) {
      case "TcpConnectionFails":
        return this.#failed("abort");
      case "KeepaliveTimer_Expires":
        this.#restartKeepalive(at);
        return [{ do: "send-keepalive" }];
      case "BGPOpenMsgErr":
        return this.#endWith(event.error);
      case "KeepAliveMsg":
        this.#state = "established";
        this.#restartHold(at.now);
        return [{ do: "establish" }];
      default:
        return this.#unexpected(event, "open-confirm");
    }
  }

  /** Established: routes are exchanged. */
  #inEstablished(event: FsmEvent, at: Instant): FsmAction[] {
    const common = this.#whereverOpen(event);
    if (common !== null) return common;
    switch (event.is) {
      case "TcpConnectionFails":
        return this.#failed("abort");
      case "KeepaliveTimer_Expires":
        this.#restartKeepalive(at);
        return [{ do: "send-keepalive" }];
      case "KeepAliveMsg":
        this.#restartHold(at.now);
        return [];
      case "UpdateMsg":
        this.#restartHold(at.now);
        return [{ do: "deliver" }];
      case "RouteRefreshMsg":
        return [{ do: "deliver" }];
      case "UpdateMsgErr":
      case "RouteRefreshMsgErr":
        return this.#endWith(event.error);
      default:
        return this.#unexpected(event, "established");
    }
  }

  /** What is the same in OpenSent, OpenConfirm and Established; null: it is not. */
  #whereverOpen(event: FsmEvent): FsmAction[] | null {
    if (isStart(event)) return [];
    switch (event.is) {
      case "TcpConnection_Valid":
      case "Tcp_CR_Invalid":
      case "Tcp_CR_Acked":
      case "TcpConnectionConfirmed":
        // Another connection of the same peer: it has a machine of its own until the collision is resolved (§6.8).
        return [];
      case "ManualStop":
        this.#retries = 0;
        return [{ do: "notify", notice: event.cease }, ...this.#toIdle("close")];
      case "AutomaticStop":
        return this.#endWith(event.cease);
      case "HoldTimer_Expires":
        return this.#endWith({ code: 4, subcode: 0, data: NO_DATA });
      case "BGPHeaderErr":
        return this.#endWith(event.error);
      case "OpenCollisionDump":
        return this.#endWith({ code: 6, subcode: 7, data: NO_DATA });
      case "NotifMsgVerErr":
        return this.#toIdle("close");
      case "NotifMsg":
        return this.#failed("close");
      case "SendHoldTimer_Expires":
        // RFC 9687 §4: nothing can be said to a peer that takes nothing.
        return this.#failed("abort");
      default:
        return null;
    }
  }

  /** §8.2.2 "any other event": the FSM error, with the subcode of RFC 6608 if it was a message. */
  #unexpected(event: FsmEvent, state: OpenState): FsmAction[] {
    const subcode = isMessage(event) ? UNEXPECTED_IN[state] : 0;
    return this.#endWith({ code: 5, subcode, data: NO_DATA });
  }

  #begin(state: "connect" | "active", at: Instant): FsmAction[] {
    this.#timers.stopAll();
    this.#retries = 0;
    this.#state = state;
    if (state === "active") return [];
    this.#startConnectRetry(at);
    return [{ do: "connect" }];
  }

  #toOpenSent(at: Instant): FsmAction[] {
    this.#timers.stopAll();
    this.#timers.start("hold", at.now + LARGE_HOLD_MS);
    this.#state = "open-sent";
    return [{ do: "send-open" }];
  }

  #endWith(notice: Notice): FsmAction[] {
    return [{ do: "notify", notice }, ...this.#failed("close")];
  }

  #failed(how: "close" | "abort"): FsmAction[] {
    this.#retries += 1;
    return this.#toIdle(how);
  }

  #toIdle(how: "close" | "abort"): FsmAction[] {
    this.#timers.stopAll();
    this.#state = "idle";
    return [{ do: "drop", how }];
  }

  #startConnectRetry(at: Instant): void {
    this.#timers.start("connect-retry", at.now + jittered(this.#config.connectRetryMs, at.random()));
  }

  #restartHold(now: number): void {
    if (this.#holdMs === 0) this.#timers.stop("hold");
    else this.#timers.start("hold", now + this.#holdMs);
  }

  #restartKeepalive(at: Instant): void {
    if (this.#keepaliveMs === 0) this.#timers.stop("keepalive");
    else this.#timers.start("keepalive", at.now + jittered(this.#keepaliveMs, at.random()));
  }
}

/** The events 1 and 3 to 7, which only Idle looks at. */
function isStart(event: FsmEvent): boolean {
  switch (event.is) {
    case "ManualStart":
    case "AutomaticStart":
    case "ManualStart_with_PassiveTcpEstablishment":
    case "AutomaticStart_with_PassiveTcpEstablishment":
    case "AutomaticStart_with_DampPeerOscillations":
    case "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment":
      return true;
    default:
      return false;
  }
}

/** A message of the peer, rather than a timer. */
function isMessage(event: FsmEvent): boolean {
  switch (event.is) {
    case "BGPOpen":
    case "BGPOpen with DelayOpenTimer running":
    case "BGPOpenMsgErr":
    case "KeepAliveMsg":
    case "UpdateMsg":
    case "UpdateMsgErr":
    case "RouteRefreshMsg":
    case "RouteRefreshMsgErr":
      return true;
    default:
      return false;
  }
}
