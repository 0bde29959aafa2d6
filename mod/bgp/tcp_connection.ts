import { assertNever } from "../base/assert.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { Errno } from "../linux/errno.ts";
import type { Poller, Watch } from "../linux/poller.ts";
import { closeFd, localEndpoint, remoteEndpoint } from "../linux/socket.ts";
import {
  abortSocket,
  endSending,
  takeSocketError,
  tryReceiveSome,
  trySendSome,
  unacknowledged,
} from "../linux/tcp_socket.ts";
import { SendQueue } from "./send_queue.ts";
import { reasonOf } from "./tcp_reason.ts";
import type { Connection, ConnectionEvents } from "./transport.ts";

/** What one turn reads before other descriptors have theirs. */
const RECEIVE_BYTES = 64 * 1024;
/** What one call offers to the kernel, which seldom takes more. */
const SEND_BYTES = 256 * 1024;
/** A peer that leaves so much unread is given up: a thousand host routes are 60 kB. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

/** One buffer for all: the bytes are only lent to the handler. */
const buffer = new Uint8Array(RECEIVE_BYTES);

/** What a connection needs, and who is told that it has ended. */
export interface ConnectionOwner {
  readonly poller: Poller;
  readonly clock: Clock;
  /** The descriptor is closed and nothing of the connection is pending. */
  gone(connection: TcpConnection): void;
}

/** How a connection begins: a socket that connects, one that is connected, or none because of what `failed` says. */
export type Beginning =
  | { readonly is: "connecting"; readonly fd: number }
  | { readonly is: "open"; readonly fd: number }
  | { readonly is: "failed"; readonly why: string };

/**
 * - `connecting` → `open` by the kernel
 * - `failed`: the descriptor is closed, the owner hears of it in a later turn
 * - `ending`: {@link TcpConnection.close} was called; what is queued leaves, then FIN, then what the peer still says is thrown away
 * - `gone`: the end of all
 */
type Phase = "connecting" | "open" | "failed" | "ending" | "gone";

/** A TCP connection on the poller. It owns its descriptor. */
export class TcpConnection implements Connection {
  localIp: string | null = null;
  remoteIp: string | null = null;
  readonly #owner: ConnectionOwner;
  readonly #events: ConnectionEvents;
  readonly #queue = new SendQueue();
  #phase: Phase;
  #fd = -1;
  #watch: Watch | null = null;
  #timer: Timer | null = null;
  /** Why sending failed; told after what the peer has sent before. */
  #sendError = 0;
  #finSent = false;

  /** `opened` is called for a connection that begins with `connecting` only. */
  constructor(beginning: Beginning, events: ConnectionEvents, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#events = events;
    this.#phase = beginning.is;
    if (beginning.is === "failed") this.#failLater(beginning.why);
    else {
      this.#fd = beginning.fd;
      if (beginning.is === "open") this.#readEnds();
      const interest = beginning.is === "open" ? "readable" : "writable";
      this.#watch = owner.poller.watch(this.#fd, () => this.#ready(), { interest });
    }
  }

  get queuedBytes(): number {
    return this.#queue.length;
  }

  /** {@link close} was called and is not through. */
  get isEnding(): boolean {
    return this.#phase === "ending";
  }

