/**
 * `epoll(7)` for one thread that waits in it: the wait is a synchronous call, so nothing else runs on the thread meanwhile. Descriptors are
 * added once, edge-triggered, and leave the set when they are closed. An eventfd among them lets another thread end the wait.
 */
import { readErrno, sysCall } from "./errno.ts";
import { libc } from "./libc.ts";
import { closeFd } from "./socket.ts";

/** What may have happened (EPOLL*). */
export const Happened = { IN: 0x1, PRI: 0x2, OUT: 0x4, ERR: 0x8, HUP: 0x10, RDHUP: 0x2000 } as const;

const EPOLLET = 1 << 31;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CLOEXEC = 0o2000000;
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
/** Both ways of a connection: error and hang-up come without being asked for. */
const CONNECTION = Happened.IN | Happened.PRI | Happened.OUT | Happened.RDHUP | EPOLLET;
const READABLE = Happened.IN | EPOLLET;
/** Events taken with one call; what does not fit comes with the next. */
const MOST_EVENTS = 256;
/** struct epoll_event: u32 events, u64 data; packed on x86-64 only. In words of 32 bits. */
const PACKED = Deno.build.arch === "x86_64";
const WORDS = PACKED ? 3 : 4;
const DATA = PACKED ? 1 : 2;

/** One epoll set. Its owner closes it. */
export class Epoll {
  readonly #fd: number;
  readonly #events = new Int32Array(MOST_EVENTS * WORDS);
  readonly #eventBytes = new Uint8Array(this.#events.buffer);
  readonly #one = new Int32Array(WORDS);
  readonly #oneBytes = new Uint8Array(this.#one.buffer);

  /** Throws SysError. */
  constructor() {
    this.#fd = sysCall("create epoll set", libc.epollCreate(EPOLL_CLOEXEC));
  }

  /**
   * Watches a connection both ways, or a descriptor of another kind for reading, until it is closed; edge-triggered. `tag` (32 bits) comes
   * back with its events: what was closed and what has its number now are told apart by it. Gives 0 or the negative errno.
   */
  add(fd: number, tag: number, kind: "connection" | "readable"): number {
    const one = this.#one;
    one[0] = kind === "connection" ? CONNECTION : READABLE;
    one[DATA] = fd;
    one[DATA + 1] = tag;
    return libc.epollCtl(this.#fd, EPOLL_CTL_ADD, fd, this.#oneBytes) === -1 ? -readErrno() : 0;
  }

  /** Watches it no more, though it stays open. */
  remove(fd: number): void {
    libc.epollCtl(this.#fd, EPOLL_CTL_DEL, fd, this.#oneBytes);
  }

  /** Waits until something happens, at most so long (−1: for ever), and gives how many events there are; 0 also when a signal came. */
  wait(timeoutMs: number): number {
    const count = libc.epollWait(this.#fd, this.#eventBytes, MOST_EVENTS, timeoutMs);
    return count === -1 ? 0 : count;
  }

  /** The bits of {@link Happened} of an event that {@link wait} has given. */
  happened(index: number): number {
    return this.#events[index * WORDS] ?? 0;
  }

  /** Its descriptor. */
  fd(index: number): number {
    return this.#events[index * WORDS + DATA] ?? -1;
  }

  /** The tag that it was added with. */
  tag(index: number): number {
    return this.#events[index * WORDS + DATA + 1] ?? 0;
  }

  close(): void {
    closeFd(this.#fd);
  }
}

const ONE = new Uint8Array(BigUint64Array.of(1n).buffer);

/** Makes an eventfd, to be watched as readable by the thread that is to be woken. Throws SysError. */
export function openWakeUp(): number {
  return sysCall("eventfd", libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

/** Ends the wait of whoever watches the eventfd, from any thread. A wake-up that is still to be noticed is one with this. */
export function wakeUp(fd: number): void {
  libc.write(fd, ONE, 8n);
}
