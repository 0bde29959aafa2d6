import { sysCall } from "./errno.ts";
import { libc } from "./libc.ts";

const RLIMIT_NOFILE = 7;

/**
 * Lets this process open as many files as the hard limit allows; gives the soft limit from then on. The soft limit is often 1,024 for
 * the sake of programs that use select(2), and only the `deno` command raises it, not a compiled program. Throws SysError.
 */
export function raiseFileLimit(): number {
  // struct rlimit { u64 soft, hard }
  const limit = new BigUint64Array(2);
  sysCall("read file limit", libc.getrlimit(RLIMIT_NOFILE, limit));
  limit[0] = limit[1] ?? 0n;
  sysCall("raise file limit", libc.setrlimit(RLIMIT_NOFILE, limit));
  return Number(limit[0]);
}

/** The soft and the hard limit of open files; RLIM_INFINITY reads as a very large number. Throws SysError. */
export function fileLimit(): { soft: number; hard: number } {
  const limit = new BigUint64Array(2);
  sysCall("read file limit", libc.getrlimit(RLIMIT_NOFILE, limit));
  return { soft: Number(limit[0]), hard: Number(limit[1]) };
}
