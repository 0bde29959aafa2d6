/** A listening socket on a loop: takes connections in batches, up to the limit of its balancer. */
import { Errno } from "../../linux/errno.ts";
import { acceptStream, closeStream } from "../../linux/stream_socket.ts";
import { DeadlineNode } from "./deadlines.ts";
import type { SocketFlow } from "./flow.ts";
import type { EventLoop, Queued, Watched } from "./loop.ts";
import type { FlowOwner } from "./types.ts";

/** Connections taken in one turn; the others had theirs before the next. */
const BATCH = 64;
/** What went wrong (EMFILE, ENOBUFS) may be over soon: ask again soon, then less often. */
const BACKOFF_MS = { first: 5, max: 500 };
/** Other threads have all the places: nobody here tells when one is free. */
const ELSEWHERE_MS = 20;

/** The places for clients of one balancer; its threads share them. */
export interface Places {
  /** Takes a place; false: there is none. */
  take(): boolean;
  /** There was nobody for it. */
  giveBack(): void;
  /** Somebody has it. */
  opened(): void;
  /** Who had it has gone. */
  closed(): void;
}

/** What an acceptor works for. */
export interface AcceptorOptions {
  readonly loop: EventLoop;
  readonly places: Places;
  /** Takes over a connection; whoever is to own it sets itself. */
  readonly onAccepted: (flow: SocketFlow) => void;
  /** Accepting failed with this errno: told when it changes. */
  readonly onError: (errno: number) => void;
  /** There is no place: told once until there was one. */
  readonly onFull: () => void;
}

/** The owner of a flow that has none yet. */
const NOBODY: FlowOwner = {
  opened: () => {},
  readable: () => {},
  drained: () => {},
  failed: () => {},
  expired: () => {},
};

/** Owns its listening socket, whose connections it gives away. */
export class Acceptor extends DeadlineNode implements Watched, Queued {
  readonly fd: number;
  readonly tag: number;
  isQueued = false;
  readonly #options: AcceptorOptions;
  #backoffMs = BACKOFF_MS.first;
  #lastErrno = 0;
  #waitsForPlace = false;
  #isClosed = false;

  /** `fd` listens already and does not block. */
  constructor(fd: number, options: AcceptorOptions) {
    super();
    this.fd = fd;
    this.#options = options;
    this.tag = options.loop.newTag();
    const result = options.loop.watch(this);
    if (result < 0) this.#pause(-result);
  }

  happened(): void {
    this.turn();
  }

  turn(): void {
    const { loop, places } = this.#options;
    for (let count = 0; count < BATCH; count++) {
      if (this.#isClosed) return;
      if (!places.take()) return this.#wait();
      const fd = acceptStream(this.fd);
      if (fd < 0) {
        places.giveBack();
        if (fd !== -Errno.ECONNABORTED && fd !== -Errno.EINTR) return this.#ended(-fd);
        continue;
      }
      places.opened();
      const flow = loop.adopt(fd, NOBODY, this.#onClosed);
      if (flow === null) return this.#pause(Errno.ENOMEM);
      this.#backoffMs = BACKOFF_MS.first;
      this.#hand(flow);
    }
    loop.again(this);
  }

  override expire(): void {
    this.turn();
  }

  /** A place of this thread may be free again. */
  wake(): void {
    if (!this.#waitsForPlace || this.#isClosed) return;
    this.#waitsForPlace = false;
    this.#options.loop.again(this);
  }

  /** Takes no more; idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.giveUp();
    closeStream(this.fd);
  }

  /** Takes no more, and leaves the socket to another: what waits in its queue is the other's. */
  giveUp(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { loop } = this.#options;
    loop.neverExpire(this);
    loop.unwatch(this);
  }

  /** A fault of the program with one connection must not keep the others waiting. */
  #hand(flow: SocketFlow): void {
    try {
      this.#options.onAccepted(flow);
    } catch (error) {
      this.#options.loop.fault(flow, error);
    }
  }

  readonly #onClosed = (): void => this.#options.places.closed();

  #wait(): void {
    if (!this.#waitsForPlace) this.#options.onFull();
    this.#waitsForPlace = true;
    this.#options.loop.expireIn(this, ELSEWHERE_MS);
  }

  #ended(errno: number): void {
    this.#waitsForPlace = false;
    if (errno === Errno.EAGAIN) return;
    // EINVAL is what a socket says that listens no more: its end is on its way.
    if (errno !== Errno.EINVAL) this.#pause(errno);
  }

  #pause(errno: number): void {
    const { loop, onError } = this.#options;
    if (errno !== this.#lastErrno) onError(errno);
    this.#lastErrno = errno;
    loop.expireIn(this, this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MS.max);
  }
}
