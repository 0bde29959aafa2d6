/** Listening TCP sockets whose connections somebody accepts by descriptor, perhaps another thread. */
import { isUnspecified, parseIp } from "../net/ip.ts";
import { Errno, sysCall, SysError } from "./errno.ts";
import { libc } from "./libc.ts";
import {
  bindSocket,
  closeFd,
  type Endpoint,
  Family,
  internetAddress,
  Level,
  localEndpoint,
  openSocket,
  setOption,
  SocketType,
} from "./socket.ts";
import { tuneStream } from "./stream_socket.ts";

const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPV6_V6ONLY = 26;
/** Connections that wait to be accepted; the kernel takes less where net.core.somaxconn is less. */
const BACKLOG = 4096;

/** What to listen on. */
export interface ListenAddress {
  /** IP text; `::` takes IPv4 as well. */
  readonly ip: string;
  /** 0: any that is free. */
  readonly port: number;
}

/**
 * Opens a listening socket that does not block. With `shared` several of them have one port, and the kernel deals connections out among
 * them. What is accepted does not wait for more to send, and notices a peer that is gone. Throws SysError.
 */
export function openListener({ ip, port }: ListenAddress, { shared }: { readonly shared: boolean }): number {
  const parsed = parseIp(ip);
  if (parsed === null) throw new SysError("listen on", Errno.EINVAL, { subject: ip });
  const fd = openSocket(parsed.family === 4 ? Family.INET : Family.INET6, SocketType.STREAM, 0);
  const subject = parsed.family === 4 ? `${ip}:${port}` : `[${ip}]:${port}`;
  try {
    setOption(fd, { level: Level.SOCKET, name: SO_REUSEADDR, value: 1 });
    if (shared) setOption(fd, { level: Level.SOCKET, name: SO_REUSEPORT, value: 1 });
    if (parsed.family === 6) {
      setOption(fd, { level: Level.IPV6, name: IPV6_V6ONLY, value: isUnspecified(parsed) ? 0 : 1 });
    }
    tuneStream(fd);
    bindSocket(fd, internetAddress(parsed, port), subject);
    sysCall("listen on", libc.listen(fd, BACKLOG), subject);
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Lets others listen on its port as well, as with `shared`, though it listens already. Throws SysError. */
export function shareListener(fd: number): void {
  setOption(fd, { level: Level.SOCKET, name: SO_REUSEPORT, value: 1 });
}

/** Where it listens. */
export function listenerAddress(fd: number): Endpoint {
  return localEndpoint(fd) ?? { ip: "", port: 0 };
}
