/** More inputs than the gate has time for: `deno run -A tests/net/http1_fuzz.ts --inputs 1000000`, each reader; `SEED` chooses others. */
import { TARGETS } from "./http1_fuzz_targets.ts";

const flag = Deno.args.indexOf("--inputs");
const inputs = Number(flag < 0 ? 1_000_000 : Deno.args[flag + 1]);
if (!Number.isInteger(inputs) || inputs < 1000) {
  throw new Error(`--inputs is ${Deno.args[flag + 1]}, wanted a number of at least 1000`);
}

const out = new TextEncoder();
for (const [name, run] of TARGETS) {
  const startMs = performance.now();
  const seen = run(inputs);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const accepted = seen.get("complete") ?? 0;
  const line =
    `${name}: ${inputs} inputs, ${accepted} accepted, ${seen.size} outcomes, every property held, ${seconds} s\n`;
  await Deno.stdout.write(out.encode(line));
}
