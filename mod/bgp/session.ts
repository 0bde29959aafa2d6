/**
 * The session with one peer: up to one connection that this side makes and two that the peer makes, of which one stays (RFC 4271 §6.8);
 * when to try again; what is told about it. Owns its connections, timers and lookups until {@link Session.stop} has resolved.
 */

import { assertNever } from "../base/assert.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { CeaseSubcode, ErrorCode, shutdownData } from "../net/bgp/notification.ts";
import type { OpenMessage, ReceivedUpdate, RouteRefreshMessage } from "../net/bgp/types.ts";
import { getLog } from "../observe/log.ts";
import { Channel, CLOSE_LIMIT_MS } from "./channel.ts";
import type { ChannelEnd, ChannelOwner, Verdict } from "./channel_types.ts";
import { collide } from "./collision.ts";
import { Dialer } from "./dialer.ts";
import { Flaps, STABLE_MS } from "./flaps.ts";
import type { Notice } from "./fsm_types.ts";
import { MalformedLog } from "./malformed_log.ts";
import { negotiate, type OpenFacts, ownOpen } from "./negotiation.ts";
import { RetryPlan } from "./retry_plan.ts";
import type { SessionOptions } from "./session_options.ts";
import type { Cease, PeerSession } from "./session_types.ts";
import { socketSettings } from "./socket_settings.ts";
import type { Connection, Incoming } from "./transport.ts";
import { Troubles } from "./troubles.ts";
import type { Negotiated, SessionState } from "./types.ts";

const log = getLog("bgp");

/** While a connection of the peer is younger than this and about to become the session, none is made to it: they would collide. */
const DEFERENCE_MS = 2000;
/** After so many attempts without an answer the password is a suspect: the kernel drops what is signed with another one. */
const SUSPICIOUS_SILENCES = 3;
/** How often a closing connection is asked whether its last bytes are gone. */
const DRAIN_CHECK_MS = 10;

const RANK: Readonly<Record<SessionState, number>> = {
  idle: 0,
  active: 1,
  connect: 2,
  "open-sent": 3,
  "open-confirm": 4,
  established: 5,
};

/** One peer's session. */
export class Session implements PeerSession {
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  readonly #dialer: Dialer;
  readonly #owner: ChannelOwner;
  /** Ours: used again and again. */
  readonly #ours: Channel;
  /** Made by the peer: at most the session and one more. */
  readonly #theirs = new Set<Channel>();
  readonly #closing = new Set<Connection>();
  readonly #plan = new RetryPlan();
  readonly #troubles = new Troubles();
  readonly #flaps = new Flaps();
  readonly #malformedLog: MalformedLog;
  #phase: "new" | "running" | "stopped" = "new";
  #isPathDown = false;
  #dampedUntilMs = 0;
  #established: Channel | null = null;
  #ups = 0;
  #malformed = 0;
  #remoteAs: number | null;
  #silences = 0;
  #hasAsked = false;
  #shown: { state: SessionState; sinceMs: number };
  /** Waits until a session that was up too often has lasted. */
  #upTimer: Timer | null = null;
  #unwatchLink: () => void = () => {};
  #stopping: Promise<void> | null = null;

