/** What the process knows of itself, without files of the kernel: the compiled program may not read them. */

import process from "node:process";
import { openDescriptors } from "../linux/descriptors.ts";
import { fileLimit } from "../linux/limits.ts";

/** Under the names Prometheus clients in all languages give them. */
export interface ProcessFacts {
  /** User and system time together. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Since the epoch, by the clock at that time. */
  readonly startSeconds: number;
  readonly openFiles: number;
  /** The soft limit of open files. */
  readonly maxFiles: number;
}

/** Facts of now. Throws SysError, or Deno's errors where `/proc` is not mounted. */
export function processFacts(): ProcessFacts {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: Deno.memoryUsage().rss,
    startSeconds: performance.timeOrigin / 1000,
    openFiles: [...openDescriptors()].length,
    maxFiles: fileLimit().soft,
  };
}
