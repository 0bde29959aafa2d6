/**
 * Kernel settings under /proc/sys/net, of the network namespace the calling thread is in. Synchronous, so that it works inside one; by
 * FFI, because Deno's own file access to /proc/sys asks for `--allow-all`.
 */
import { Errno, readErrno, SysError } from "./errno.ts";
import { cString, libc } from "./libc.ts";
import { readProcFile } from "./proc_file.ts";
import { closeFd } from "./socket.ts";

const ROOT = "/proc/sys/net";
const O_WRONLY = 1;
const O_CLOEXEC = 0o2000000;
/** No privilege, or a /proc/sys that is read-only, as in most containers. */
const REFUSALS: readonly number[] = [Errno.EPERM, Errno.EACCES, Errno.EROFS];

/** A setting as path segments below `net`, e.g. `["ipv4", "conf", "eth0", "arp_ignore"]`: link names may contain dots. */
export type SysctlKey = readonly string[];

/** Reads a setting, without the closing newline; null if the kernel has no such setting. Throws SysError. */
export function readSysctl(key: SysctlKey): string | null {
  return readProcFile(pathOf(key));
}

/**
 * Writes a setting. `"absent"` if the kernel has no such setting, `"refused"` if this process may not change it. Throws SysError,
 * EINVAL for a value the kernel does not take.
 */
export function writeSysctl(key: SysctlKey, value: string): "written" | "absent" | "refused" {
  const path = pathOf(key);
  const fd = libc.open(cString(path), O_WRONLY | O_CLOEXEC, 0);
  if (fd === -1) return unwritten(path, readErrno());
  try {
    const bytes = new TextEncoder().encode(value);
    return libc.write(fd, bytes, BigInt(bytes.length)) === -1 ? unwritten(path, readErrno()) : "written";
  } finally {
    closeFd(fd);
  }
}

function unwritten(path: string, errno: number): "absent" | "refused" {
  if (errno === Errno.ENOENT) return "absent";
  if (REFUSALS.includes(errno)) return "refused";
  throw new SysError("write", errno, { subject: path });
}

function pathOf(key: SysctlKey): string {
  const unsafe = key.find((segment) => segment === "" || segment === "." || segment === ".." || /[/\0]/.test(segment));
  if (unsafe !== undefined) throw new TypeError(`Cannot name a kernel setting with "${unsafe}"`);
  return `${ROOT}/${key.join("/")}`;
}
