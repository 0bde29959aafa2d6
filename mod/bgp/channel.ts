/** Drives the state machine of one connection: its socket, its timer, its messages. */

import type { Clock, Random, Timer } from "../base/clock.ts";
import {
  decodeMessage,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  MessageReader,
  type RawMessage,
} from "../net/bgp/message.ts";
import { BgpError, CeaseSubcode, describeNotification, ErrorCode, notification } from "../net/bgp/notification.ts";
import { assertNever } from "../base/assert.ts";
import type { OpenMessage, ReceivedMessage, UpdateTraits } from "../net/bgp/types.ts";
import type { ChannelOwner } from "./channel_types.ts";
import type { Initiator } from "./collision.ts";
import { Fsm } from "./fsm.ts";
import type { FsmAction, FsmEvent, Notice } from "./fsm_types.ts";
import type { EndKind } from "./retry_plan.ts";
import { SendWatch } from "./send_watch.ts";
import type { Connection, ConnectionEvents } from "./transport.ts";
import type { Negotiated, SessionState } from "./types.ts";

/** ConnectRetryTime: an attempt that has no answer by then is given up and made anew; the factor of §10 makes it 0.75–1 s. */
const CONNECT_RETRY_MS = 1000;
/** What is queued goes out within this time or never. */
export const CLOSE_LIMIT_MS = 2000;
/** More than this is not queued for a peer that does not read. */
export const QUEUE_LIMIT_BYTES = 4 * 1024 * 1024;
/** SendHoldTime is the hold time, but at least this: a busy router may take its time. */
const SEND_HOLD_MIN_MS = 30_000;
/** A timer that is so late tells that this process stood still, or had no processor… */
const STALL_MS = 20;
/** …and what has come meanwhile is read within this time. */
const CATCH_UP_MS = 50;

/** Between two probes. */
const PROBE_PAUSE_MS = 1000;

const NO_DATA = new Uint8Array(0);

/** What a {@link Channel} needs. */
export interface ChannelOptions {
  readonly initiator: Initiator;
  /** Never connects by itself. */
  readonly passive: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly owner: ChannelOwner;
}

/** One event and what is known about it. */
interface Step {
  readonly event: FsmEvent;
  /** In words; null: the NOTIFICATION that is sent says it. */
  readonly why?: string;
  readonly received?: ReceivedMessage;
  /** A NOTIFICATION of the peer; null: it is none. */
  readonly notice?: Notice;
  readonly isQuiet?: boolean;
}

