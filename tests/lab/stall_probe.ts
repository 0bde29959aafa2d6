/**
 * A probe that wakes up every few milliseconds and writes a line, `t <ms> <late>`, when it was late, and from time to time when it was not
 * (late by 0). One thread and nothing else to do: who keeps it from its processor keeps everybody. It ends when its standard input does.
 */

import { libc } from "../../mod/linux/libc.ts";
import { sharedNow } from "./time.ts";

const EVERY_MS = 5;
/** Shorter waits mean nothing. */
const LATE_MS = 15;
const TELL_MS = 50;
const POLLIN = 1;

/** One waking up. */
export interface Tick {
  readonly atMs: number;
  readonly lateMs: number;
}

/** Writes one as a line without its end. */
export function formatTick({ atMs, lateMs }: Tick): string {
  return `t ${atMs.toFixed(2)} ${lateMs.toFixed(2)}`;
}

/** Reads a line; null when it is another. */
export function parseTick(line: string): Tick | null {
  const match = /^t (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)$/.exec(line);
  return match === null ? null : { atMs: Number(match[1]), lateMs: Number(match[2]) };
}

function run(): void {
  const set = new Uint8Array(8);
  new DataView(set.buffer).setInt16(4, POLLIN, true);
  let [beforeMs, toldMs] = [sharedNow(), 0];
  while (new DataView(set.buffer).getInt16(6, true) === 0) {
    libc.poll(set, 1n, EVERY_MS);
    const atMs = sharedNow();
    const lateMs = atMs - beforeMs - EVERY_MS;
    beforeMs = atMs;
    if (lateMs < LATE_MS && atMs - toldMs < TELL_MS) continue;
    toldMs = atMs;
    const line = `${formatTick({ atMs, lateMs: lateMs < LATE_MS ? 0 : lateMs })}\n`;
    Deno.stdout.writeSync(new TextEncoder().encode(line));
  }
}

if (import.meta.main) run();
