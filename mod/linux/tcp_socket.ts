/**
 * TCP sockets with the options that Deno does not have: TCP-MD5 (RFC 2385), TTL security (RFC 5082), source address, binding to a link.
 * Every call is synchronous and none waits: the poller tells when a connect has ended, and when there is something to read or room to
 * write. Sockets belong to the network namespace that was current when they were made.
 */
import { type Ip, isLinkLocal, parseIp } from "../net/ip.ts";
import { Errno, readErrno, sysCall, SysError } from "./errno.ts";
import { cString, libc } from "./libc.ts";
import {
  bindSocket,
  closeFd,
  decodeEndpoint,
  type Endpoint,
  Family,
  getOption,
  internetAddress,
  Level,
  localEndpoint,
  MessageOption,
  newSender,
  openSocket,
  setOption,
  SocketOption,
  SocketType,
} from "./socket.ts";

/** IPPROTO_TCP as option level. */
const TCP = 6;
/** tcp(7), include/uapi/linux/tcp.h. */
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_MD5SIG = 14;
const TCP_SAVE_SYN = 27;
const TCP_SAVED_SYN = 28;
/** ip(7), ipv6(7): by the IP version of the socket. */
const OPTIONS = {
  4: { level: Level.IP, ttl: 2, minTtl: 21, trafficClass: 1 },
  6: { level: Level.IPV6, ttl: 16, minTtl: 73, trafficClass: 67 },
} as const;
const IPV6_V6ONLY = 26;
const SO_REUSEADDR = 2;
const SO_KEEPALIVE = 9;
const SO_BINDTODEVICE = 25;
/** netdevice(7). */
const SIOCGIFNAME = 0x8910;
const SIOCGIFINDEX = 0x8933;
/** sizeof(struct ifreq): a name of 16 bytes and a union. */
const IFREQ = 40;
const IFNAMSIZ = 16;
/** tcp(7): SIOCOUTQ. */
const SIOCOUTQ = 0x5411;
const SHUT_WR = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** struct tcp_md5sig: sockaddr_storage, u8 flags, u8 prefix length, u16 key length, i32 link, 80 bytes of key. */
const MD5SIG = { bytes: 216, keyLength: 130, key: 136, maxKeyBytes: 80 } as const;
/** DSCP CS6, network control (RFC 4594 §3.1), in the upper six bits. */
const NETWORK_CONTROL = 0xc0;
/** SO_PRIORITY for the queues of this machine; 6 is the highest that needs no privilege (socket(7)). */
const FIRST_PRIORITY = 6;
/** The most a TTL can be: with it, a peer that demands TTL security takes our SYN-ACK. */
const MAX_TTL = 255;
/** Room for the headers of a SYN: a TTL is among the first 8 bytes. */
const SYN_BYTES = 128;
/** struct linger { on, 0 seconds }. */
const ABORT = Int32Array.of(1, 0);
/** struct sockaddr with AF_UNSPEC: tcp_disconnect(). */
const NOWHERE = new Uint8Array(16);

/** What a connection is made with. */
export interface TcpTarget {
  /** Canonical text. */
  readonly ip: string;
  readonly port: number;
  /** TCP-MD5 key (RFC 2385); null: none. */
  readonly password: string | null;
  /** IP_TTL or IPV6_UNICAST_HOPS. */
  readonly ttl: number;
  /** RFC 5082: the kernel drops what comes with less; null: off. */
  readonly minTtl: number | null;
  /** The link of a link-local address; null: none. */
  readonly interface: string | null;
  /** Everything goes over {@link interface} whatever the routes say (SO_BINDTODEVICE). */
  readonly bindToInterface: boolean;
  /** Local address; null: the kernel's choice. */
  readonly sourceIp: string | null;
}

/** What a listening socket is made with. */
export interface TcpListenTarget {
  readonly version: 4 | 6;
  /** 0: any that is free. */
  readonly port: number;
  /** Peers from which only segments with their key are taken; those of the other IP version are passed over. */
  readonly keys: readonly { readonly ip: string; readonly password: string }[];
  /** Connections that wait to be accepted. */
  readonly backlog: number;
}

/** A connection that somebody has made to us. */
export interface Accepted {
  readonly fd: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** The link's index if the remote address is link-local IPv6; 0 otherwise. */
  readonly linkIndex: number;
}

/**
 * Makes a socket and begins to connect; the poller says `writable` when that has ended, {@link takeSocketError} says how.
 * Throws SysError for what fails at once.
 */
