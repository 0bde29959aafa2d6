/**
 * Cuts TCP connections of this process with a RST, also those that Deno owns and shows no descriptor of: they are found by their
 * addresses among `/proc/self/fd`. `connect` to AF_UNSPEC is the kernel's tcp_disconnect(): it sends the RST and leaves the descriptor
 * open, so that its owner sees an error and closes it as usual. Each call looks at every descriptor, about 2 µs apiece.
 *
 * Other threads close descriptors meanwhile and open others under the same numbers. So nothing is done to a number: a duplicate of what
 * seems to be meant is made, which stays what it is, and looked at again.
 */
import { isMapped, parseIp } from "../net/ip.ts";
import { openDescriptors } from "./descriptors.ts";
import { libc } from "./libc.ts";
import { type Endpoint, Level, localEndpoint, remoteEndpoint, SocketOption, SocketType } from "./socket.ts";

/** struct sockaddr with AF_UNSPEC. */
const NOWHERE = new Uint8Array(16);
/** struct linger { on, 0 seconds }: what is still unsent is thrown away. */
const ABORT = Int32Array.of(1, 0);
/** What else may be asked of {@link resetConnections}. */
export interface ResetOptions {
  /** Where to look, one after the other. @default {openDescriptors} */
  readonly descriptors?: () => Iterable<number>;
}

/** fcntl(2), include/uapi/linux/fcntl.h. */
const F_DUPFD_CLOEXEC = 1030;

/**
 * Resets every established TCP connection of this process whose local end is `localIp` and `localPort`; gives how many. Listeners and
 * other sockets stay as they are. Synchronous: the RSTs have left when this returns. Addresses may be in any form Deno gives them.
 */
export function resetConnections(
  localIp: string,
  localPort: number,
  { descriptors = openDescriptors }: ResetOptions = {},
): number {
  return abortAll({ local: canonical({ ip: localIp, port: localPort }), remote: null }, descriptors);
}

/** Resets the one connection between these two ends, if this process has it. Synchronous. */
export function resetConnection(local: Endpoint, remote: Endpoint): void {
  abortAll({ local: canonical(local), remote: canonical(remote) }, openDescriptors);
}

/** Both, in the shape the balancers take. */
export const connectionResetter = {
  reset: (localIp: string, localPort: number): number => resetConnections(localIp, localPort),
  resetOne: resetConnection,
};

/** The two ends of what is meant. */
interface Ends {
  readonly local: Endpoint;
  /** null: any. */
  readonly remote: Endpoint | null;
}

/** Aborts the TCP connections of this process between these ends; gives how many. */
function abortAll(ends: Ends, descriptors: () => Iterable<number>): number {
  let count = 0;
  for (const fd of descriptors()) if (isBetween(fd, ends) && abort(fd, ends)) count++;
  return count;
}

/** Whether it is a connection between these ends: null in place of an address is no internet socket, or a listener. */
function isBetween(fd: number, { local, remote }: Ends): boolean {
  const near = localEndpoint(fd);
  if (near === null || near.port !== local.port || near.ip !== local.ip) return false;
  const far = remoteEndpoint(fd);
  if (far === null) return false;
  return remote === null || (far.port === remote.port && far.ip === remote.ip);
}

function abort(fd: number, ends: Ends): boolean {
  const held = libc.fcntl(fd, F_DUPFD_CLOEXEC, 0);
  // Descriptors have run out: a number has to do.
  const meant = held === -1 ? fd : held;
  const isMeant = isBetween(meant, ends) && isStream(meant);
  if (isMeant) libc.setsockopt(meant, Level.SOCKET, SocketOption.LINGER, ABORT, ABORT.byteLength);
  const isAborted = isMeant && libc.connect(meant, NOWHERE, NOWHERE.length) !== -1;
  if (held !== -1) libc.close(held);
  return isAborted;
}

function isStream(fd: number): boolean {
  const type = new Int32Array(1);
  const isSocket = libc.getsockopt(fd, Level.SOCKET, SocketOption.TYPE, type, Uint32Array.of(type.byteLength)) !== -1;
  return isSocket && type[0] === SocketType.STREAM;
}

/** The text that the kernel's form of the address gives: IPv4-mapped addresses are IPv4. */
export function canonical({ ip, port }: Endpoint): Endpoint {
  const parsed = parseIp(ip);
  if (parsed === null) return { ip, port };
  return { ip: isMapped(parsed) ? parsed.text.slice("::ffff:".length) : parsed.text, port };
}
