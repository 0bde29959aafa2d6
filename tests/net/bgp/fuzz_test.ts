import { TARGETS } from "./fuzz_targets.ts";

/** BFD has its own test beside its tables. */
for (const [name, run] of TARGETS.filter(([each]) => each !== "BFD")) {
  Deno.test(`any bytes are read as ${name} or refused with a NOTIFICATION`, () => run(50_000));
}
