/** When the machine that everything runs on gave a processor to nobody: what is measured in milliseconds shows nothing then. */

import { AHEAD_OF_OTHERS, type Child, pinnedTo } from "./child.ts";
import type { Machine } from "./network.ts";
import { parseTick } from "./stall_probe.ts";
import { Changes, sharedNow } from "./time.ts";

const PROBE = new URL("stall_probe.ts", import.meta.url).pathname;
const LIMIT_MS = 20_000;

/** A process on each processor that only wakes up, and notes how late it was. */
export class Stalls {
  readonly #late: { readonly atMs: number; readonly lateMs: number }[] = [];
  readonly #knownMs: number[];
  readonly #changes = new Changes();

  private constructor(run: (argv: readonly string[], onLine: (line: string) => void) => Child) {
    const count = navigator.hardwareConcurrency;
    this.#knownMs = Array(count).fill(-Infinity);
    for (let cpu = 0; cpu < count; cpu++) {
      const argv = [...pinnedTo(cpu), ...AHEAD_OF_OTHERS, Deno.execPath(), "run", "-A", "--no-lock", PROBE];
      run(argv, (line) => this.#heard(cpu, line));
    }
  }

  /** Starts them in a laboratory, with which they end; resolves when all are awake. */
  static async start(
    lab: { run(machine: Machine, name: string, argv: readonly string[], onLine: (line: string) => void): Child },
    machine: Machine,
  ): Promise<Stalls> {
    const stalls = new Stalls((argv, onLine) => lab.run(machine, "stall probe", argv, onLine));
    await stalls.#known();
    return stalls;
  }

  /** The longest time since a moment in which one of them could not go on; 0 if there was none worth a word. */
  async longestMs(sinceMs: number): Promise<number> {
    await this.#known();
    return Math.max(0, ...this.#late.filter(({ atMs }) => atMs >= sinceMs).map(({ lateMs }) => lateMs));
  }

  async #known(): Promise<void> {
    const nowMs = sharedNow();
    const look = (): true | null => this.#knownMs.every((atMs) => atMs >= nowMs) || null;
    await this.#changes.until(look, LIMIT_MS, "stall probes");
  }

  #heard(cpu: number, line: string): void {
    const tick = parseTick(line);
    if (tick === null) return;
    this.#knownMs[cpu] = tick.atMs;
    if (tick.lateMs > 0) this.#late.push(tick);
    this.#changes.changed();
  }
}
