/**
 * Authenticated datagrams between members: forged, misdirected, reflected and replayed ones end here.
 *
 * Every process start has a random session. A peer's session is proven once it has echoed a challenge of ours under the shared key
 * (hello → welcome → confirm: one round trip for whoever asks). Data passes only from the proven session, to our own session, with a
 * sequence number not seen before, so nothing recorded earlier ever passes again, whichever side has restarted in between.
 * Pure: bytes, time and chance are arguments.
 */
import { assert, assertNever } from "../../base/assert.ts";
import { deriveKeys, encodeFrame, equal, readFrame } from "./frame.ts";
import type { Content, Envelope, PeerKeys } from "./frame.ts";
import { ReplayWindow } from "./replay_window.ts";
import type { MemberId } from "./types.ts";

/** Why a datagram went no further. */
export type DropReason =
  | "malformed"
  | "wrong-cluster"
  | "reflected"
  | "unknown-member"
  | "misdirected"
  | "bad-mac"
  | "stale-session"
  | "unproven-session"
  | "replayed"
  | "stale-handshake"
  | "too-many";

/** A datagram to send to a peer. */
export interface Sealed {
  readonly to: MemberId;
  readonly datagram: Uint8Array<ArrayBuffer>;
}

/** What became of a payload to be sent; a hello may have to go first. */
export type SealOutcome =
  | { readonly outcome: "sealed"; readonly datagram: Uint8Array<ArrayBuffer> }
  | { readonly outcome: "unproven"; readonly hello: Sealed | null };

/** What a received datagram was. `answer` is to be sent in every case. */
export type OpenOutcome =
  | { readonly outcome: "data"; readonly from: MemberId; readonly payload: Uint8Array; readonly answer: null }
  | {
    readonly outcome: "handshake";
    readonly from: MemberId;
    /** True if the peer's session has been proven by this very datagram. */
    readonly proven: boolean;
    readonly answer: Sealed | null;
  }
  | {
    readonly outcome: "dropped";
    readonly reason: DropReason;
    /** The member it claims to come from, if that is one. */
    readonly from: MemberId | null;
    /** True for the first wrong code since the peer's last right one: worth a log line. */
    readonly news: boolean;
    readonly answer: Sealed | null;
  };

/** What one end needs. */
export interface SessionOptions {
  readonly self: MemberId;
  readonly peers: readonly MemberId[];
  /** null: unauthenticated, see {@link deriveKeys}. */
  readonly secret: string | null;
  readonly clusterId: string;
  /** 64 random bits of this process start, not 0. */
  readonly session: bigint;
  /** {@link NONCE_BYTES} fresh random bytes. */
  readonly nonce: () => Uint8Array;
}

/** Hellos to one peer are at least this far apart: well under an election, well over a round trip. */
const HELLO_EVERY_MS = 20;
/** Answers to handshakes of one peer: a burst of so many, and one more each interval. Replayed hellos cost no more than that. */
const ANSWER_BURST = 8;
const ANSWER_EVERY_MS = 5;
/** A peer's earlier sessions that are remembered, so that their datagrams do not even start a handshake. */
const RETIRED_KEPT = 8;

interface PeerState {
  session: bigint | null;
  window: ReplayWindow;
  readonly retired: bigint[];
  /** Our outstanding challenge to the peer; used up by the proof. */
  challenge: Uint8Array | null;
  nextSequence: number;
  helloAfter: number;
  answers: number;
  answersSince: number;
  wrongCode: boolean;
}

/** All sessions of one member with its peers. */
export class PeerSessions {
  readonly #self: MemberId;
  readonly #session: bigint;
  readonly #keys: PeerKeys;
  readonly #nonce: () => Uint8Array;
  readonly #peers: ReadonlyMap<MemberId, PeerState>;

  constructor(options: SessionOptions) {
    assert(options.session > 0n && options.session < 2n ** 64n, "a session of 64 bits, not 0");
    this.#self = options.self;
    this.#session = options.session;
    this.#keys = deriveKeys(options.secret, options.clusterId);
    this.#nonce = options.nonce;
    this.#peers = new Map(options.peers.map((id) => [id, newPeer()]));
  }

  /** True once the session of `peer` is proven, so that data can be sent to it. */
  isProven(peer: MemberId): boolean {
    return this.#peer(peer).session !== null;
  }

  /** Asks `to` for its session; null if that was done a moment ago. */
  hello(now: number, to: MemberId): Sealed | null {
    const peer = this.#peer(to);
    if (now < peer.helloAfter) return null;
    peer.helloAfter = now + HELLO_EVERY_MS;
    peer.challenge ??= this.#nonce();
    return this.#seal(to, peer.session ?? 0n, { kind: "hello", nonce: peer.challenge });
  }

