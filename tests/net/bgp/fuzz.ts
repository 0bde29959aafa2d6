/** More inputs than the gate has time for: `deno run -A tests/net/bgp/fuzz.ts --inputs 1000000`, each decoder; `SEED` chooses others. */
import { TARGETS } from "./fuzz_targets.ts";

const flag = Deno.args.indexOf("--inputs");
const inputs = Number(flag < 0 ? 1_000_000 : Deno.args[flag + 1]);
if (!Number.isInteger(inputs) || inputs < 1000) {
  throw new Error(`--inputs is ${Deno.args[flag + 1]}, wanted a number of at least 1000`);
}

const out = new TextEncoder();
for (const [name, run] of TARGETS) {
  const startMs = performance.now();
  run(inputs);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  await Deno.stdout.write(out.encode(`${name}: ${inputs} inputs, nothing but WireError escaped, ${seconds} s\n`));
}
