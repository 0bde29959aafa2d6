/**
 * One BFD session in asynchronous mode (RFC 5880 §6.8): no clock, socket or timer. Its driver hands it packets and the time, sends what it
 * gives back, and asks it again at {@link BfdSession.deadlineMs}.
 *
 * The periods are those of §6.8.2 and §6.8.3: at least a second while the session is not up; a change of state is sent at once (§6.8.7), so
 * that coming up takes one period of either side and two trips.
 */
import { assertNever } from "../base/assert.ts";
import type { Random } from "../base/clock.ts";
import { BfdDiagnostic, type BfdPacket, describeDiagnostic } from "../net/bfd.ts";
import type { BfdChange, BfdConfig, BfdState } from "./types.ts";

/** Desired interval while not up (RFC 5880 §6.8.3). */
const SLOW_MS = 1000;

/** What the session wants done. */
export interface BfdOutput {
  /** To be sent now, in this order. */
  readonly packets: readonly BfdPacket[];
  /** What the owner of the path is to be told; null when nothing has changed for it. */
  readonly change: BfdChange | null;
}

/** What is known of the other side, from its last packet. */
interface Remote {
  /** 0: unknown. */
  readonly discriminator: number;
  readonly state: BfdState;
  readonly diagnostic: number;
  readonly multiplier: number;
  readonly desiredTxMs: number;
  /** 0: it wants no periodic packets. */
  readonly requiredRxMs: number;
  readonly demand: boolean;
}

/** RFC 5880 §6.8.1: bfd.RemoteMinRxInterval begins as one microsecond. */
const UNKNOWN: Remote = {
  discriminator: 0,
  state: "down",
  diagnostic: 0,
  multiplier: 0,
  desiredTxMs: 0,
  requiredRxMs: 0.001,
  demand: false,
};

const NOTHING: BfdOutput = { packets: [], change: null };

/**
 * The state after a packet of a remote side in state `remote` (RFC 5880 §6.8.6):
 *
 * ```text
 *                             +--+
 *                             |  | admin-down
 *                             |  V
 *                     down  +------+  init
 *              +------------| down |------------+
 *              |            +------+            |
 *              |  admin-down ^    ^  admin-down |
 *              |     (timer) |    | down (timer)|
 *              V             |    |             V
 *            +------+--------+    +---------+------+
 *       +----| init |                       |  up  |----+
 *  down |    +------+---------------------->+------+    | init, up
 *       +--->              init, up                 <---+
 * ```
 */
export function nextState(local: BfdState, remote: BfdState): BfdState {
  switch (local) {
    case "admin-down":
      return "admin-down";
    case "down":
      return remote === "down" ? "init" : remote === "init" ? "up" : "down";
    case "init":
      return remote === "admin-down" ? "down" : remote === "down" ? "init" : "up";
    case "up":
      return remote === "down" || remote === "admin-down" ? "down" : "up";
    default:
      return assertNever(local);
  }
}

/** Everything one path needs to remember. Its driver calls it with times that never go back. */
export class BfdSession {
  /** Ours: random, not zero, unique on this machine (RFC 5880 §6.8.1). */
  readonly discriminator: number;
  readonly #config: BfdConfig;
  readonly #random: Random;
  #state: BfdState = "down";
  #diagnostic: number = BfdDiagnostic.none;
  #remote = UNKNOWN;
  #polling = false;
  /** The interval between periodic packets before jitter; Infinity: none are to be sent. */
  #periodMs: number;
  #sentAtMs: number;
  #sendAtMs: number;
  /** When the other side has been silent for too long; Infinity while it is silent anyway. */
  #expiresAtMs = Infinity;
  #why = "";
  #remoteAdminDown = false;
  #told = { state: "down", remoteAdminDown: false };

  /** Begins in state Down; its first packet is due at once. */
  constructor(config: BfdConfig, options: { discriminator: number; now: number; random: Random }) {
    this.#config = config;
    this.discriminator = options.discriminator;
    this.#random = options.random;
    this.#sentAtMs = options.now;
    this.#sendAtMs = options.now;
    this.#periodMs = this.#period();
  }

  get state(): BfdState {
    return this.#state;
  }

