/** Small files of the kernel, by FFI: Deno's own file access below /proc asks for `--allow-all`. */
import { Errno, readErrno, sysCall } from "./errno.ts";
import { cString, libc } from "./libc.ts";
import { closeFd } from "./socket.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
/** The kernel gives at most a page of these files at once. */
const PAGE = 4096;

/** The first page of a file below /proc, without the closing newline; null if there is none of that name. Throws SysError. */
export function readProcFile(path: string): string | null {
  const fd = libc.open(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd === -1 && readErrno() === Errno.ENOENT) return null;
  sysCall("open", fd, path);
  try {
    const buffer = new Uint8Array(PAGE);
    const length = sysCall("read", libc.read(fd, buffer, BigInt(PAGE)), path);
    return new TextDecoder().decode(buffer.subarray(0, length)).trimEnd();
  } finally {
    closeFd(fd);
  }
}
