/** Blocking for a moment: for what has to be over when a synchronous call returns. */
import { libc } from "./libc.ts";

const NO_DESCRIPTORS = new Uint8Array(8);

/** Blocks the calling thread for `ms` milliseconds, or less when a signal comes. */
export function pause(ms: number): void {
  libc.poll(NO_DESCRIPTORS, 0n, ms);
}