  constructor(options: SessionOptions) {
    const { peer, speaker, clock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#remoteAs = peer.as;
    this.#shown = { state: "idle", sinceMs: clock.now() };
    this.#malformedLog = new MalformedLog(peer.name, log);
    this.#dialer = new Dialer({ ...options, localAs: speaker.as });
    this.#owner = this.#asOwner();
    this.#ours = this.#channel("us", peer.passive);
  }

  get queuedBytes(): number {
    return this.#established?.queuedBytes ?? 0;
  }

  start(): void {
    if (this.#phase !== "new") return;
    this.#phase = "running";
    const { address } = this.#options.peer;
    if (address.is === "unnumbered") {
      this.#unwatchLink = this.#options.linkPeers.onChange(() => this.#tryNow());
    }
    if (!this.#isPathDown) this.#ours.start();
    this.#show();
  }

  stop(cease: Cease): Promise<void> {
    this.#stopping ??= this.#shutDown(cease);
    return this.#stopping;
  }

  restart(cease: Cease): void {
    if (this.#phase !== "running" || this.#isPathDown) return;
    this.#plan.reset();
    this.#dampedUntilMs = 0;
    this.#endAll(noticeOf(cease), "event");
    this.#ours.startAfter(this.#plan.ended("other", 0, { random: this.#options.random }).ms);
    this.#show();
  }

  pathDown(): void {
    if (this.#isPathDown || this.#phase === "stopped") return;
    this.#isPathDown = true;
    this.#endAll(noticeOf({ is: "bfd-down" }), "event");
    this.#show();
  }

  pathUp(): void {
    if (!this.#isPathDown) return;
    this.#isPathDown = false;
    if (this.#phase !== "running") return;
    this.#dampedUntilMs = 0;
    this.#ours.start();
    this.#show();
  }

  incoming(incoming: Incoming): "taken" | "refused" {
    if (this.#phase !== "running" || this.#isPathDown || this.#isDamped()) return "refused";
    if (!this.#dialer.isPeer(incoming)) return "refused";
    const { peer, speaker } = this.#options;
    // A peer that connects again has given up what it began before.
    for (const other of [...this.#theirs]) if (other !== this.#established) other.yieldToOther();
    // A router that has lost its power knows nothing of the session that stands here, and says so when it is spoken to.
    this.#established?.probe();
    const channel = this.#channel("them", true);
    this.#theirs.add(channel);
    channel.accept((events) => incoming.accept(events, socketSettings(peer, speaker.as)));
    return "taken";
  }

  send(messages: readonly Uint8Array[]): void {
    this.#established?.send(messages);
  }

  report(): ReturnType<PeerSession["report"]> {
    const now = this.#clock.now();
    return {
      state: this.#shown.state,
      stateForMs: now - this.#shown.sinceMs,
      remoteAs: this.#remoteAs,
      lastError: this.#troubles.last,
      lastErrorMsAgo: this.#troubles.lastMsAgo(now),
      established: this.#ups,
      malformedUpdates: this.#malformed,
    };
  }

  #channel(initiator: "us" | "them", passive: boolean): Channel {
    const { clock, random } = this.#options;
    return new Channel({ initiator, passive, clock, random, owner: this.#owner });
  }

  #asOwner(): ChannelOwner {
    return {
      connect: (channel) => this.#connect(channel),
      noAnswer: () => this.#noAnswer(),
      open: (channel) => this.#ownOpen(channel),
      judge: (channel, open) => this.#judge(channel, open),
      established: (channel, negotiated) => this.#up(channel, negotiated),
      received: (_, message) => this.#received(message),
      malformed: (_, update) => this.#malformedLog.note(update, this.#clock.now()),
      changed: () => this.#show(),
      ended: (channel, end) => this.#ended(channel, end),
      closing: (connection) => this.#drain(connection),
    };
  }

  /** No attempt is made while the peer's own connection may become the session: the machine comes back within a second. */
  #connect(channel: Channel): void {
    const now = this.#clock.now();
    this.#hasAsked = false;
    for (const other of this.#theirs) {
      if (now - other.openedMs < DEFERENCE_MS) return;
    }
    this.#hasAsked = true;
    this.#dialer.dial({
      begun: (connection) => channel.attach(connection),
      failed: (why) => channel.noAddress(why),
      events: channel.events(),
    });
  }

  #tryNow(): void {
    if (this.#phase !== "running" || this.#isPathDown || this.#isDamped()) return;
    if (this.#established !== null || this.#options.peer.passive) return;
    if (this.#ours.state === "idle") this.#ours.start();
    else this.#ours.tryNow();
  }

  #noAnswer(): void {
    // The peer's own connection had its chance first.
    if (!this.#hasAsked) return;
    this.#silences += 1;
    const isSuspicious = this.#options.peer.password !== null && this.#silences >= SUSPICIOUS_SILENCES;
    const doubt = isSuspicious ? " (is the password right on both sides?)" : "";
    this.#attemptFailed(`no answer from ${this.#dialer.waitsFor}${doubt}`);
  }

  #attemptFailed(why: string): void {
    if (this.#troubles.note(why, this.#clock.now()) === "known") return;
    log.warning("a BGP connection has failed", { peer: this.#options.peer.name, why });
  }

  #facts(channel: Channel): OpenFacts {
    const { peer, speaker } = this.#options;
    const { as, routerId, gracefulRestartMs } = speaker;
    return {
      as,
      routerId,
      gracefulRestartMs,
      restarting: speaker.restarting(),
      forwarding: speaker.forwarding(),
      peer,
      ...channel.ends,
    };
  }

  #ownOpen(channel: Channel): OpenMessage {
    this.#silences = 0;
    return ownOpen(this.#facts(channel));
  }

  /** The OPEN of the peer, on one of possibly several connections. */
  #judge(channel: Channel, open: OpenMessage): Verdict {
    const negotiation = negotiate(this.#facts(channel), open);
    if (negotiation.is === "refused") return negotiation;
    const { remoteAs, remoteId } = negotiation.negotiated;
    const { as, routerId } = this.#options.speaker;
    const speakers = { localAs: as, localId: routerId, remoteAs, remoteId };
    const losers: { readonly rival: Channel; readonly isStale: boolean }[] = [];
    for (const rival of [this.#ours, ...this.#theirs]) {
      const outcome = rival === channel ? "both-go-on" : this.#collide(channel, rival, speakers);
      if (outcome === "this-loses") return { is: "collision" };
      if (outcome !== "both-go-on") losers.push({ rival, isStale: outcome === "rival-is-stale" });
    }
    for (const { rival, isStale } of losers) {
      if (isStale) rival.forget("the peer has restarted: it connects anew");
      else rival.yieldToOther();
    }
    return negotiation;
  }

  #collide(
    channel: Channel,
    rival: Channel,
    speakers: Parameters<typeof collide>[2]["speakers"],
  ): ReturnType<typeof collide> {
    const { state, establishedMs } = rival;
    if (state !== "open-sent" && state !== "open-confirm" && state !== "established") return "both-go-on";
    const isOlder = establishedMs !== null && establishedMs < channel.openedMs;
    const restarts = (rival.negotiated?.gracefulRestart ?? null) !== null;
    return collide(channel.initiator, { state, isOlder, restarts }, { speakers });
  }

  #up(channel: Channel, negotiated: Negotiated): void {
    this.#established = channel;
    this.#ups += 1;
    this.#remoteAs = negotiated.remoteAs;
    for (const other of [this.#ours, ...this.#theirs]) if (other !== channel) other.yieldToOther();
    if (this.#flaps.up === "tell") this.#tellUp(negotiated);
    else this.#upTimer = this.#clock.after(STABLE_MS, () => this.#tellUp(negotiated));
    this.#options.events.established(negotiated);
  }

  #tellUp(negotiated: Negotiated): void {
    this.#troubles.overcome();
    log.info("a BGP session is up", {
      peer: this.#options.peer.name,
      as: negotiated.remoteAs,
      families: [...negotiated.families].map((family) => `IPv${family}`).join(", "),
      holdTimeMs: negotiated.holdTimeMs,
    });
  }

  #received(message: ReceivedUpdate | RouteRefreshMessage): void {
    const { events } = this.#options;
    if (message.is === "update") {
      if (message.faults.length > 0) this.#malformed += 1;
      return events.received(message);
    }
    // RFC 7313 §4.2: begin and end of a refresh are about the peer's routes, of which none is kept; RFC 2918 §4: other families are ignored.
    const { family, subtype } = message;
    if (family === null || subtype !== 0) return;
    if (this.#established?.negotiated?.families.has(family)) events.refresh(family);
  }

  #ended(channel: Channel, end: ChannelEnd): void {
    this.#theirs.delete(channel);
    const wasUp = this.#established === channel;
    if (wasUp) this.#established = null;
    if (!end.isQuiet) this.#tryAgain(end);
    if (wasUp) this.#tellEnd(end);
    else if (!end.isQuiet) this.#attemptFailed(end.why);
  }

  #tellEnd(end: ChannelEnd): void {
    const { peer, events } = this.#options;
    const now = this.#clock.now();
    this.#upTimer?.cancel();
    this.#troubles.note(end.why, now);
    const telling = this.#flaps.ended(end.lifeMs, now);
    if (telling.is === "tell") {
      const { untold } = telling;
      const since = untold === 0 ? {} : { untold };
      log.warning("a BGP session has ended", {
        peer: peer.name,
        why: end.why,
        afterMs: Math.round(end.lifeMs),
        ...since,
      });
    }
    events.ended({ why: end.why, routes: this.#areKept(end) ? "kept" : "dropped" });
  }

  /** RFC 4724 §4.2: the peer keeps them when TCP goes and both sides have the capability. */
  #areKept(end: ChannelEnd): boolean {
    const isOffered = this.#options.speaker.gracefulRestartMs !== null;
    return isOffered && (end.negotiated?.gracefulRestart ?? null) !== null && !end.byNotification;
  }

  #tryAgain(end: ChannelEnd): void {
    if (this.#phase !== "running" || this.#isPathDown) return;
    const wait = this.#plan.ended(end.kind, end.lifeMs, { random: this.#options.random });
    // A second connection has failed; the session stands.
    if (this.#established !== null) return;
    if (wait.isDamped) {
      this.#dampedUntilMs = this.#clock.now() + wait.ms;
      if (this.#ours.state === "connect" || this.#ours.state === "active") this.#ours.yieldToOther();
    }
    this.#ours.startAfter(wait.ms);
    this.#show();
  }

  #isDamped(): boolean {
    return this.#clock.now() < this.#dampedUntilMs;
  }

  #endAll(notice: Notice, by: "hand" | "event"): void {
    for (const channel of [this.#ours, ...this.#theirs]) channel.cease(notice, by);
  }

  /** Idle is what does not try; between two attempts the state is still Connect, so that its duration tells something. */
  #state(): SessionState {
    let best: SessionState = this.#ours.state;
    for (const { state } of this.#theirs) if (RANK[state] > RANK[best]) best = state;
    const isTrying = this.#phase === "running" && !this.#isPathDown && !this.#isDamped();
    if (RANK[best] > RANK.connect || !isTrying) return best;
    return this.#options.peer.passive ? "active" : "connect";
  }

  #show(): void {
    const state = this.#state();
    if (state !== this.#shown.state) this.#shown = { state, sinceMs: this.#clock.now() };
  }

  /** A connection that sends its last bytes is watched only for the sake of {@link stop}. */
  #drain(connection: Connection): void {
    for (const other of this.#closing) if (other.queuedBytes === 0) this.#closing.delete(other);
    this.#closing.add(connection);
  }

  async #shutDown(cease: Cease): Promise<void> {
    this.#phase = "stopped";
    this.#unwatchLink();
    this.#dialer.stop();
    this.#endAll(noticeOf(cease), "hand");
    this.#show();
    const untilMs = this.#clock.now() + CLOSE_LIMIT_MS;
    while (this.#clock.now() < untilMs && [...this.#closing].some((one) => one.queuedBytes > 0)) await this.#pauseFor();
    this.#closing.clear();
  }

  #pauseFor(): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(DRAIN_CHECK_MS, resolve));
  }
}

/** RFC 4486 §4, RFC 9003 §2, RFC 9384 §3. */
function noticeOf(cease: Cease): Notice {
  const notice = (subcode: number, text = ""): Notice => ({
    code: ErrorCode.cease,
    subcode,
    data: shutdownData(text),
  });
  switch (cease.is) {
    case "shutdown":
      return notice(CeaseSubcode.shutdown, cease.text);
    case "reset":
      return notice(CeaseSubcode.reset, cease.text);
    case "deconfigured":
      return notice(CeaseSubcode.deconfigured);
    case "config-change":
      return notice(CeaseSubcode.configChange);
    case "bfd-down":
      return notice(CeaseSubcode.bfdDown);
    default:
      return assertNever(cease);
  }
}
