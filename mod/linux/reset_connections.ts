/**
 * Cuts TCP connections of this process with a RST, also those that Deno owns and shows no descriptor of: they are found by their
 * addresses among `/proc/self/fd`. `connect` to AF_UNSPEC is the kernel's tcp_disconnect(): it sends the RST and leaves the descriptor
 * open, so that its owner sees an error and closes it as usual. Each call looks at every descriptor, about 2 µs apiece.
 */
import { isMapped, parseIp } from "../net/ip.ts";
import { libc } from "./libc.ts";
import { type Endpoint, getOption, Level, localEndpoint, remoteEndpoint, SocketOption, SocketType } from "./socket.ts";

/** struct sockaddr with AF_UNSPEC. */
const NOWHERE = new Uint8Array(16);
/** struct linger { on, 0 seconds }: what is still unsent is thrown away. */
const ABORT = Int32Array.of(1, 0);

/**
 * Resets every established TCP connection of this process whose local end is `localIp` and `localPort`; gives how many. Listeners and
 * other sockets stay as they are. Synchronous: the RSTs have left when this returns. Addresses may be in any form Deno gives them.
 */
export function resetConnections(localIp: string, localPort: number): number {
  const wanted = canonical({ ip: localIp, port: localPort });
  return connections(wanted).filter(({ fd }) => abort(fd)).length;
}

/** Resets the one connection between these two ends, if this process has it. Synchronous. */
export function resetConnection(local: Endpoint, remote: Endpoint): void {
  const far = canonical(remote);
  for (const connection of connections(canonical(local))) {
    if (connection.remote.ip === far.ip && connection.remote.port === far.port) abort(connection.fd);
  }
}

/** Both, in the shape the balancers take. */
export const connectionResetter = { reset: resetConnections, resetOne: resetConnection };

/** This process's TCP connections with that local end. */
function connections(local: Endpoint): { fd: number; remote: Endpoint }[] {
  const found: { fd: number; remote: Endpoint }[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const fd = Number(name);
    const near = localEndpoint(fd); // null for what is no internet socket
    if (near === null || near.port !== local.port || near.ip !== local.ip) continue;
    const remote = remoteEndpoint(fd); // null for listeners
    if (remote === null || getOption(fd, Level.SOCKET, SocketOption.TYPE) !== SocketType.STREAM) continue;
    found.push({ fd, remote });
  }
  return found;
}

function abort(fd: number): boolean {
  libc.setsockopt(fd, Level.SOCKET, SocketOption.LINGER, ABORT, ABORT.byteLength);
  return libc.connect(fd, NOWHERE, NOWHERE.length) !== -1;
}

/** The text that the kernel's form of the address gives: IPv4-mapped addresses are IPv4. */
export function canonical({ ip, port }: Endpoint): Endpoint {
  const parsed = parseIp(ip);
  if (parsed === null) return { ip, port };
  return { ip: isMapped(parsed) ? parsed.text.slice("::ffff:".length) : parsed.text, port };
}