  /** A datagram with `payload` for `to`; without a proven session there is none, and a hello goes out instead. */
  seal(now: number, to: MemberId, payload: Uint8Array): SealOutcome {
    const peer = this.#peer(to);
    if (peer.session === null) return { outcome: "unproven", hello: this.hello(now, to) };
    return { outcome: "sealed", datagram: this.#seal(to, peer.session, { kind: "data", payload }).datagram };
  }

  /** Takes a datagram in. Never throws for bytes from outside. */
  open(now: number, datagram: Uint8Array): OpenOutcome {
    const read = readFrame(this.#keys, datagram);
    if (read.outcome !== "read") return drop(read.outcome, null);
    const { envelope, content } = read;
    if (envelope.from === this.#self) return drop("reflected", null);
    const peer = this.#peers.get(envelope.from);
    if (peer === undefined) return drop("unknown-member", null);
    if (envelope.to !== this.#self) return drop("misdirected", envelope.from);
    if (!read.genuine) {
      const news = !peer.wrongCode;
      peer.wrongCode = true;
      return { ...drop("bad-mac", envelope.from), news };
    }
    peer.wrongCode = false;
    if (peer.retired.includes(envelope.senderSession)) return drop("stale-session", envelope.from);
    if (peer.session === envelope.senderSession) {
      if (!peer.window.isFresh(envelope.sequence)) return drop("replayed", envelope.from);
      peer.window.mark(envelope.sequence);
    }
    return this.#dispatch(now, envelope, { peer, content });
  }

  #dispatch(now: number, envelope: Envelope, { peer, content }: { peer: PeerState; content: Content }): OpenOutcome {
    const from = envelope.from;
    switch (content.kind) {
      case "hello":
        return this.#answerHello(now, envelope, { peer, echo: content.nonce });
      case "welcome":
      case "confirm":
        return this.#takeProof(envelope, { peer, content });
      case "data":
        if (envelope.receiverSession !== this.#session) {
          return { ...drop("stale-session", from), answer: this.hello(now, from) };
        }
        if (envelope.senderSession !== peer.session) {
          return { ...drop("unproven-session", from), answer: this.hello(now, from) };
        }
        return { outcome: "data", from, payload: content.payload, answer: null };
      default:
        return assertNever(content);
    }
  }

  #answerHello(now: number, envelope: Envelope, { peer, echo }: { peer: PeerState; echo: Uint8Array }): OpenOutcome {
    const { from, senderSession } = envelope;
    if (!takeAnswer(peer, now)) return drop("too-many", from);
    if (senderSession === peer.session) {
      return {
        outcome: "handshake",
        from,
        proven: false,
        answer: this.#seal(from, senderSession, { kind: "confirm", echo }),
      };
    }
    peer.challenge ??= this.#nonce();
    const answer = this.#seal(from, senderSession, { kind: "welcome", echo, nonce: peer.challenge });
    return { outcome: "handshake", from, proven: false, answer };
  }

  #takeProof(
    envelope: Envelope,
    { peer, content }: { peer: PeerState; content: Content & { kind: "welcome" | "confirm" } },
  ): OpenOutcome {
    const { from, senderSession } = envelope;
    if (envelope.receiverSession !== this.#session) return drop("stale-session", from);
    const matches = peer.challenge !== null && equal(content.echo, peer.challenge);
    if (!matches && senderSession !== peer.session) return drop("stale-handshake", from);
    const proven = matches && senderSession !== peer.session;
    if (matches) peer.challenge = null;
    if (proven) adopt(peer, envelope);
    const answer = content.kind === "confirm"
      ? null
      : this.#seal(from, senderSession, { kind: "confirm", echo: content.nonce });
    return { outcome: "handshake", from, proven, answer };
  }

  #seal(to: MemberId, receiverSession: bigint, content: Content): Sealed {
    const peer = this.#peer(to);
    const sequence = peer.nextSequence++;
    const envelope = { from: this.#self, to, senderSession: this.#session, receiverSession, sequence };
    return { to, datagram: encodeFrame(this.#keys, envelope, { content }) };
  }

  #peer(id: MemberId): PeerState {
    const peer = this.#peers.get(id);
    assert(peer !== undefined, `"${id}" is a peer`);
    return peer;
  }
}

function newPeer(): PeerState {
  return {
    session: null,
    window: new ReplayWindow(0),
    retired: [],
    challenge: null,
    nextSequence: 1,
    helloAfter: -Infinity,
    answers: ANSWER_BURST,
    answersSince: -Infinity,
    wrongCode: false,
  };
}

/** The peer's new session, from the proof on: what it sent before under that session does not count any more. */
function adopt(peer: PeerState, envelope: Envelope): void {
  if (peer.session !== null) peer.retired.push(peer.session);
  if (peer.retired.length > RETIRED_KEPT) peer.retired.shift();
  peer.session = envelope.senderSession;
  peer.window = new ReplayWindow(envelope.sequence);
}

function takeAnswer(peer: PeerState, now: number): boolean {
  const earned = Math.floor(Math.max(0, now - peer.answersSince) / ANSWER_EVERY_MS);
  if (earned > 0) {
    peer.answers = Math.min(ANSWER_BURST, peer.answers + earned);
    peer.answersSince = now;
  }
  if (peer.answers === 0) return false;
  peer.answers--;
  return true;
}

function drop(reason: DropReason, from: MemberId | null): OpenOutcome & { outcome: "dropped" } {
  return { outcome: "dropped", reason, from, news: false, answer: null };
}
