/**
 * TCP sockets of a thread that never waits for them: the calls that come by the hundred thousand each second. An error is an ordinary outcome
 * here, so each gives the negative errno instead of throwing. A number goes through FFI fast as `i32` or as a bigint, not as a `usize` made
 * of a number (150 ns against 270).
 */
import { Errno, readErrno } from "./errno.ts";
import { libc } from "./libc.ts";
import { Family, Level, MessageOption, SocketOption, SocketType } from "./socket.ts";

const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const STREAM = SocketType.STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
const ACCEPTED = SOCK_NONBLOCK | SOCK_CLOEXEC;
const SEND = MessageOption.NOSIGNAL | MessageOption.DONTWAIT;
const SHUT_RDWR = 2;
const SHUT_WR = 1;
/** tcp(7), include/uapi/linux/tcp.h. */
const TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_INFO = 11;
const SO_KEEPALIVE = 9;
const INT = 4;
/** struct linger { on, 0 seconds }. */
const ABORT = Int32Array.of(1, 0);

/** A peer that says nothing is asked after this long, so often, so many times: gone after two minutes. Seconds. */
const KEEPALIVE = { idleS: 60, everyS: 15, probes: 4 };

const SETTINGS: readonly { readonly level: number; readonly name: number; readonly value: Int32Array<ArrayBuffer> }[] =
  [
    { level: TCP, name: TCP_NODELAY, value: Int32Array.of(1) },
    { level: Level.SOCKET, name: SO_KEEPALIVE, value: Int32Array.of(1) },
    { level: TCP, name: TCP_KEEPIDLE, value: Int32Array.of(KEEPALIVE.idleS) },
    { level: TCP, name: TCP_KEEPINTVL, value: Int32Array.of(KEEPALIVE.everyS) },
    { level: TCP, name: TCP_KEEPCNT, value: Int32Array.of(KEEPALIVE.probes) },
  ];

/**
 * No waiting for more to send (RFC 896), and a peer that is gone is noticed in the end. Not by TCP_USER_TIMEOUT: that also ends the
 * connection of a peer that is there and has closed its window for so long, as one does that reads slowly; {@link unansweredMs} tells. What
 * a listening socket has of this, its accepted connections have too. A socket that is broken already refuses, which its owner learns when it
 * uses it.
 */
export function tuneStream(fd: number): void {
  for (const { level, name, value } of SETTINGS) libc.setsockopt(fd, level, name, value, INT);
}

/** Takes the next connection that waits at a listening socket: its descriptor, or the negative errno (EAGAIN: none waits). */
export function acceptStream(fd: number): number {
  const taken = libc.accept4(fd, null, null, ACCEPTED);
  return taken === -1 ? -readErrno() : taken;
}

/**
 * Makes a socket and begins to connect it to a sockaddr_in or sockaddr_in6: its descriptor, or the negative errno of what failed at once.
 * Writable means that it has ended; {@link streamError} says how.
 */
export function connectStream(address: Uint8Array<ArrayBuffer>): number {
  const fd = libc.socket(address[0] === Family.INET ? Family.INET : Family.INET6, STREAM, 0);
  if (fd === -1) return -readErrno();
  if (libc.connect(fd, address, address.length) === -1) {
    const errno = readErrno();
    if (errno !== Errno.EINPROGRESS) {
      libc.close(fd);
      return -errno;
    }
  }
  return fd;
}

/** Receives at most `most` bytes: how many came, 0 at FIN, or the negative errno. */
export function receiveStream(fd: number, into: Uint8Array<ArrayBuffer>, most: number): number {
  const got = libc.recv(fd, into, BigInt(most), MessageOption.DONTWAIT);
  return got === -1 ? -readErrno() : got;
}

/** As {@link receiveStream}, and leaves the bytes where they are. */
export function peekStream(fd: number, into: Uint8Array<ArrayBuffer>): number {
  const got = libc.recv(fd, into, BigInt(into.length), MessageOption.DONTWAIT | MessageOption.PEEK);
  return got === -1 ? -readErrno() : got;
}

/** Sends the first `count` bytes, or as many of them as the kernel takes: how many, or the negative errno. */
export function sendStream(fd: number, bytes: Uint8Array<ArrayBuffer>, count: number): number {
  const sent = libc.send(fd, bytes, BigInt(count), SEND);
  return sent === -1 ? -readErrno() : sent;
}

const error = new Int32Array(1);
const errorLength = Uint32Array.of(INT);

/** Fetches the error that waits on a socket, and clears it; 0: none. */
export function streamError(fd: number): number {
  if (libc.getsockopt(fd, Level.SOCKET, SocketOption.ERROR, error, errorLength) === -1) return readErrno();
  return error[0] ?? 0;
}

/** struct tcp_info (include/uapi/linux/tcp.h), in words of 32 bits; the last one is there from Linux 5.4 on. */
const Info = {
  unacknowledged: 6,
  lastSentMs: 11,
  lastAcknowledgementMs: 14,
  acknowledgedBytes: 30,
  sendWindow: 57,
} as const;
/** In bytes: how often in a row something was sent again. */
const RETRANSMITS = 2;
const info = new Uint32Array(Info.sendWindow + 1);
const infoBytes = new Uint8Array(info.buffer);
const infoLength = new Uint32Array(1);

function readInfo(fd: number): boolean {
  infoLength[0] = info.byteLength;
  info.fill(0);
  return libc.getsockopt(fd, TCP, TCP_INFO, infoBytes, infoLength) !== -1;
}

/**
 * For how long the peer has said nothing, if what was sent to it waits to be acknowledged; else 0, also where its window is closed: it need
 * not acknowledge anything then.
 */
export function unansweredMs(fd: number): number {
  if (!readInfo(fd)) return 0;
  const isAwaited = info[Info.unacknowledged] !== 0 && info[Info.sendWindow] !== 0;
  return isAwaited ? info[Info.lastAcknowledgementMs] ?? 0 : 0;
}

/**
 * When something left for the peer that it had not got before: so many ms ago, Infinity where that is not so. The kernel may have much to
 * send long after it was given, and is asked by whoever wants to know whether a connection is at rest.
 */
export function sinceSentMs(fd: number): number {
  return readInfo(fd) && infoBytes[RETRANSMITS] === 0 ? info[Info.lastSentMs] ?? Infinity : Infinity;
}

/** How many of the bytes that were sent the peer has acknowledged; Infinity where that is not to be known. */
export function acknowledgedBytes(fd: number): number {
  if (!readInfo(fd)) return Infinity;
  return (info[Info.acknowledgedBytes] ?? 0) + (info[Info.acknowledgedBytes + 1] ?? 0) * 2 ** 32;
}

/** Sends FIN after what the kernel has taken. A connection that is gone already is no error. */
export function finishStream(fd: number): void {
  libc.shutdown(fd, SHUT_WR);
}

/** Closes in order; with input that nobody has received it is a RST all the same (RFC 2525 §2.17). */
export function closeStream(fd: number): void {
  libc.close(fd);
}

/** Ends a connection with a RST. */
export function abortStream(fd: number): void {
  libc.setsockopt(fd, Level.SOCKET, SocketOption.LINGER, ABORT, ABORT.byteLength);
  libc.close(fd);
}

/** A listening socket takes no connection from now on, whichever threads have it; what waited there is reset. Its descriptor stays open. */
export function endListening(fd: number): void {
  libc.shutdown(fd, SHUT_RDWR);
}
