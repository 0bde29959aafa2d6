/**
 * Sockets by file descriptor. All are non-blocking and closed on exec; waiting is the poller's business. The `try…` functions are for
 * hot paths where an error is an ordinary outcome: they give the negative errno instead of throwing.
 */
import { assert } from "../base/assert.ts";
import { formatIp, type Ip } from "../net/ip.ts";
import { readErrno, sysCall } from "./errno.ts";
import { libc } from "./libc.ts";

/** Address families (AF_*). */
export const Family = { UNSPEC: 0, INET: 2, INET6: 10, NETLINK: 16, PACKET: 17 } as const;
/** Socket types (SOCK_*). */
export const SocketType = { STREAM: 1, DGRAM: 2, RAW: 3 } as const;
/** Option levels (SOL_*). */
export const Level = { SOCKET: 1, IP: 0, IPV6: 41, PACKET: 263, NETLINK: 270 } as const;
/** Options of SOL_SOCKET (asm-generic/socket.h). */
export const SocketOption = {
  TYPE: 3,
  ERROR: 4,
  SNDBUF: 7,
  RCVBUF: 8,
  PRIORITY: 12,
  LINGER: 13,
  ATTACH_FILTER: 26,
  DETACH_FILTER: 27,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
} as const;
/** Flags of send and receive (MSG_*). */
export const MessageOption = { PEEK: 0x2, TRUNC: 0x20, DONTWAIT: 0x40, NOSIGNAL: 0x4000 } as const;

const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** sizeof(struct sock_filter). */
const BPF_INSTRUCTION = 8;
/** sizeof(struct sockaddr_storage). */
const STORAGE = 128;

