/** More inputs than the gate has time for: `deno run -A tests/net/http1_fuzz.ts --inputs 1000000`, each reader; `SEED` chooses others. */
import { inputsWanted, timed } from "./fuzz_arguments.ts";
import { TARGETS } from "./http1_fuzz_targets.ts";

const inputs = inputsWanted();
for (const [name, run] of TARGETS) {
  await timed(name, () => {
    const seen = run(inputs);
    return `${inputs} inputs, ${seen.get("complete")} accepted, ${seen.size} outcomes, every property held`;
  });
}
