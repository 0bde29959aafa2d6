/** One TCP connection on a loop: what the kernel says about its socket, and what is still to be sent. */
import {
  abortStream,
  acknowledgedBytes,
  closeStream,
  finishStream,
  peekStream,
  receiveStream,
  sendStream,
  sinceSentMs,
  streamError,
  tuneStream,
  unansweredMs,
} from "../../linux/stream_socket.ts";
import { Happened } from "../../linux/epoll.ts";
import { Errno } from "../../linux/errno.ts";
import { localEndpoint, remoteEndpoint } from "../../linux/socket.ts";
import type { Endpoint } from "../balancer.ts";
import { DeadlineNode } from "./deadlines.ts";
import type { Flow, FlowOwner } from "./types.ts";

/** What a flow needs of its loop. */
export interface FlowHost {
  readonly nowMs: number;
  /** Calls `turn` of it in the next turn. */
  again(flow: SocketFlow): void;
  /** Its descriptor is about to be closed. */
  forget(flow: SocketFlow): void;
  expireIn(node: DeadlineNode, delayMs: number): void;
  neverExpire(node: DeadlineNode): void;
  /** The owner threw. */
  fault(flow: SocketFlow, error: unknown): void;
}

/** How far it is. `connecting` is of outgoing ones. */
type State = "connecting" | "open" | "closed";

/** A first segment of a smaller size leaves at once in any case (RFC 896): most requests are one. */
const ONE_SEGMENT = 1200;
const NOWHERE: Endpoint = { ip: "", port: 0 };
const ENDED = Happened.RDHUP | Happened.HUP;
const INPUT = Happened.IN | Happened.PRI | Happened.RDHUP | Happened.HUP | Happened.ERR;
const ODD = Happened.PRI | Happened.ERR;
const ONE_BYTE = new Uint8Array(1);

/** What was given to send and could not leave yet. */
interface Kept {
  readonly bytes: Uint8Array<ArrayBuffer>;
  next: Kept | null;
}

/** A socket, its owner and their state. Made by the loop. */
export class SocketFlow extends DeadlineNode implements Flow {
  readonly fd: number;
  /** Tells its events from those of an earlier socket with the same descriptor. */
  readonly tag: number;
  owner: FlowOwner;
  receivedBytes = 0;
  sentBytes = 0;
  keptBytes = 0;
  hasInput = false;
  /** It is among those that the loop calls in the next turn. */
  isQueued = false;
  readonly #host: FlowHost;
  readonly #onClosed: (() => void) | null;
  #state: State;
  #first: Kept | null = null;
  #last: Kept | null = null;
  /** The peer's FIN has come but may not have been received. */
  #isEnding = false;
  /** FIN is the next thing to be received, again and again. */
  #hasEnded = false;
  /** A mark of urgent data (RFC 6093) ends a piece early, and what looks like FIN may be a RST: there is no telling without asking. */
  #isOdd = false;
  /** Its owner has asked for a turn. */
  #wantsTurn = false;
  #finish: "no" | "asked" | "done" = "no";
  #isTuned: boolean;
  /** A send has failed for good. */
  #isBroken = false;
  /** The peer has said nothing since, though it had something to acknowledge. */
  #silentSinceMs = Infinity;
  #told: { readonly source: Endpoint; readonly target: Endpoint } | null = null;

  constructor(host: FlowHost, socket: {
    readonly fd: number;
    readonly tag: number;
    readonly owner: FlowOwner;
    /** Accepted ones: told when it is closed. null: an outgoing one, which is connecting. */
    readonly onClosed: (() => void) | null;
  }) {
    super();
    this.#host = host;
    this.fd = socket.fd;
    this.tag = socket.tag;
    this.owner = socket.owner;
    this.#onClosed = socket.onClosed;
    this.#state = socket.onClosed === null ? "connecting" : "open";
    this.#isTuned = socket.onClosed !== null;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  get local(): Endpoint {
    return (this.isClosed ? null : localEndpoint(this.fd)) ?? NOWHERE;
  }

  get remote(): Endpoint {
    return (this.isClosed ? null : remoteEndpoint(this.fd)) ?? NOWHERE;
  }

  get source(): Endpoint {
    return this.#told?.source ?? this.remote;
  }

