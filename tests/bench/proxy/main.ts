/** The balancers beside HAProxy and nginx, in one run on the same wires: the figures of the data path. */

import { print } from "../report.ts";
import { benchHeartbeat } from "./heartbeat.ts";
import { benchLatency } from "./latency.ts";
import { benchMemory } from "./memory.ts";
import { benchMillion } from "./million.ts";
import { type BenchOptions, parseBenchOptions, type Part } from "./options.ts";
import { benchSpeed } from "./speed.ts";

const BENCHES: Readonly<Record<Part, (options: BenchOptions) => Promise<void>>> = {
  speed: benchSpeed,
  latency: benchLatency,
  memory: benchMemory,
  million: benchMillion,
  heartbeat: benchHeartbeat,
};

/** Measures the parts that were asked for, one after the other, and prints. A part that fails does not keep the others from it. */
export async function benchProxy(args: readonly string[]): Promise<void> {
  const options = parseBenchOptions(args);
  for (const { label, text } of options.programs) if (label !== "") print(`${label}: ${text}`);
  for (const part of options.parts) {
    print(`## ${part}`);
    print();
    try {
      await BENCHES[part](options);
    } catch (error) {
      print(`${part} failed: ${error instanceof Error ? error.message : error}`);
    }
    print();
  }
}
