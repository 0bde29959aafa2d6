/** The loop of one thread: waits for the kernel, calls what has something to do, and keeps time. */
import { Epoll } from "../../linux/epoll.ts";
import { Errno } from "../../linux/errno.ts";
import { connectStream } from "../../linux/stream_socket.ts";
import { DeadlineNode, Deadlines } from "./deadlines.ts";
import { type FlowHost, SocketFlow } from "./flow.ts";
import type { Destination, Flow, FlowOwner, Loop } from "./types.ts";

/** Bytes received at once; a bigger piece does not come out of the kernel faster. */
const SCRATCH_BYTES = 256 * 1024;

/** A peer that acknowledges nothing for so long is gone. */
const SILENCE_MS = 60_000;
/** Each flow is looked at so often meanwhile; so many parts of all flows are looked at one after the other. */
const LOOKS = 3;
const PARTS = 20;

/** Whatever has a descriptor in the set. */
export interface Watched {
  readonly fd: number;
  readonly tag: number;
  /** Bits of `Happened`. */
  happened(events: number): void;
}

/** What is called in the next turn without an event. */
export interface Queued {
  isQueued: boolean;
  turn(): void;
}

/** What a loop is made with. */
export interface LoopOptions {
  /** Monotonic ms. */
  readonly now: () => number;
  /** What an owner threw: a fault of the program, which must not end the thread. */
  readonly onFault: (error: unknown) => void;
  /** A peer that acknowledges nothing for so long is gone. @default {SILENCE_MS} */
  readonly silenceMs?: number;
}

/** Is due again and again while there are flows. */
class Rounds extends DeadlineNode {
  readonly #go: () => void;

  constructor(go: () => void) {
    super();
    this.#go = go;
  }

  override expire(): void {
    this.#go();
  }
}

/** Owns the epoll set and, while they are open, every flow in it. */
export class EventLoop implements Loop, FlowHost {
  nowMs: number;
  connectErrno = 0;
  readonly scratch: Uint8Array<ArrayBuffer> = new Uint8Array(SCRATCH_BYTES);
  readonly #options: LoopOptions;
  readonly #epoll = new Epoll();
  readonly #deadlines: Deadlines;
  /** By descriptor. */
  readonly #watched: (Watched | undefined)[] = [];
  #queue: Queued[] = [];
  #turning: Queued[] = [];
  #lastTag = 0;
  readonly #silenceMs: number;
  readonly #rounds = new Rounds(() => this.#goRound());
  #flows = 0;
  #part = 0;

  /** Throws SysError. */
  constructor(options: LoopOptions) {
    this.#options = options;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    this.nowMs = options.now();
    this.#deadlines = new Deadlines(this.nowMs);
  }

  /** One turn: waits until there is something to do, at most `mostMs` (−1: however long), and does it. */
  turn(mostMs = -1): void {
    const count = this.#epoll.wait(this.#waitMs(mostMs));
    this.nowMs = this.#options.now();
    // What is queued by these events has its turn after the next ones.
    const queued = this.#queue;
    this.#queue = this.#turning;
    this.#turning = queued;
    for (let index = 0; index < count; index++) {
      const watched = this.#watched[this.#epoll.fd(index)];
      if (watched === undefined || watched.tag !== this.#epoll.tag(index)) continue;
      try {
        watched.happened(this.#epoll.happened(index));
      } catch (error) {
        this.fault(watched, error);
      }
    }
    if (queued.length > 0) this.#runQueue(queued);
    this.#deadlines.run(this.nowMs);
  }

  connect(to: Destination, owner: FlowOwner): Flow | null {
    const fd = connectStream(to.address);
    const flow = fd < 0 ? null : this.#add(fd, owner, null);
    if (flow === null) this.connectErrno = fd < 0 ? -fd : Errno.ENOMEM;
    return flow;
  }

  /** Takes an accepted connection into the loop; `onClosed` is called when it is closed. null: the kernel has no room for it. */
  adopt(fd: number, owner: FlowOwner, onClosed: () => void): SocketFlow | null {
    return this.#add(fd, owner, onClosed);
  }

  /** Watches a descriptor that is no connection: for something to read, edge-triggered. Gives 0 or the negative errno. */
  watch(watched: Watched): number {
    const result = this.#epoll.add(watched.fd, watched.tag, "readable");
    if (result === 0) this.#watched[watched.fd] = watched;
    return result;
  }

  /** A tag for something to watch. */
  newTag(): number {
    this.#lastTag = (this.#lastTag + 1) | 0;
    return this.#lastTag;
  }

  again(queued: Queued): void {
    if (queued.isQueued) return;
    queued.isQueued = true;
    this.#queue.push(queued);
  }

  forget(watched: Watched): void {
    if (this.#watched[watched.fd] !== watched) return;
    this.#watched[watched.fd] = undefined;
    if (watched instanceof SocketFlow) this.#flows--;
  }

  /** Watches it no more, though its descriptor stays open. */
  unwatch(watched: Watched): void {
    this.forget(watched);
    this.#epoll.remove(watched.fd);
  }

  expireIn(node: DeadlineNode, delayMs: number): void {
    this.#deadlines.set(node, this.nowMs, delayMs);
  }

  neverExpire(node: DeadlineNode): void {
    this.#deadlines.remove(node);
  }

  /** One connection ends with it, not the thread. */
  fault(of: unknown, error: unknown): void {
    this.#options.onFault(error);
    try {
      if (of instanceof SocketFlow) of.abandon();
    } catch (second) {
      this.#options.onFault(second);
    }
  }

  /** Resets every flow that is still there and gives the set back. */
  close(): void {
    for (const watched of this.#watched) if (watched instanceof SocketFlow) watched.reset();
    this.#watched.length = 0;
    this.#epoll.close();
  }

  #add(fd: number, owner: FlowOwner, onClosed: (() => void) | null): SocketFlow | null {
    const flow = new SocketFlow(this, { fd, tag: this.newTag(), owner, onClosed });
    if (this.#epoll.add(fd, flow.tag, "connection") === 0) {
      this.#watched[fd] = flow;
      this.#flows++;
      if (this.#rounds.atMs === Infinity) this.#armRounds();
      return flow;
    }
    flow.reset();
    return null;
  }

  #armRounds(): void {
    this.expireIn(this.#rounds, this.#silenceMs / (LOOKS * PARTS));
  }

  /** A part of the flows at a time, so that a great many of them keep nobody waiting. */
  #goRound(): void {
    this.#part = (this.#part + 1) % PARTS;
    for (let fd = this.#part; fd < this.#watched.length; fd += PARTS) {
      const flow = this.#watched[fd];
      if (flow instanceof SocketFlow) this.#lookAfter(flow);
    }
    if (this.#flows > 0) this.#armRounds();
  }

  #lookAfter(flow: SocketFlow): void {
    try {
      flow.lookAfterPeer(this.#silenceMs);
    } catch (error) {
      this.fault(flow, error);
    }
  }

  #waitMs(mostMs: number): number {
    if (this.#queue.length > 0) return 0;
    const waitMs = this.#deadlines.waitMs(this.nowMs);
    if (mostMs < 0) return waitMs;
    return waitMs < 0 ? mostMs : Math.min(waitMs, mostMs);
  }

  #runQueue(turning: Queued[]): void {
    for (const queued of turning) {
      queued.isQueued = false;
      try {
        queued.turn();
      } catch (error) {
        this.fault(queued, error);
      }
    }
    turning.length = 0;
  }
}