export function startConnect(target: TcpTarget): number {
  const ip = requireIp(target.ip);
  const fd = openSocket(ip.family === 4 ? Family.INET : Family.INET6, SocketType.STREAM, 0);
  try {
    mark(fd, ip.family);
    setTtl(fd, ip.family, target);
    const scope = linkIndexOf(fd, target.interface);
    if (target.bindToInterface && target.interface !== null) bindToDevice(fd, target.interface);
    if (target.sourceIp !== null) bindSource(fd, ip.family, { sourceIp: target.sourceIp, scope });
    if (target.password !== null) setKey(fd, ip, target.password);
    const address = internetAddress(ip, target.port, scopeOf(ip, scope));
    if (libc.connect(fd, address, address.length) === -1) {
      const errno = readErrno();
      if (errno !== Errno.EINPROGRESS) throw new SysError("connect to", errno, { subject: nameOf(target) });
    }
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Makes a listening socket of one IP version on every address. Throws SysError. */
export function listenOn({ version, port, keys, backlog }: TcpListenTarget): number {
  const any = requireIp(version === 4 ? "0.0.0.0" : "::");
  const fd = openSocket(version === 4 ? Family.INET : Family.INET6, SocketType.STREAM, 0);
  try {
    setOption(fd, { level: Level.SOCKET, name: SO_REUSEADDR, value: 1 });
    if (version === 6) setOption(fd, { level: Level.IPV6, name: IPV6_V6ONLY, value: 1 });
    mark(fd, version); // for the SYN-ACKs; what is accepted inherits a part of it only
    setTtl(fd, version, { ttl: MAX_TTL, minTtl: null });
    setOption(fd, { level: TCP, name: TCP_SAVE_SYN, value: 1 });
    for (const key of keys) {
      const ip = requireIp(key.ip);
      if (ip.family === version) setKey(fd, ip, key.password);
    }
    bindSocket(fd, internetAddress(any, port), `${any.text} port ${port}`);
    sysCall("listen on", libc.listen(fd, backlog), `${any.text} port ${port}`);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

const sender = newSender();

/** Takes the next waiting connection, or gives the negative errno (EAGAIN: none waits; ECONNABORTED: it has gone again). */
export function tryAccept(fd: number): Accepted | number {
  sender.length[0] = sender.storage.length;
  const taken = libc.accept4(fd, sender.storage, sender.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (taken === -1) return -readErrno();
  const remote = decodeEndpoint(sender.storage);
  const local = localEndpoint(taken);
  if (remote === null || local === null || !tryMark(taken, versionOf(remote))) {
    closeFd(taken);
    return -Errno.ECONNABORTED;
  }
  const linkIndex = versionOf(remote) === 6 ? new DataView(sender.storage.buffer).getUint32(24, true) : 0;
  return { fd: taken, local, remote, linkIndex };
}

/** The name of a link in the namespace of the socket; null if it is gone. */
export function linkNameOf(fd: number, linkIndex: number): string | null {
  const request = new Uint8Array(IFREQ);
  new DataView(request.buffer).setInt32(IFNAMSIZ, linkIndex, true);
  if (libc.ioctl(fd, BigInt(SIOCGIFNAME), request) === -1) return null;
  return new TextDecoder().decode(request.subarray(0, request.indexOf(0)));
}

/**
 * Sets what is sent with (IP_TTL, IPV6_UNICAST_HOPS) and what is taken (IP_MINTTL, IPV6_MINHOPCOUNT: the kernel drops segments with
 * less, before TCP sees them). Throws SysError.
 */
export function setTtl(fd: number, version: 4 | 6, wanted: { ttl: number; minTtl: number | null }): void {
  const { level, ttl, minTtl } = OPTIONS[version];
  setOption(fd, { level, name: ttl, value: wanted.ttl });
  if (wanted.minTtl !== null) setOption(fd, { level, name: minTtl, value: wanted.minTtl });
}

/** The TTL or hop limit with which the SYN of an accepted connection came; null where the kernel has not kept it (before 4.2). */
export function synTtl(fd: number): number | null {
  const headers = new Uint8Array(SYN_BYTES);
  const length = Uint32Array.of(SYN_BYTES);
  if (libc.getsockopt(fd, TCP, TCP_SAVED_SYN, headers, length) === -1 || length[0] === 0) return null;
  return headers[(headers[0] ?? 0) >> 4 === 4 ? 8 : 7] ?? null;
}

/** Fetches the error that waits on a socket, and clears it; 0: none. */
export function takeSocketError(fd: number): number {
  return getOption(fd, Level.SOCKET, SocketOption.ERROR);
}

/** Hands bytes to the kernel, which takes some of them: gives how many, or the negative errno. */
export function trySendSome(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  const sent = libc.sendto(fd, bytes, BigInt(bytes.length), MessageOption.NOSIGNAL | MessageOption.DONTWAIT, null, 0);
  return sent === -1 ? -readErrno() : sent;
}

/** Receives what is there, 0 at the peer's end of the stream; or gives the negative errno. */
export function tryReceiveSome(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  const got = libc.recvfrom(fd, buffer, BigInt(buffer.length), MessageOption.DONTWAIT, null, null);
  return got === -1 ? -readErrno() : got;
}

/** Sends FIN after what the kernel has taken; receiving goes on. A connection that is gone already is no error. */
export function endSending(fd: number): void {
  libc.shutdown(fd, SHUT_WR);
}

/** Bytes that the kernel has taken and the peer has not acknowledged; FIN counts as one. */
export function unacknowledged(fd: number): number {
  const count = new Uint32Array(1);
  return libc.ioctl(fd, BigInt(SIOCOUTQ), count) === -1 ? 0 : count[0] ?? 0;
}

/** Ends a connection with RST, which has left when this returns, and closes the descriptor. Throws SysError if it was closed before. */
export function abortSocket(fd: number): void {
  libc.setsockopt(fd, Level.SOCKET, SocketOption.LINGER, ABORT, ABORT.byteLength);
  // A poll that is under way keeps the socket alive beyond close(): the RST cannot wait for that.
  libc.connect(fd, NOWHERE, NOWHERE.length);
  closeFd(fd);
}

/** A peer that has gone without a word is noticed by the kernel, too: a hold time of 0 (RFC 4271 §4.2) leaves nobody else to. Seconds. */
const IDLE_S = 30;
const PROBE_EVERY_S = 5;
const PROBES = 3;

/** Network control on the wire and in the queues of this machine, and no waiting for more to send (RFC 896). Throws SysError. */
function mark(fd: number, version: 4 | 6): void {
  const { level, trafficClass } = OPTIONS[version];
  setOption(fd, { level: TCP, name: TCP_NODELAY, value: 1 });
  setOption(fd, { level: Level.SOCKET, name: SO_KEEPALIVE, value: 1 });
  setOption(fd, { level: TCP, name: TCP_KEEPIDLE, value: IDLE_S });
  setOption(fd, { level: TCP, name: TCP_KEEPINTVL, value: PROBE_EVERY_S });
  setOption(fd, { level: TCP, name: TCP_KEEPCNT, value: PROBES });
  setOption(fd, { level, name: trafficClass, value: NETWORK_CONTROL });
  // After IP_TOS, which sets a priority of its own.
  setOption(fd, { level: Level.SOCKET, name: SocketOption.PRIORITY, value: FIRST_PRIORITY });
}

function tryMark(fd: number, version: 4 | 6): boolean {
  try {
    mark(fd, version);
    return true;
  } catch (error) {
    if (error instanceof SysError) return false;
    throw error;
  }
}

/** Of an address without IPv4-mapped forms. */
function versionOf({ ip }: Endpoint): 4 | 6 {
  return ip.includes(":") ? 6 : 4;
}

/** The kernel signs and checks every segment from and to this address. The key is in no error and in no buffer afterwards. */
function setKey(fd: number, peer: Ip, password: string): void {
  const request = new Uint8Array(MD5SIG.bytes);
  const key = new TextEncoder().encode(password);
  try {
    if (key.length === 0 || key.length > MD5SIG.maxKeyBytes) {
      const reason = `a key of ${key.length} bytes, wanted 1 to ${MD5SIG.maxKeyBytes}`;
      throw new SysError("set TCP-MD5 key for", Errno.EINVAL, { subject: peer.text, reason });
    }
    request.set(internetAddress(peer, 0));
    new DataView(request.buffer).setUint16(MD5SIG.keyLength, key.length, true);
    request.set(key, MD5SIG.key);
    if (libc.setsockopt(fd, TCP, TCP_MD5SIG, request, request.length) === 0) return;
    const errno = readErrno();
    const reason = errno === Errno.ENOPROTOOPT ? { reason: "this kernel has no TCP-MD5 (CONFIG_TCP_MD5SIG)" } : {};
    throw new SysError("set TCP-MD5 key for", errno, { subject: peer.text, ...reason });
  } finally {
    key.fill(0);
    request.fill(0);
  }
}

function bindToDevice(fd: number, name: string): void {
  const bytes = cString(name);
  sysCall("bind to link", libc.setsockopt(fd, Level.SOCKET, SO_BINDTODEVICE, bytes, bytes.length), name);
}

function bindSource(fd: number, version: 4 | 6, { sourceIp, scope }: { sourceIp: string; scope: number }): void {
  const source = requireIp(sourceIp);
  if (source.family !== version) {
    const reason = `the peer's address is IPv${version}`;
    throw new SysError("bind", Errno.EAFNOSUPPORT, { subject: sourceIp, reason });
  }
  bindSocket(fd, internetAddress(source, 0, scopeOf(source, scope)), sourceIp);
}

function linkIndexOf(fd: number, name: string | null): number {
  if (name === null) return 0;
  const request = new Uint8Array(IFREQ);
  const bytes = new TextEncoder().encode(name);
  if (bytes.length >= IFNAMSIZ) throw new SysError("find link", Errno.ENODEV, { subject: name });
  request.set(bytes);
  sysCall("find link", libc.ioctl(fd, BigInt(SIOCGIFINDEX), request), name);
  return new DataView(request.buffer).getInt32(IFNAMSIZ, true);
}

/** Only link-local addresses are of a link. */
function scopeOf(ip: Ip, linkIndex: number): number {
  return ip.family === 6 && isLinkLocal(ip) ? linkIndex : 0;
}

function nameOf({ ip, port }: TcpTarget): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function requireIp(text: string): Ip {
  const ip = parseIp(text);
  if (ip === null) throw new SysError("parse IP address", Errno.EINVAL, { subject: text });
  return ip;
}