  /** When {@link tick} has something to do, on the clock of `now`; Infinity: not before a packet comes. */
  get deadlineMs(): number {
    return Math.min(this.#sendAtMs, this.#expiresAtMs);
  }

  /** When the path is declared dead unless a packet comes first; Infinity while nothing is expected. */
  get expiresAtMs(): number {
    return this.#expiresAtMs;
  }

  /** So long a silence means that the path is dead (RFC 5880 §6.8.4); 0 while the other side is unknown. */
  get detectionMs(): number {
    return this.#remote.multiplier * Math.max(this.#config.requiredRxMs, this.#remote.desiredTxMs);
  }

  /** A packet that was found to belong to this session (RFC 5880 §6.8.6). */
  receive(packet: BfdPacket, now: number): BfdOutput {
    if (this.#state === "admin-down") return NOTHING;
    this.#remote = remoteOf(packet);
    this.#remoteAdminDown = packet.state === "admin-down";
    if (packet.final) this.#polling = false;
    this.#expiresAtMs = now + this.detectionMs;
    const state = nextState(this.#state, packet.state);
    const changed = state !== this.#state;
    if (state === "down" && changed) this.#become(state, BfdDiagnostic.neighborSignaledDown, saidBy(this.#remote));
    else if (changed) this.#become(state, BfdDiagnostic.none, "");
    // §6.5: the answer to a poll is sent whatever else holds, asks nothing itself, and does not stand for a periodic packet.
    const packets = packet.poll ? [this.#packet({ final: true })] : changed ? [this.#packet({ final: false })] : [];
    if (changed) this.#sent(now);
    else this.#reschedule(now);
    return { packets, change: this.#news() };
  }

  /** Does what is due. Packets that have arrived must have been handed over before: a late call is no silence of the other side. */
  tick(now: number): BfdOutput {
    if (now >= this.#expiresAtMs) this.#expire(now);
    if (now < this.#sendAtMs) return { packets: [], change: this.#news() };
    this.#sent(now);
    return { packets: [this.#packet({ final: false })], change: this.#news() };
  }

  /** Ends the session on purpose (RFC 5880 §6.8.16): gives the packet that says so; nothing comes from the session afterwards. */
  stop(): BfdPacket {
    this.#become("admin-down", BfdDiagnostic.administrativelyDown, "stopped");
    this.#sendAtMs = Infinity;
    this.#expiresAtMs = Infinity;
    return this.#packet({ final: false });
  }

  /** A silent side is unknown from now on (RFC 5880 §6.8.1, bfd.RemoteDiscr); if it was there before, the path is down (§6.8.4). */
  #expire(now: number): void {
    const silence = `nothing heard for ${Math.round(this.detectionMs)} ms`;
    this.#remote = UNKNOWN;
    this.#expiresAtMs = Infinity;
    if (this.#state === "down") return this.#reschedule(now);
    this.#become("down", BfdDiagnostic.detectionTimeExpired, silence);
    this.#sendAtMs = now;
  }

  #become(state: BfdState, diagnostic: number, why: string): void {
    this.#state = state;
    this.#diagnostic = diagnostic;
    this.#why = why;
    // §6.8.3: intervals that change are announced by a poll; while not up they need no agreement.
    this.#polling = state === "up" && this.#config.desiredTxMs < SLOW_MS;
  }

  /** A packet leaves now: the next periodic one is due a jittered period later. */
  #sent(now: number): void {
    this.#periodMs = this.#period();
    this.#sentAtMs = now;
    this.#sendAtMs = now + this.#jittered();
  }

  /** A period that has changed counts from the last packet. */
  #reschedule(now: number): void {
    const period = this.#period();
    if (period === this.#periodMs) return;
    this.#periodMs = period;
    this.#sendAtMs = Math.max(now, this.#sentAtMs + this.#jittered());
  }

  /** RFC 5880 §6.8.7: none to a side that wants none, or that is up and in demand mode, unless there is something to ask. */
  #period(): number {
    const { requiredRxMs, demand, state } = this.#remote;
    if (requiredRxMs === 0) return Infinity;
    if (demand && state === "up" && this.#state === "up" && !this.#polling) return Infinity;
    return Math.max(this.#desiredTxMs, requiredRxMs);
  }

  /** RFC 5880 §6.8.7: 75 to 100 % of the period; to 90 % when one lost packet is enough to be declared dead. */
  #jittered(): number {
    return this.#periodMs * (0.75 + (this.#config.multiplier === 1 ? 0.15 : 0.25) * this.#random());
  }

  get #desiredTxMs(): number {
    return this.#state === "up" ? this.#config.desiredTxMs : Math.max(SLOW_MS, this.#config.desiredTxMs);
  }

  #packet({ final }: { final: boolean }): BfdPacket {
    return {
      state: this.#state,
      diagnostic: this.#diagnostic,
      poll: this.#polling && !final,
      final,
      controlPlaneIndependent: false,
      demand: false,
      detectMultiplier: this.#config.multiplier,
      myDiscriminator: this.discriminator,
      yourDiscriminator: this.#remote.discriminator,
      desiredMinTxUs: Math.round(this.#desiredTxMs * 1000),
      requiredMinRxUs: Math.round(this.#config.requiredRxMs * 1000),
      requiredMinEchoRxUs: 0,
    };
  }

  #news(): BfdChange | null {
    const [state, remoteAdminDown] = [this.#state, this.#remoteAdminDown];
    if (state === this.#told.state && remoteAdminDown === this.#told.remoteAdminDown) return null;
    this.#told = { state, remoteAdminDown };
    return { state, why: this.#why, remoteAdminDown };
  }
}

function remoteOf(packet: BfdPacket): Remote {
  return {
    discriminator: packet.myDiscriminator,
    state: packet.state,
    diagnostic: packet.diagnostic,
    multiplier: packet.detectMultiplier,
    desiredTxMs: packet.desiredMinTxUs / 1000,
    requiredRxMs: packet.requiredMinRxUs / 1000,
    demand: packet.demand,
  };
}

function saidBy({ state, diagnostic }: Remote): string {
  if (state === "admin-down") return "the other side has been shut down";
  return `the other side is down: ${describeDiagnostic(diagnostic)}`;
}
