/** Runs seeds of the randomised cluster on demand: `explore.ts [--seeds N] [--from K] [--seconds S] [--trace]`. */
import { parseArgs } from "node:util";
import { runSeed } from "./cluster.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "2000" },
    from: { type: "string", default: "1" },
    seconds: { type: "string", default: "120" },
    trace: { type: "boolean", default: false },
  },
});

/** Prints a line; the simulator is a program of its own. */
function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

const from = Number(values.from);
const chaosMs = Number(values.seconds) * 1000;
const began = performance.now();
let failed = 0;
let simulatedMs = 0;
for (let seed = from; seed < from + Number(values.seeds); seed++) {
  try {
    simulatedMs += runSeed(seed, values.trace ? { chaosMs, trace: say } : { chaosMs }).simulatedMs;
  } catch (cause) {
    failed++;
    const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    say(`seed ${seed} failed: ${why}`);
    if (values.trace && cause instanceof Error) say(cause.stack ?? "");
  }
}
const seconds = (performance.now() - began) / 1000;
say(
  `${values.seeds} seeds, ${failed} failed, ${(simulatedMs / 1000).toFixed(0)} s simulated in ${seconds.toFixed(1)} s`,
);
if (failed > 0) Deno.exit(1);
