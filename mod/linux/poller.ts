/**
 * One parked `poll(2)` for the whole process, over all raw descriptors. Deno runs a nonblocking call on one of 32 shared pool threads and
 * can neither cancel nor unref it, so there is exactly one, and an eventfd among its descriptors wakes it when the set changes or ends.
 */
import { Errno, sysCall, SysError } from "./errno.ts";
import { libc } from "./libc.ts";
import { closeFd } from "./socket.ts";

const POLLIN = 0x1;
const POLLOUT = 0x4;
const POLLNVAL = 0x20;
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
/** sizeof(struct pollfd): i32 fd, i16 events, i16 revents. */
const ENTRY = 8;
/** The low byte of the first entry's `revents`, which has all of POLLIN, POLLERR, POLLHUP and POLLNVAL. */
const WOKEN = 6;
const FOREVER = -1;
/** A refused poll (no memory) is tried again after this long; only the wake-up descriptor is watched meanwhile. */
const RETRY_MS = 100;
/** EINTR is ordinary; so many failures in a row are not. */
const FAILURES_TOLERATED = 3;

/** A descriptor that is being watched. */
export interface Watch {
  /** No call after this. The descriptor may be closed at once. Calling it twice does nothing. */
  stop(): void;
  /** Waits for this from now on; a call for what was waited for before may still come. */
  change(interest: Interest): void;
}

/** What is waited for; an error or a hang-up counts as either. `both`: whichever comes first. */
export type Interest = "readable" | "writable" | "both";

const EVENTS: Readonly<Record<Interest, number>> = { readable: POLLIN, writable: POLLOUT, both: POLLIN | POLLOUT };

interface Entry {
  readonly fd: number;
  readonly onReady: () => void;
  interest: Interest;
  /** The owner has not stopped it. */
  active: boolean;
}

/** The descriptors of one poll: struct pollfd for the wake-up descriptor and then for each entry. */
interface Watched {
  readonly set: Uint8Array<ArrayBuffer>;
  readonly entries: readonly Entry[];
}

/** Tells when raw sockets have something to read, or room to write. One a process; its owner closes it. */
export class Poller {
  readonly #onError: (error: unknown) => void;
  readonly #entries = new Set<Entry>();
  /** Made anew after a change only: polls come by the hundred each second. */
  #watched: Watched | null = null;
  #wake = -1;
  #loop: Promise<void> | null = null;
  /** The poll that is under way, if any. */
  #parked: Promise<number> | null = null;
  #closed = false;

  /** `onError` receives what a handler threw, and descriptors that turned out to be closed; it must not throw itself. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /**
   * Calls `onReady` whenever `fd` is readable (or as `interest` says) or has an error to fetch, until stopped. The reader takes what it
   * wants, with a bound of its own: what is left brings it the next call, after the other descriptors had theirs.
   */
  watch(fd: number, onReady: () => void, { interest = "readable" }: { interest?: Interest } = {}): Watch {
    if (this.#closed) throw new SysError("watch", Errno.EBADF, { subject: `${fd} on a closed poller` });
    const entry: Entry = { fd, onReady, interest, active: true };
    this.#entries.add(entry);
    this.#watched = null;
    if (this.#loop === null) this.#start();
    else this.#interrupt();
    return { stop: () => this.#stop(entry), change: (to) => this.#change(entry, to) };
  }

  /**
   * Makes the poll that is under way return, and resolves when it has. Until then the kernel keeps what was closed meanwhile open for
   * it: a port, for one, is not free yet.
   */
  async released(): Promise<void> {
    this.#interrupt();
    await this.#parked;
  }

  /** Stops every watch; resolves when nothing is pending any more. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of [...this.#entries]) this.#stop(entry);
    await this.#loop;
  }

  #stop(entry: Entry): void {
    if (!entry.active) return;
    entry.active = false;
    this.#entries.delete(entry);
    this.#watched = null;
    this.#interrupt();
  }

  #change(entry: Entry, interest: Interest): void {
    if (!entry.active || entry.interest === interest) return;
    entry.interest = interest;
    this.#watched = null;
    this.#interrupt();
  }

  #start(): void {
    this.#wake = sysCall("eventfd", libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    this.#loop = this.#run().catch(this.#onError).finally(() => this.#end());
  }

  #interrupt(): void {
    if (this.#wake !== -1) sysCall("write eventfd", libc.write(this.#wake, BigUint64Array.of(1n), 8n));
  }

  /** Ends when nobody watches. */
  async #run(): Promise<void> {
    // A pool thread is born where its first work is handed over: not while the caller visits another network namespace.
    await Promise.resolve();
    let failures = 0;
    while (this.#entries.size > 0) {
      const { set, entries } = this.#watched ??= pollSet(this.#wake, [...this.#entries]);
      this.#parked = libc.pollParked(set, BigInt(entries.length + 1), FOREVER);
      const count = await this.#parked;
      failures = count === -1 ? failures + 1 : 0;
      if (count > 0) this.#dispatch({ set, entries });
      else if (failures >= FAILURES_TOLERATED) await this.#explain({ set, entries });
    }
  }

  #end(): void {
    closeFd(this.#wake);
    this.#wake = -1;
    this.#watched = null;
    this.#loop = null;
    // Somebody began to watch between the last look and this.
    if (this.#entries.size > 0) this.#start();
  }

  #dispatch({ set, entries }: Watched): void {
    if (set[WOKEN] !== 0) libc.read(this.#wake, new Uint8Array(8), 8n);
    for (const [index, entry] of entries.entries()) {
      const happened = set[WOKEN + (index + 1) * ENTRY] ?? 0;
      if (happened === 0 || !entry.active) continue;
      if ((happened & POLLNVAL) === 0) this.#call(entry);
      else {
        this.#stop(entry);
        this.#onError(new SysError("watch", Errno.EBADF, { subject: `${entry.fd}` }));
      }
    }
  }

  #call(entry: Entry): void {
    try {
      entry.onReady();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** The errno of a parked call stayed on its thread: asks again here, reports, and lets some time pass. */
  async #explain({ set, entries }: Watched): Promise<void> {
    try {
      sysCall("poll", libc.poll(set, BigInt(entries.length + 1), 0), `${entries.length} descriptors`);
    } catch (error) {
      this.#onError(error);
      await libc.pollParked(pollSet(this.#wake, []).set, 1n, RETRY_MS);
    }
  }
}

function pollSet(wake: number, entries: readonly Entry[]): Watched {
  const set = new Uint8Array((entries.length + 1) * ENTRY);
  const view = new DataView(set.buffer);
  const wakeUp = { fd: wake, interest: "readable" as const };
  for (const [index, { fd, interest }] of [wakeUp, ...entries].entries()) {
    view.setInt32(index * ENTRY, fd, true);
    view.setInt16(index * ENTRY + 4, EVENTS[interest], true);
  }
  return { set, entries };
}
