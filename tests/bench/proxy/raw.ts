/**
 * Sockets for clients that measure: one thread, one ppoll(2), nothing else runs that could delay them. For processes of their own, not
 * for the benchmark itself.
 */

import { readErrno } from "../../../mod/linux/errno.ts";
import { libc } from "../../../mod/linux/libc.ts";
import {
  closeFd,
  Family,
  getOption,
  internetAddress,
  Level,
  MessageOption,
  openSocket,
  setOption,
  SocketOption,
  SocketType,
} from "../../../mod/linux/socket.ts";
import { ip } from "../../lab/plan.ts";

/** poll(2) with a timeout finer than a millisecond: at 20,000 requests a second 50 µs lie between two. */
const waiting = Deno.dlopen(
  "libc.so.6",
  { ppoll: { parameters: ["buffer", "usize", "buffer", "pointer"], result: "i32" } } as const,
).symbols;

export const POLLIN = 1;
export const POLLOUT = 4;
const ENTRY = 8;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const EAGAIN = 11;
const EINPROGRESS = 115;

/** A fixed number of places, each with a descriptor to watch or none. */
export class PollSet {
  readonly #set: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #timeout = new BigInt64Array(2);
  readonly #timeoutBytes = new Uint8Array(this.#timeout.buffer);
  readonly #count: bigint;

  constructor(places: number) {
    this.#count = BigInt(places);
    this.#set = new Uint8Array(places * ENTRY);
    this.#view = new DataView(this.#set.buffer);
    for (let place = 0; place < places; place++) this.watch(place, -1, 0);
  }

  /** Watches a descriptor for POLLIN or POLLOUT; descriptor -1: nothing. */
  watch(place: number, fd: number, events: number): void {
    this.#view.setInt32(place * ENTRY, fd, true);
    this.#view.setInt16(place * ENTRY + 4, events, true);
  }

  /** Waits so long at most. Gives how many places are ready. */
  wait(timeoutMs: number): number {
    const ns = Math.max(0, Math.round(timeoutMs * 1e6));
    this.#timeout[0] = BigInt(Math.floor(ns / 1e9));
    this.#timeout[1] = BigInt(ns % 1e9);
    return waiting.ppoll(this.#set, this.#count, this.#timeoutBytes, null);
  }

  /** Whether something has happened at a place: what was waited for, an error or a hang-up. */
  isReady(place: number): boolean {
    return this.#view.getInt16(place * ENTRY + 6, true) !== 0;
  }
}

/** Begins to connect. Gives the descriptor, or the negative errno. */
export function beginConnect(host: string, port: number): number {
  const fd = openSocket(Family.INET, SocketType.STREAM, 0);
  setOption(fd, { level: IPPROTO_TCP, name: TCP_NODELAY, value: 1 });
  const address = internetAddress(ip(host), port);
  if (libc.connect(fd, address, address.length) === 0) return fd;
  const errno = readErrno();
  if (errno === EINPROGRESS) return fd;
  closeFd(fd);
  return -errno;
}

/** The errno of a connect that has ended; 0: connected. */
export function connectError(fd: number): number {
  return getOption(fd, Level.SOCKET, SocketOption.ERROR);
}

/** Sends; gives the number of bytes or the negative errno. Requests are small: the kernel takes them whole. */
export function send(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  const sent = libc.sendto(fd, bytes, BigInt(bytes.length), MessageOption.NOSIGNAL, null, 0);
  return sent === -1 ? -readErrno() : sent;
}

/** Receives what is there: the count, 0 at the end of the stream, null when there is nothing, or the negative errno. */
export function receive(fd: number, into: Uint8Array<ArrayBuffer>, flags = 0): number | null {
  const got = libc.recvfrom(fd, into, BigInt(into.length), MessageOption.DONTWAIT | flags, null, null);
  if (got !== -1) return got;
  const errno = readErrno();
  return errno === EAGAIN ? null : -errno;
}

/** Writes a line to standard output. */
export function say(line: string): void {
  let bytes = new TextEncoder().encode(`${line}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

export { closeFd };