/** One connection with a peer, from the attempt to the end; ours may be used again and again. */
export class Channel {
  readonly initiator: Initiator;
  readonly #options: ChannelOptions;
  readonly #fsm: Fsm;
  #connection: Connection | null = null;
  #reader = new MessageReader();
  #traits: UpdateTraits | null = null;
  #negotiated: Negotiated | null = null;
  #openedMs = 0;
  #establishedMs: number | null = null;
  #probedMs = -Infinity;
  #watch = new SendWatch(SEND_HOLD_MIN_MS);
  #timer: { readonly atMs: number; readonly timer: Timer } | null = null;
  /** The timer waits for what has come meanwhile, and for nothing else. */
  #isCatchingUp = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.initiator = options.initiator;
    this.#fsm = new Fsm({ passive: options.passive, connectRetryMs: CONNECT_RETRY_MS });
  }

  get state(): SessionState {
    return this.#fsm.state;
  }

  /** The moment its TCP connection came up. */
  get openedMs(): number {
    return this.#openedMs;
  }

  /** The moment its session came up; null: it is not up. */
  get establishedMs(): number | null {
    return this.#establishedMs;
  }

  /** What both sides agreed on; null before the OPEN. */
  get negotiated(): Negotiated | null {
    return this.#negotiated;
  }

  /** Bytes that the kernel has not taken yet. */
  get queuedBytes(): number {
    return this.#connection?.queuedBytes ?? 0;
  }

  /** Both ends of the connection; empty before TCP is there. */
  get ends(): { readonly localIp: string; readonly remoteIp: string } {
    return { localIp: this.#connection?.localIp ?? "", remoteIp: this.#connection?.remoteIp ?? "" };
  }

  /** Starts, however long it was to stay idle. */
  start(): void {
    const { passive } = this.#options;
    this.#step({ event: { is: passive ? "ManualStart_with_PassiveTcpEstablishment" : "ManualStart" } });
  }

  /** Starts by itself after so long; only when it is idle. */
  startAfter(delayMs: number): void {
    this.#fsm.holdIdle(this.#options.clock.now() + delayMs);
    this.#arm();
  }

  /** In Connect: begins the attempt anew now. */
  tryNow(): void {
    if (this.state === "connect") this.#step({ event: { is: "ConnectRetryTimer_Expires" } });
  }

  /** The connection that {@link ChannelOwner.connect} has begun. */
  attach(connection: Connection): void {
    // The name service may have answered when nobody waits for it any more.
    if (this.state !== "connect") return connection.abort();
    this.#connection = connection;
    this.#fsm.attemptBegins(this.#now());
    this.#arm();
  }

  /** The attempt that {@link ChannelOwner.connect} was to begin cannot be: why. */
  noAddress(why: string): void {
    this.#step({ event: { is: "TcpConnectionFails" }, why });
  }

  /** Takes a connection that the peer has made. */
  accept(take: (events: ConnectionEvents) => Connection): void {
    this.start();
    this.#connection = take(this.events());
    this.#opened("TcpConnectionConfirmed");
  }

  /** What the transport is to call for a connection of this channel; a later connection silences it. */
  events(): ConnectionEvents {
    const reader = new MessageReader();
    this.#reader = reader;
    const isCurrent = (): boolean => this.#reader === reader;
    return {
      opened: () => isCurrent() && this.#opened("Tcp_CR_Acked"),
      received: (bytes) => isCurrent() && this.#received(bytes),
      closed: (why) => isCurrent() && this.#step({ event: { is: "TcpConnectionFails" }, why }),
    };
  }

  /** Ends it by hand, or because something has happened ({@link FsmEvent}): the Cease is sent if there is a BGP connection. */
  cease(notice: Notice, by: "hand" | "event"): void {
    const is = by === "hand" ? "ManualStop" : "AutomaticStop";
    const why = `ended by this side: ${describe(notice)}`;
    this.#step({ event: { is, cease: notice }, why, isQuiet: this.state !== "established" });
  }

  /** Ends it without telling anybody but the peer: another connection is used. */
  yieldToOther(): void {
    const isOpen = this.state === "open-sent" || this.state === "open-confirm" || this.state === "established";
    const cease = { code: ErrorCode.cease, subcode: CeaseSubcode.collision, data: NO_DATA };
    const event: FsmEvent = isOpen ? { is: "OpenCollisionDump" } : { is: "ManualStop", cease };
    this.#step({ event, why: "another connection is used", isQuiet: true });
  }

  /** Ends it without a word to the peer, which has forgotten it. */
  forget(why: string): void {
    this.#step({ event: { is: "TcpConnectionFails" }, why });
  }

  /** Sends messages; only when established. A queue that grows without limit ends the session. */
  send(messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      if (this.state !== "established") return;
      if (this.queuedBytes > QUEUE_LIMIT_BYTES) return this.#overflow();
      this.#write(message);
    }
    this.#arm();
  }

  /** Makes the peer's TCP say whether it still knows this connection, which it resets if not. Once a second (RFC 4271 §4.4). */
  probe(): void {
    const now = this.#options.clock.now();
    if (this.state !== "established" || now - this.#probedMs < PROBE_PAUSE_MS) return;
    this.#probedMs = now;
    this.#write(encodeKeepalive());
    this.#arm();
  }

  #overflow(): void {
    const cease = { code: ErrorCode.cease, subcode: CeaseSubcode.outOfResources, data: NO_DATA };
    this.#step({
      event: { is: "AutomaticStop", cease },
      why: `the peer takes routes too slowly: ${this.queuedBytes} bytes wait`,
    });
  }

  #opened(is: "Tcp_CR_Acked" | "TcpConnectionConfirmed"): void {
    this.#openedMs = this.#options.clock.now();
    this.#watch = new SendWatch(SEND_HOLD_MIN_MS);
    this.#step({ event: { is } });
  }

  #received(bytes: Uint8Array): void {
    const reader = this.#reader;
    reader.push(bytes);
    while (this.#connection !== null && this.#reader === reader) {
      const raw = attempt(() => reader.next());
      if (raw === null) break;
      if (raw instanceof BgpError) this.#refuse("BGPHeaderErr", raw);
      else this.#message(raw);
    }
    this.#arm();
  }

  /** One message, header checked. What is not expected in this state is not decoded. */
  #message(raw: RawMessage): void {
    if (raw.is === "open" && this.state !== "open-sent") {
      return this.#step({ event: { is: "BGPOpen", holdTimeMs: 0, keepaliveMs: 0 } });
    }
    if (raw.is === "update" && this.state !== "established") return this.#step({ event: { is: "UpdateMsg" } });
    const message = attempt(() => decodeMessage(raw, this.#traits));
    if (message instanceof BgpError) return this.#undecodable(raw, message);
    switch (message.is) {
      case "open":
        return this.#openMessage(message);
      case "keepalive":
        return this.#step({ event: { is: "KeepAliveMsg" } });
      case "update":
        if (message.faults.length > 0) this.#options.owner.malformed(this, { ...raw, faults: message.faults });
        return this.#step({ event: { is: "UpdateMsg" }, received: message });
      case "route-refresh":
        return this.#step({ event: { is: "RouteRefreshMsg" }, received: message });
      case "notification":
        return this.#notification(message);
      default:
        return assertNever(message);
    }
  }

  #undecodable(raw: RawMessage, error: BgpError): void {
    if (error.code === ErrorCode.header) return this.#refuse("BGPHeaderErr", error);
    switch (raw.is) {
      case "open":
        return this.#refuse("BGPOpenMsgErr", error);
      case "route-refresh":
        return this.#refuse("RouteRefreshMsgErr", error);
      case "update":
        this.#options.owner.malformed(this, { ...raw, faults: [{ what: error.message, spec: "RFC 4271 §6.3" }] });
        return this.#refuse("UpdateMsgErr", error);
      default:
        return this.#refuse("UpdateMsgErr", error);
    }
  }

  #refuse(is: "BGPHeaderErr" | "BGPOpenMsgErr" | "UpdateMsgErr" | "RouteRefreshMsgErr", error: BgpError): void {
    this.#step({ event: { is, error }, why: `${describe(error)} (${error.message})` });
  }

  #openMessage(open: OpenMessage): void {
    const verdict = this.#options.owner.judge(this, open);
    // What the session did with another connection may have ended this one.
    if (this.state !== "open-sent") return;
    switch (verdict.is) {
      case "refused":
        return this.#step({ event: { is: "BGPOpenMsgErr", error: verdict.notice }, why: verdict.why });
      case "collision":
        return this.#step({ event: { is: "OpenCollisionDump" }, isQuiet: true });
      case "agreed": {
        const { holdTimeMs, keepaliveMs } = verdict.negotiated;
        this.#negotiated = verdict.negotiated;
        this.#traits = verdict.traits;
        this.#watch = new SendWatch(Math.max(SEND_HOLD_MIN_MS, holdTimeMs));
        return this.#step({ event: { is: "BGPOpen", holdTimeMs, keepaliveMs } });
      }
      default:
        return assertNever(verdict);
    }
  }

  #notification(notice: Notice): void {
    const isVersion = notice.code === ErrorCode.open && notice.subcode === 1;
    const why = `ended by the peer: ${describe(notice)}`;
    this.#step({ event: { is: isVersion ? "NotifMsgVerErr" : "NotifMsg" }, why, notice });
  }

  /** One event through the machine: what it wants is done, and an end is told last. */
  #step(step: Step): void {
    const before = this.state;
    const gaveUp = before === "connect" && step.event.is === "ConnectRetryTimer_Expires";
    const actions = this.#fsm.handle(step.event, this.#now());
    const hasEnded = isUnderWay(before) && !isUnderWay(this.state);
    if (gaveUp) this.#options.owner.noAnswer(this);
    const end = hasEnded ? this.#endOf(step, actions) : null;
    for (const action of actions) this.#do(action, step);
    this.#arm();
    if (this.state !== before) this.#options.owner.changed();
    if (end !== null) this.#options.owner.ended(this, end);
  }

  #endOf(step: Step, actions: readonly FsmAction[]): Parameters<ChannelOwner["ended"]>[1] {
    const sent = actions.find((action) => action.do === "notify")?.notice ?? null;
    const notice = step.notice ?? sent;
    const sinceMs = this.#establishedMs;
    const end = {
      why: step.why ?? wordsFor(step.event, notice),
      kind: kindOf(notice),
      negotiated: sinceMs === null ? null : this.#negotiated,
      lifeMs: sinceMs === null ? 0 : this.#options.clock.now() - sinceMs,
      byNotification: notice !== null,
      isQuiet: step.isQuiet ?? false,
    };
    this.#establishedMs = null;
    return end;
  }

  #do(action: FsmAction, step: Step): void {
    const { owner, clock } = this.#options;
    switch (action.do) {
      case "connect":
        return owner.connect(this);
      case "send-open":
        return this.#write(encodeOpen(owner.open(this)));
      case "send-keepalive":
        return this.#write(encodeKeepalive());
      case "notify":
        return this.#write(encodeNotification({ is: "notification", ...action.notice }));
      case "drop":
        return this.#drop(action.how);
      case "establish":
        this.#establishedMs = clock.now();
        return this.#negotiated === null ? undefined : owner.established(this, this.#negotiated);
      case "deliver":
        return this.#deliver(step.received);
      default:
        return assertNever(action);
    }
  }

  #deliver(message: ReceivedMessage | undefined): void {
    if (message?.is === "update" || message?.is === "route-refresh") this.#options.owner.received(this, message);
  }

  #write(bytes: Uint8Array): void {
    const connection = this.#connection;
    if (connection === null) return;
    connection.send(bytes);
    this.#watch.sent(bytes.length, connection.queuedBytes, { now: this.#options.clock.now() });
  }

  #drop(how: "close" | "abort"): void {
    const connection = this.#connection;
    this.#connection = null;
    // Events of that connection find another reader than theirs.
    this.#reader = new MessageReader();
    this.#traits = null;
    this.#negotiated = null;
    if (connection === null) return;
    if (how === "abort") return connection.abort();
    connection.close(CLOSE_LIMIT_MS);
    this.#options.owner.closing(connection);
  }

  #now(): { now: number; random: Random } {
    return { now: this.#options.clock.now(), random: this.#options.random };
  }

  #deadline(): number | null {
    const fsm = this.#fsm.nextDeadline();
    const watch = this.#connection === null ? null : this.#watch.nextCheck();
    if (fsm === null || watch === null) return fsm ?? watch;
    return Math.min(fsm, watch);
  }

  /** Sets the one timer. A deadline that has moved away leaves it as it is: it finds nothing due and is set again. */
  #arm(): void {
    const atMs = this.#deadline();
    if (atMs !== null && this.#timer !== null && (this.#isCatchingUp || this.#timer.atMs <= atMs)) return;
    this.#timer?.timer.cancel();
    this.#timer = null;
    this.#isCatchingUp = false;
    if (atMs !== null) this.#armAt(atMs);
  }

  #armAt(atMs: number): void {
    const { clock } = this.#options;
    this.#timer = { atMs, timer: clock.after(atMs - clock.now(), () => this.#fire(atMs)) };
  }

  #fire(armedForMs: number): void {
    const { clock } = this.#options;
    this.#timer = null;
    const holdMs = this.#fsm.holdDeadline();
    const isStalled = clock.now() - armedForMs >= STALL_MS && holdMs !== null && holdMs <= clock.now();
    if (isStalled && !this.#isCatchingUp) {
      // Not the peer was silent but this process: what waits in the socket counts.
      this.#isCatchingUp = true;
      return this.#armAt(clock.now() + CATCH_UP_MS);
    }
    this.#isCatchingUp = false;
    this.#runDue();
    this.#arm();
  }

  #runDue(): void {
    const { clock } = this.#options;
    for (let event = this.#fsm.dueEvent(clock.now()); event !== null; event = this.#fsm.dueEvent(clock.now())) {
      this.#step({ event });
    }
    const { state } = this;
    if (this.#connection === null || !isUnderWay(state)) return;
    if (this.#watch.check(this.#connection.queuedBytes, clock.now()) === "stuck") {
      this.#step({ event: { is: "SendHoldTimer_Expires" } });
    }
  }
}

