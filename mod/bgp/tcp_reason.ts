import { Errno, errnoName, SysError } from "../linux/errno.ts";

/** Errors of TCP as people say them; what stands here needs no further explanation. */
const WORDS: ReadonlyMap<number, string> = new Map([
  [Errno.ECONNREFUSED, "connection refused"],
  [Errno.EHOSTUNREACH, "no route to host"],
  [Errno.ENETUNREACH, "network is unreachable"],
  [Errno.ETIMEDOUT, "timed out"],
  [Errno.ECONNRESET, "connection reset by the peer"],
  [Errno.EPIPE, "connection reset by the peer"],
  [Errno.ECONNABORTED, "connection aborted"],
  [Errno.ENETDOWN, "network is down"],
]);

/** What went wrong on a connection, by its error number. */
export function reasonOf(errno: number): string {
  return WORDS.get(errno) ?? `${errnoName(errno)} from the kernel`;
}

/** What went wrong when a socket was made; the operation is named where the error alone would not tell. */
export function explain(error: unknown): string {
  if (!(error instanceof SysError)) return error instanceof Error ? error.message : String(error);
  const words = WORDS.get(error.errno);
  if (words !== undefined) return words;
  if (error.op === "bind" && error.errno === Errno.EADDRNOTAVAIL) {
    return `${error.subject} is not an address of this machine`;
  }
  if (error.op === "bind" && error.errno === Errno.EADDRINUSE) return `${error.subject} is in use`;
  if (error.op === "bind" && error.errno === Errno.EACCES) {
    return `${error.subject} needs a privilege (CAP_NET_BIND_SERVICE)`;
  }
  if (error.op === "find link" && error.errno === Errno.ENODEV) return `no interface ${error.subject}`;
  return error.message;
}
