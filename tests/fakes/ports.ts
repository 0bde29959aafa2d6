/** Ports that stay what a test takes them for while other threads of its process, and other programs, look for free ones. */
import assert from "node:assert/strict";
import {
  bindSocket,
  closeFd,
  Family,
  internetAddress,
  Level,
  localEndpoint,
  openSocket,
  setOption,
  SocketType,
} from "../../mod/linux/socket.ts";
import { parseIp } from "../../mod/net/ip.ts";

const SO_REUSEADDR = 2;
/** As many as one test may use at a time, and more. */
const MOST_KEPT = 64;
const kept: number[] = [];

/**
 * A TCP port of 127.0.0.1 on which nobody listens. A socket is bound to it that does not listen either: connects are refused, the kernel
 * gives the port to nobody who asks for any port, and who names it may listen on it, as all do here, with SO_REUSEADDR.
 */
export function quietPort(): number {
  const ip = parseIp("127.0.0.1");
  assert.ok(ip !== null);
  const fd = openSocket(Family.INET, SocketType.STREAM, 0);
  setOption(fd, { level: Level.SOCKET, name: SO_REUSEADDR, value: 1 });
  bindSocket(fd, internetAddress(ip, 0), "any port");
  kept.push(fd);
  if (kept.length > MOST_KEPT) closeFd(kept.shift() ?? -1);
  const port = localEndpoint(fd)?.port;
  assert.ok(port !== undefined);
  return port;
}