/** There is a connection, or an attempt at one. */
function isUnderWay(state: SessionState): boolean {
  return state !== "idle" && state !== "active";
}

function describe(notice: Notice): string {
  return describeNotification(notification(notice.code, notice.subcode, notice.data));
}

/** Ends that nobody else puts into words. */
function wordsFor(event: FsmEvent, sent: Notice | null): string {
  switch (event.is) {
    case "HoldTimer_Expires":
      return "hold timer expired: nothing was heard of the peer";
    case "SendHoldTimer_Expires":
      return "the peer has taken no bytes for too long";
    default:
      return sent === null ? "the connection has ended" : describe(sent);
  }
}

/** Errors of the protocol repeat when tried again; a Cease, a silence or a torn cable do not. */
function kindOf(notice: Notice | null): EndKind {
  if (notice === null || notice.code === ErrorCode.holdTimer || notice.code === ErrorCode.sendHoldTimer) return "other";
  const isCease = notice.code === ErrorCode.cease && notice.subcode !== CeaseSubcode.outOfResources;
  return isCease ? "other" : "protocol-error";
}

/** What the codec says, or its error; anything else that is thrown is a fault of the program. */
function attempt<T>(read: () => T): T | BgpError {
  try {
    return read();
  } catch (reason) {
    if (reason instanceof BgpError) return reason;
    throw reason;
  }
}
