/**
 * Cuts TCP connections of this process with a RST, also those that Deno owns and shows no descriptor of: they are found by their local
 * address among `/proc/self/fd`. `connect` to AF_UNSPEC is the kernel's tcp_disconnect(): it sends the RST and leaves the descriptor
 * open, so that its owner sees an error and closes it as usual.
 */
import { libc } from "./libc.ts";
import { type Endpoint, getOption, Level, localEndpoint, remoteEndpoint, SocketOption, SocketType } from "./socket.ts";

/** struct sockaddr with AF_UNSPEC. */
const NOWHERE = new Uint8Array(16);
/** struct linger { on, 0 seconds }: what is still unsent is thrown away. */
const ABORT = Int32Array.of(1, 0);

/**
 * Resets every established TCP connection of this process whose local end is `localIp` (canonical text) and `localPort`; gives how
 * many. Listeners and other sockets stay as they are. Synchronous: the RSTs have left when this returns.
 */
export function resetConnections(localIp: string, localPort: number): number {
  const matching = socketDescriptors().filter((fd) => isConnection(fd, { ip: localIp, port: localPort }));
  return matching.filter(abort).length;
}

/** Descriptors of this process that are sockets. */
function socketDescriptors(): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    if (linkTarget(`/proc/self/fd/${name}`).startsWith("socket:")) found.push(Number(name));
  }
  return found;
}

/** Empty for a descriptor that was closed meanwhile, like the one that lists the folder. */
function linkTarget(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function isConnection(fd: number, wanted: Endpoint): boolean {
  const local = localEndpoint(fd);
  if (local === null || local.ip !== wanted.ip || local.port !== wanted.port) return false;
  return getOption(fd, Level.SOCKET, SocketOption.TYPE) === SocketType.STREAM && remoteEndpoint(fd) !== null;
}

function abort(fd: number): boolean {
  libc.setsockopt(fd, Level.SOCKET, SocketOption.LINGER, ABORT, ABORT.byteLength);
  return libc.connect(fd, NOWHERE, NOWHERE.length) !== -1;
}