  get target(): Endpoint {
    return this.#told?.target ?? this.local;
  }

  get acknowledgedBytes(): number {
    return this.#state === "open" ? acknowledgedBytes(this.fd) : Infinity;
  }

  get sinceSentMs(): number {
    return this.#state === "open" ? sinceSentMs(this.fd) : Infinity;
  }

  /** The peer's FIN has come, behind whatever is there. */
  get hasEnding(): boolean {
    return this.#isEnding;
  }

  /** What the PROXY protocol has said about it. */
  tell(ends: { readonly source: Endpoint; readonly target: Endpoint }): void {
    this.#told = ends;
  }

  receive(into: Uint8Array<ArrayBuffer>, most = into.length): number {
    if (this.#state !== "open") return this.#state === "closed" ? -2 : 0;
    if (this.#hasEnded) {
      this.hasInput = false;
      return -1;
    }
    const got = receiveStream(this.fd, into, most);
    if (got > 0) {
      this.receivedBytes += got;
      // Less than was asked for is all there was (epoll(7)), and where FIN had come before, it was the last of all.
      this.hasInput = got === most || this.#isEnding || this.#isOdd;
      if (got < most && this.#isEnding && !this.#isOdd) this.#hasEnded = true;
      return got;
    }
    this.hasInput = false;
    if (got === 0 && !this.#isBroken) {
      this.#hasEnded = true;
      return -1;
    }
    if (got === -Errno.EAGAIN || got === -Errno.EINTR) return 0;
    this.reset();
    return -2;
  }

  /** Looks at what {@link receive} would give and leaves it there; what it gives means the same, but nothing is closed. */
  peek(into: Uint8Array<ArrayBuffer>): number {
    const got = peekStream(this.fd, into);
    if (got > 0) return got;
    if (got === 0) return -1;
    return got === -Errno.EAGAIN || got === -Errno.EINTR ? 0 : -2;
  }

  readAgain(): void {
    this.#wantsTurn = true;
    if (!this.isClosed) this.#host.again(this);
  }

  send(bytes: Uint8Array<ArrayBuffer>, count = bytes.length): boolean {
    if (this.#state === "closed" || this.#isBroken) return true;
    if (this.#first !== null || this.#state === "connecting") {
      this.#keep(bytes.slice(0, count));
      return false;
    }
    if (!this.#isTuned && (this.sentBytes > 0 || count > ONE_SEGMENT)) this.#tune();
    const sent = sendStream(this.fd, bytes, count);
    if (sent > 0) this.sentBytes += sent;
    if (sent === count) return true;
    if (sent >= 0 || sent === -Errno.EAGAIN || sent === -Errno.EINTR) {
      this.#keep(bytes.slice(Math.max(0, sent), count));
      return false;
    }
    this.#breakOff();
    return true;
  }

  finish(): void {
    if (this.#state === "closed" || this.#finish !== "no") return;
    this.#finish = "asked";
    // Not now: a peer that has all it wanted ends the connection itself by then, and FIN leaves with the close.
    if (this.#state === "open" && this.#first === null) this.#host.again(this);
  }

  expireIn(delayMs: number): void {
    if (!this.isClosed) this.#host.expireIn(this, delayMs);
  }

  neverExpire(): void {
    this.atMs = Infinity;
  }

  override expire(): void {
    if (this.isClosed) return;
    try {
      this.owner.expired(this);
    } catch (error) {
      this.#host.fault(this, error);
    }
  }

  /** Ends it because of a fault of the program; the owner may still end what belongs to it. */
  abandon(): void {
    if (!this.isClosed) this.#fail(Errno.EIO);
  }

  close(): void {
    if (!this.#leave()) return;
    closeStream(this.fd);
    this.#onClosed?.();
  }

  reset(): void {
    if (!this.#leave()) return;
    abortStream(this.fd);
    this.#onClosed?.();
  }

  /** Told by the loop: events of epoll. */
  happened(events: number): void {
    if (this.#state === "connecting" && !this.#connected(events)) return;
    if ((events & Happened.OUT) !== 0 && this.#first !== null) this.#flush();
    if ((events & INPUT) === 0 || this.isClosed) return;
    this.hasInput = !this.#hasEnded || (events & Happened.ERR) !== 0;
    if ((events & ENDED) !== 0) this.#isEnding = true;
    if ((events & ODD) !== 0) this.#isOdd = true;
    if (this.hasInput) this.owner.readable(this);
    if ((events & Happened.ERR) !== 0) this.#checkError();
  }

  /** Told by the loop: it had asked to be called. */
  turn(): void {
    if (this.isClosed) return;
    if (this.#finish === "asked" && this.#first === null) {
      this.#finish = "done";
      finishStream(this.fd);
    }
    if (!this.#isBroken) {
      const wantsTurn = this.#wantsTurn;
      this.#wantsTurn = false;
      if (wantsTurn) this.owner.readable(this);
      return;
    }
    // What came before it broke is still there: an answer, for one, to a request that was not taken to its end.
    if (!this.#hasEnded && this.peek(ONE_BYTE) > 0) {
      this.hasInput = true;
      this.owner.readable(this);
    }
    if (!this.isClosed) this.#fail(streamError(this.fd) || Errno.EPIPE);
  }

  /** Told by the loop from time to time: a peer that has had something to acknowledge and said nothing for so long is gone. */
  lookAfterPeer(silenceMs: number): void {
    if (this.#state !== "open") return;
    const { nowMs } = this.#host;
    const quietMs = unansweredMs(this.fd);
    if (quietMs === 0) this.#silentSinceMs = Infinity;
    else if (this.#silentSinceMs === Infinity || nowMs - quietMs > this.#silentSinceMs) this.#silentSinceMs = nowMs;
    else if (nowMs - this.#silentSinceMs >= silenceMs) this.#fail(Errno.ETIMEDOUT);
  }

  /** Leaves the loop; gives whether it was in it. */
  #leave(): boolean {
    if (this.#state === "closed") return false;
    this.#state = "closed";
    this.#first = null;
    this.#last = null;
    this.keptBytes = 0;
    this.hasInput = false;
    this.#host.neverExpire(this);
    this.#host.forget(this);
    return true;
  }

  #fail(errno: number): void {
    this.reset();
    this.owner.failed(this, errno);
  }

  /** Gives whether there is a connection, and whether anything else is to be looked at. */
  #connected(events: number): boolean {
    if ((events & (Happened.ERR | Happened.HUP)) !== 0) {
      this.#fail(streamError(this.fd) || Errno.ECONNREFUSED);
      return false;
    }
    if ((events & Happened.OUT) === 0) return false;
    this.#state = "open";
    this.owner.opened(this);
    return this.#state === "open";
  }

  #checkError(): void {
    if (this.#state !== "open" || this.peek(ONE_BYTE) > 0) return;
    this.#fail(streamError(this.fd) || Errno.ECONNRESET);
  }

  #keep(bytes: Uint8Array<ArrayBuffer>): void {
    const kept: Kept = { bytes, next: null };
    if (this.#last === null) this.#first = kept;
    else this.#last.next = kept;
    this.#last = kept;
    this.keptBytes += bytes.length;
  }

  #flush(): void {
    if (!this.#isTuned) this.#tune();
    for (let kept = this.#first; kept !== null; kept = kept.next) {
      const { bytes } = kept;
      const sent = sendStream(this.fd, bytes, bytes.length);
      if (sent < 0 && sent !== -Errno.EAGAIN && sent !== -Errno.EINTR) return this.#breakOff();
      if (sent > 0) {
        this.sentBytes += sent;
        this.keptBytes -= sent;
      }
      if (sent !== bytes.length) {
        this.#first = sent > 0 ? { bytes: bytes.slice(sent), next: kept.next } : kept;
        if (kept.next === null) this.#last = this.#first;
        return;
      }
    }
    this.#first = null;
    this.#last = null;
    if (this.#finish === "asked") this.#host.again(this);
    this.owner.drained(this);
  }

  /** Nothing can be sent any more: its owner hears of it in the next turn. */
  #breakOff(): void {
    this.#isBroken = true;
    this.#first = null;
    this.#last = null;
    this.keptBytes = 0;
    this.#host.again(this);
  }

  #tune(): void {
    this.#isTuned = true;
    tuneStream(this.fd);
  }
}