/** Opens a non-blocking socket in the current network namespace; throws SysError. */
export function openSocket(family: number, type: number, protocol: number): number {
  return sysCall("open socket", libc.socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

/** Closes a descriptor; throws SysError (EBADF means that somebody closed it twice). */
export function closeFd(fd: number): void {
  sysCall("close", libc.close(fd), `${fd}`);
}

/** Binds to a socket address; `subject` names it in the error. */
export function bindSocket(fd: number, address: Uint8Array<ArrayBuffer>, subject: string): void {
  sysCall("bind", libc.bind(fd, address, address.length), subject);
}

/** Sends one datagram or packet whole; gives its length or the negative errno. */
export function trySend(fd: number, bytes: Uint8Array<ArrayBuffer>, to: Uint8Array<ArrayBuffer> | null): number {
  const sent = libc.sendto(fd, bytes, BigInt(bytes.length), MessageOption.NOSIGNAL, to, to?.length ?? 0);
  return sent === -1 ? -readErrno() : sent;
}

/** Where a packet came from: the raw socket address, in a buffer that is used again. */
export interface Sender {
  readonly storage: Uint8Array<ArrayBuffer>;
  readonly length: Uint32Array<ArrayBuffer>;
}

/** A buffer for {@link tryReceive}. */
export function newSender(): Sender {
  return { storage: new Uint8Array(STORAGE), length: new Uint32Array(1) };
}

/**
 * Receives one datagram without waiting. Gives its real length, which is more than the buffer holds if it was cut
 * (MSG_TRUNC), or the negative errno.
 */
export function tryReceive(fd: number, buffer: Uint8Array<ArrayBuffer>, from: Sender): number {
  from.length[0] = STORAGE;
  const flags = MessageOption.DONTWAIT | MessageOption.TRUNC;
  const got = libc.recvfrom(fd, buffer, BigInt(buffer.length), flags, from.storage, from.length);
  return got === -1 ? -readErrno() : got;
}

/** Sets an option to a number (32 bits) or to the bytes of a structure; throws SysError. */
export function setOption(fd: number, option: { level: number; name: number; value: number | Uint8Array }): void {
  const { level, name, value } = option;
  const bytes = typeof value === "number" ? Int32Array.of(value) : Uint8Array.from(value);
  sysCall("set socket option", libc.setsockopt(fd, level, name, bytes, bytes.byteLength), `${level}/${name}`);
}

/**
 * Asks for a queue of that many bytes. Beyond the administrator's limit only a privileged process of the first user namespace gets it;
 * others get what the limit allows.
 */
export function setQueueSize(fd: number, queue: "send" | "receive", bytes: number): void {
  const [force, plain] = queue === "send"
    ? [SocketOption.SNDBUFFORCE, SocketOption.SNDBUF]
    : [SocketOption.RCVBUFFORCE, SocketOption.RCVBUF];
  const size = Int32Array.of(bytes);
  if (libc.setsockopt(fd, Level.SOCKET, force, size, size.byteLength) === 0) return;
  setOption(fd, { level: Level.SOCKET, name: plain, value: bytes });
}

/**
 * Lets in only what a classic BPF program (struct sock_filter in host order) lets in. SO_ATTACH_FILTER takes struct sock_fprog: u16 count,
 * six bytes of padding, pointer; the kernel has copied the program when this returns. Throws SysError.
 */
export function attachFilter(fd: number, program: Uint8Array): void {
  // An ArrayBuffer of its own does not move; the memory of a short typed array may.
  const steady = new Uint8Array(new ArrayBuffer(program.length));
  steady.set(program);
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setUint16(0, program.length / BPF_INSTRUCTION, true);
  view.setBigUint64(8, Deno.UnsafePointer.value(Deno.UnsafePointer.of(steady)), true);
  setOption(fd, { level: Level.SOCKET, name: SocketOption.ATTACH_FILTER, value: header });
  assert(steady.length === program.length, "the program outlives the call");
}

/** Reads an option that is a number of 32 bits; throws SysError. */
export function getOption(fd: number, level: number, name: number): number {
  const value = new Int32Array(1);
  sysCall("read socket option", libc.getsockopt(fd, level, name, value, Uint32Array.of(4)), `${level}/${name}`);
  return value[0] ?? 0;
}

/** An internet address and port. */
export interface Endpoint {
  /** Canonical text; an IPv4-mapped address (`::ffff:…`) is given as IPv4. */
  readonly ip: string;
  readonly port: number;
}

/** The local end of an internet socket; null for any other kind of descriptor. */
export function localEndpoint(fd: number): Endpoint | null {
  return endpoint(fd, libc.getsockname);
}

/** The remote end of a connected internet socket; null if there is none. */
export function remoteEndpoint(fd: number): Endpoint | null {
  return endpoint(fd, libc.getpeername);
}

/** For {@link endpoint} alone: it is asked for each connection, and memory outside the heap costs as much as the call. */
const asked = { address: new Uint8Array(STORAGE), length: new Uint32Array(1) };

function endpoint(fd: number, ask: typeof libc.getsockname): Endpoint | null {
  asked.length[0] = STORAGE;
  return ask(fd, asked.address, asked.length) === -1 ? null : decodeEndpoint(asked.address);
}

/** Reads a sockaddr_in or sockaddr_in6; null for other families. */
export function decodeEndpoint(address: Uint8Array): Endpoint | null {
  const port = (address[2] ?? 0) << 8 | (address[3] ?? 0);
  if (address[0] === Family.INET) return { ip: formatIp(address.subarray(4, 8)), port };
  if (address[0] !== Family.INET6) return null;
  const ip = formatIp(address.subarray(8, 24));
  return { ip: ip.startsWith("::ffff:") && ip.includes(".") ? ip.slice(7) : ip, port };
}

/** sockaddr_in or sockaddr_in6; `scopeId` is the link index that a link-local IPv6 address needs. */
export function internetAddress(ip: Ip, port: number, scopeId = 0): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(ip.family === 4 ? 16 : 28);
  const view = new DataView(address.buffer);
  view.setUint16(0, ip.family === 4 ? Family.INET : Family.INET6, true);
  view.setUint16(2, port);
  address.set(ip.bytes, ip.family === 4 ? 4 : 8);
  if (ip.family === 6) view.setUint32(24, scopeId, true);
  return address;
}

/** sockaddr_ll: frames of one EtherType (0 = none) on one link. */
export function linkAddress(linkIndex: number, etherType: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, Family.PACKET, true);
  view.setUint16(2, etherType);
  view.setInt32(4, linkIndex, true);
  return address;
}

/** sockaddr_nl with the port the kernel chooses, or the kernel itself as the destination. */
export function netlinkAddress(): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(12);
  address[0] = Family.NETLINK;
  return address;
}
