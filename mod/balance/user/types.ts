/**
 * The engine `user`: sockets of the system's own behind one epoll a thread. Nothing here is asynchronous: the loop calls, and what it calls
 * returns at once.
 */
import type { BalancerConfig } from "../../config/types.ts";
import type { Endpoint, IdleFate } from "../balancer.ts";

/** Where a connection goes: a sockaddr_in or sockaddr_in6, and its name for errors. */
export interface Destination {
  readonly address: Uint8Array<ArrayBuffer>;
  /** `10.0.0.5:80`. */
  readonly name: string;
}

/** What happens to a flow is told to its owner. It may do anything with any flow meanwhile, also close it. */
export interface FlowOwner {
  /** A connect has succeeded: of outgoing flows only, once, before anything else. */
  opened(flow: Flow): void;
  /**
   * There are bytes, or the peer's FIN, to {@link Flow.receive}. The owner takes them now, or later when it has room for them (back
   * pressure): it is told once for what has come and again only when more comes after it took less than it had room for.
   */
  readable(flow: Flow): void;
  /** All that {@link Flow.send} had kept has left. */
  drained(flow: Flow): void;
  /** The connect failed, a RST came, or the kernel gave up; the flow is closed. `errno` is positive. */
  failed(flow: Flow, errno: number): void;
  /** The time given to {@link Flow.expireIn} is over; the flow is as it was. */
  expired(flow: Flow): void;
}

/** One TCP connection on a loop. */
export interface Flow {
  /** Whom the loop tells; may be changed at any time. */
  owner: FlowOwner;
  readonly isClosed: boolean;
  /** Looked up when asked for. IPv4-mapped addresses are given as IPv4. */
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Who is at the other end, and whom it meant to reach: as the PROXY protocol has said where that is accepted, else remote and local. */
  readonly source: Endpoint;
  readonly target: Endpoint;
  /** Something may be there to receive: false after {@link receive} took all there was, until more comes. */
  readonly hasInput: boolean;
  /** Bytes that were sent here and that the kernel has not taken yet. */
  readonly keptBytes: number;
  /** Bytes received and bytes the kernel has taken. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Of {@link sentBytes} those that have reached the peer's machine. Looked up when asked for. */
  readonly acknowledgedBytes: number;
  /** So long ago the kernel has sent anything new over the wire, which may be well after it has taken it. Looked up when asked for. */
  readonly sinceSentMs: number;
  /**
   * Receives what is there, at most `most` bytes (all that `into` holds). Gives the count; 0 when there is nothing now; -1 at the peer's FIN (also again); -2 when
   * the connection is broken: it is closed then, and the owner is not told.
   */
  receive(into: Uint8Array<ArrayBuffer>, most?: number): number;
  /** `readable` is called once more, after the other flows had their turn: for an owner that has stopped although there may be more. */
  readAgain(): void;
  /**
   * Sends all of `bytes`, or the first `count` of them: what the kernel does not take now is copied and kept, and the owner is told by `drained` when it has left. Gives
   * whether nothing is kept. A sender that goes on while something is kept makes it grow: do not. Of a flow that is closed nothing is sent.
   * A connection that turns out to be broken is told by `failed`, after this has returned.
   */
  send(bytes: Uint8Array<ArrayBuffer>, count?: number): boolean;
  /** Sends FIN after what is kept; the other direction stays open. Idempotent. */
  finish(): void;
  /** `expired` is called once, at most an eighth later than this (at most 100 ms), unless set again, taken back or closed. */
  expireIn(delayMs: number): void;
  neverExpire(): void;
  /** Ends both directions in order: what is kept is lost, what the kernel took is sent. Nobody is told. Idempotent. */
  close(): void;
  /** Ends both directions with a RST. Nobody is told. Idempotent. */
  reset(): void;
}

/** The loop of one thread. */
export interface Loop {
  /** Monotonic, of the last time that the kernel was asked for events. */
  readonly nowMs: number;
  /** To receive into: what is there is valid until the next thing is received. */
  readonly scratch: Uint8Array<ArrayBuffer>;
  /** Begins to connect; `opened` or `failed` follows, not before this has returned. null: it failed at once, see {@link connectErrno}. */
  connect(to: Destination, owner: FlowOwner): Flow | null;
  /** Why {@link connect} gave null the last time, positive. */
  readonly connectErrno: number;
}

/** A balancer within one thread: what becomes of the clients that a listener of its has accepted. */
export interface Service {
  /** Takes over an accepted connection. */
  accepted(flow: Flow): void;
  /** Ends each connection as soon as nothing is under way on it. */
  drain(idle: IdleFate): void;
  /** Ends every connection whose local address is this one (null: every one) with a RST to both sides. */
  cut(localIp: string | null): void;
  /** A backend gets no connections any more: what is kept open to it without use is closed. */
  forget(index: number): void;
  /** Goes over to another configuration of the same front; `context.backends` has gone over already. */
  update(config: BalancerConfig): void;
}

/**
 * The backends of one balancer as one thread knows them. Chooses as `Pool` does at the time of the loop, counts where the main thread can
 * see it at once, and tells it of changes.
 */
export interface Backends {
  /** A member for a new connection (http: request), counted until {@link ended}; null when none is usable. `tried` are not chosen again. */
  pick(tried?: ReadonlySet<number>): number | null;
  /** What {@link pick} gave is over. Once. */
  ended(index: number): void;
  /** A connect to the member succeeded. */
  connected(index: number): void;
  /** A connect to the member failed; `detail` says why in words. The pick is to be given back by {@link ended} all the same. */
  connectFailed(index: number, detail: string): void;
  /** Where the member is; null while its host name has no address: that is a failed connect. Another object after it has changed. */
  destination(index: number): Destination | null;
  /** It is configured: false of one that was removed and still has something under way. */
  isConfigured(index: number): boolean;
  /** Content that was received from a client or sent to one. */
  moved(index: number, bytes: number): void;
}

/** What a service is made with: one a balancer and thread. Its clients are counted by the loop, from `accepted` until they are closed. */
export interface ServiceContext<Config extends BalancerConfig> {
  readonly config: Config;
  readonly loop: Loop;
  readonly backends: Backends;
}