  send(bytes: Uint8Array): void {
    if (this.#phase !== "open" && this.#phase !== "connecting") return;
    this.#queue.push(bytes);
    if (this.#phase === "open" && this.#queue.length === bytes.length) this.#flush();
    if (this.#queue.length > MAX_QUEUED_BYTES) {
      this.#failLater(`the peer does not read: more than ${MAX_QUEUED_BYTES / 1024 / 1024} MiB wait for it`);
    }
  }

  close(limitMs: number): void {
    if (this.#phase === "ending") return;
    if (this.#phase !== "open") return this.abort();
    this.#phase = "ending";
    this.#timer = this.#owner.clock.after(limitMs, () => this.#giveUp());
    this.#end();
  }

  abort(): void {
    if (this.#phase === "gone") return;
    this.#letGo(abortSocket);
    this.#gone();
  }

  #ready(): void {
    switch (this.#phase) {
      case "connecting":
        return this.#connected();
      case "open":
        this.#flush();
        return this.#receive();
      case "ending":
        this.#flush();
        return this.#discard();
      case "failed":
      case "gone":
        return;
      default:
        assertNever(this.#phase);
    }
  }

  #connected(): void {
    const errno = takeSocketError(this.#fd);
    if (errno !== 0) return this.#closed(reasonOf(errno));
    this.#readEnds();
    if (this.remoteIp === null) return; // not yet
    this.#phase = "open";
    this.#watch?.change("readable");
    this.#flush();
    this.#events.opened();
  }

  #readEnds(): void {
    this.localIp = localEndpoint(this.#fd)?.ip ?? null;
    this.remoteIp = remoteEndpoint(this.#fd)?.ip ?? null;
  }

  /** One buffer's worth; what is left brings the next call. */
  #receive(): void {
    const got = tryReceiveSome(this.#fd, buffer);
    if (got > 0) return this.#events.received(buffer.subarray(0, got));
    const waits = got === -Errno.EAGAIN || got === -Errno.EINTR;
    if (waits && this.#sendError === 0) return;
    if (waits || (got === 0 && this.#sendError !== 0)) return this.#closed(reasonOf(this.#sendError));
    this.#closed(got === 0 ? "closed by the peer" : reasonOf(-got));
  }

  /** Sends what the kernel takes; waits for room if something is left. An error waits until all that was received is read. */
  #flush(): void {
    while (this.#queue.length > 0 && this.#sendError === 0) {
      const sent = trySendSome(this.#fd, this.#queue.head(SEND_BYTES));
      if (sent >= 0) this.#queue.drop(sent);
      else if (sent === -Errno.EAGAIN) break;
      else if (sent !== -Errno.EINTR) this.#sendError = -sent;
    }
    // After an error the poller calls at once, for the hang-up that comes with it or for `writable`.
    this.#watch?.change(this.#queue.length > 0 ? "both" : "readable");
    if (this.#phase === "ending") this.#end();
  }

  /** The orderly end, one step further if it is time. */
  #end(): void {
    if (this.#sendError !== 0) return this.abort();
    if (this.#queue.length > 0 || this.#finSent) return;
    this.#finSent = true;
    endSending(this.#fd);
  }

  /** A descriptor that is closed with something unread sends RST, which may overtake what the peer has not read of us. */
  #discard(): void {
    if (this.#phase !== "ending") return;
    const got = tryReceiveSome(this.#fd, buffer);
    if (got > 0 || got === -Errno.EAGAIN || got === -Errno.EINTR) return;
    // The peer may end before all has left; it can still read.
    if (got === 0 && !this.#finSent) return this.#watch?.change("writable");
    this.#letGo(closeFd);
    this.#gone();
  }

  /** The time for the orderly end is over. A peer that has acknowledged all, the FIN too, may take its time to end its side. */
  #giveUp(): void {
    this.#letGo(this.#finSent && unacknowledged(this.#fd) === 0 ? closeFd : abortSocket);
    this.#gone();
  }

  #failLater(why: string): void {
    this.#phase = "failed";
    this.#letGo(abortSocket);
    this.#timer = this.#owner.clock.after(0, () => this.#closed(why));
  }

  #closed(why: string): void {
    this.#letGo(closeFd);
    this.#gone();
    this.#events.closed(why);
  }

  #gone(): void {
    this.#phase = "gone";
    this.#owner.gone(this);
  }

  /** Nothing of this connection is pending after this. */
  #letGo(how: (fd: number) => void): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#queue.clear();
    this.#watch?.stop();
    this.#watch = null;
    if (this.#fd === -1) return;
    const fd = this.#fd;
    this.#fd = -1;
    how(fd);
  }
}
