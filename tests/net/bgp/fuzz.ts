/** More inputs than the gate has time for: `deno run -A tests/net/bgp/fuzz.ts --inputs 1000000`, each decoder; `SEED` chooses others. */
import { inputsWanted, timed } from "../fuzz_arguments.ts";
import { TARGETS } from "./fuzz_targets.ts";

const inputs = inputsWanted();
for (const [name, run] of TARGETS) {
  await timed(name, () => {
    run(inputs);
    return `${inputs} inputs, nothing but WireError escaped`;
  });
}
