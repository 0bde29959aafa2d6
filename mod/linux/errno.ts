import { libc } from "./libc.ts";

/** The error numbers this program can meet; the same on x86-64 and arm64 (asm-generic/errno.h). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  ELOOP: 40,
  ENOTSOCK: 88,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EPFNOSUPPORT: 96,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENETRESET: 102,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  ERESTART: 85,
} as const;

const names = new Map<number, string>(Object.entries(Errno).map(([name, value]) => [value, name]));

/** The symbolic name of an error number, e.g. `"EADDRINUSE"`; `"E<number>"` for one that has no entry in the table. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `E${errno}`;
}

/** A system call, or a request to the kernel over netlink, that failed. */
export class SysError extends Error {
  override readonly name = "SysError";
  /** The symbolic name of {@link errno}, e.g. `"ENOENT"`. */
  readonly code: string;
  /** What the operation was applied to; empty when the operation says it all. */
  readonly subject: string;
  /** The kernel's extended acknowledgement text; empty when there was none. */
  readonly reason: string;

  /**
   * @param op what was asked for, e.g. `"bind"` or `"add address"`
   * @param errno the positive error number
   * @param detail `subject`: what it was asked for, e.g. an address; `reason`: the kernel's own words where it gave any
   */
  constructor(readonly op: string, readonly errno: number, detail: { subject?: string; reason?: string } = {}) {
    const code = errnoName(errno);
    const subject = detail.subject ?? "";
    super(`Cannot ${op}${subject && ` ${subject}`}: ${code}${detail.reason ? ` (${detail.reason})` : ""}`);
    this.code = code;
    this.subject = subject;
    this.reason = detail.reason ?? "";
  }
}

const live = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(requirePointer(libc.errnoLocation()), 4));

/** This thread's errno. Valid only directly after the failed synchronous call: nothing may come in between. */
export function readErrno(): number {
  return live[0] ?? 0;
}

/** Gives back the result of a synchronous call; throws {@link SysError} with the current errno if it is -1. */
export function sysCall(op: string, result: number, subject?: string): number {
  if (result !== -1) return result;
  throw new SysError(op, readErrno(), subject === undefined ? {} : { subject });
}

function requirePointer(pointer: Deno.PointerValue): Deno.PointerObject {
  if (pointer === null) throw new Error("The C library has no errno");
  return pointer;
}

/** Whether it is this machine or process that has no more sockets: nothing is wrong with whom it was to be connected to. */
export function isShortage(errno: number): boolean {
  return errno === Errno.EMFILE || errno === Errno.ENFILE || errno === Errno.ENOBUFS || errno === Errno.ENOMEM;
}
