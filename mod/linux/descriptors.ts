/**
 * The descriptors of this process, read from `/proc/self/fd` by FFI: Deno's own reading of folders below /proc asks for `--allow-all` from
 * 2.8 on.
 */
import { sysCall } from "./errno.ts";
import { cString, libc } from "./libc.ts";
import { closeFd } from "./socket.ts";

/** What differs between the machines: O_DIRECTORY and the number of getdents64(2). */
const { directory: O_DIRECTORY, call: GETDENTS64 } = Deno.build.arch === "aarch64"
  ? { directory: 0o40000, call: 61n }
  : { directory: 0o200000, call: 217n };
const O_CLOEXEC = 0o2000000;
const FOLDER = "/proc/self/fd";
/** About 1300 names. */
const BUFFER_BYTES = 32 * 1024;
/** struct linux_dirent64: u64 inode, i64 offset, u16 length, u8 type, then the name and a zero. */
const LENGTH_AT = 16;
const NAME_AT = 19;
const [ZERO, NINE] = [0x30, 0x39];

/** Every descriptor that is open, also those of other threads, in pieces as the kernel gives them. Throws SysError. */
export function* openDescriptors(): Generator<number> {
  const folder = sysCall("open", libc.open(cString(FOLDER), O_DIRECTORY | O_CLOEXEC, 0), FOLDER);
  try {
    const buffer = new Uint8Array(BUFFER_BYTES);
    for (;;) {
      const length = sysCall("read", libc.readFolder(GETDENTS64, BigInt(folder), buffer, BigInt(BUFFER_BYTES)), FOLDER);
      if (length === 0) return;
      for (const fd of descriptorsIn(buffer.subarray(0, length))) if (fd !== folder) yield fd;
    }
  } finally {
    closeFd(folder);
  }
}

/** The names that are numbers: `.` and `..` are not. */
export function descriptorsIn(entries: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at + NAME_AT < entries.length;) {
    const length = (entries[at + LENGTH_AT] ?? 0) | (entries[at + LENGTH_AT + 1] ?? 0) << 8;
    const fd = numberAt(entries, at + NAME_AT);
    if (fd >= 0) found.push(fd);
    if (length <= NAME_AT) break;
    at += length;
  }
  return found;
}

/** The number in decimal digits that ends with a zero byte; -1: none. */
function numberAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  const start = at;
  for (;; at++) {
    const code = bytes[at] ?? 0;
    if (code === 0) return at > start ? value : -1;
    if (code < ZERO || code > NINE) return -1;
    value = value * 10 + code - ZERO;
  }
}
