/** The stages of a test run and the rules that turn their reports into a verdict. */

import { NOTHING, sum, type Tally, total } from "./junit.ts";

/** Units (parallel, no privileges), the compiled program, the laboratory of network namespaces. */
export const STAGES = ["unit", "binary", "lab"] as const;

export type Stage = typeof STAGES[number];

/** How long a stage may take before it is ended and counted as failed. */
export const DEADLINES_MS: Readonly<Record<Stage, number>> = { unit: 480_000, binary: 240_000, lab: 1_800_000 };

/** Folders whose tests are not units, and their stage: they need the compiled program or privileges. */
const SERIAL_FOLDERS = { binary: ["tests/binary"], lab: ["tests/kubernetes", "tests/lab", "tests/cluster"] } as const;

/** The stages that a command line asks for, in running order; null if it names something else. */
export function chooseStages(args: readonly string[]): readonly Stage[] | null {
  if (args.some((arg) => !STAGES.some((stage) => stage === arg))) return null;
  return args.length === 0 ? STAGES : STAGES.filter((stage) => args.includes(stage));
}

/** Arguments of `deno` for one stage. */
export function testArguments(stage: Stage, junitPath: string): string[] {
  const common = ["test", "-A", `--junit-path=${junitPath}`];
  switch (stage) {
    case "unit":
      return [
        ...common,
        "--parallel",
        `--ignore=${Object.values(SERIAL_FOLDERS).flat().join(",")}`,
        "tests",
      ];
    case "binary":
    case "lab":
      return [...common, ...SERIAL_FOLDERS[stage]];
  }
}

/** How the process of a stage ended. */
export interface Ending {
  readonly stage: Stage;
  readonly code: number;
  readonly tally: Tally;
  readonly timedOut: boolean;
}

/**
 * The verdict on one stage.
 *
 * A run that fails outside any test (a file that does not compile, a crash, a deadline), or in which nothing ran, is a
 * failure. With `strict` (continuous integration) so is a skipped test of the program or the laboratory: there the
 * machine has to have what they need.
 */
export function judge(ending: Ending, strict: boolean): Tally {
  const { stage, code, tally, timedOut } = ending;
  const extra: string[] = [];
  if (timedOut) extra.push(`${stage}: ended after ${DEADLINES_MS[stage] / 1000} s`);
  else if (code !== 0 && tally.failed.length === 0) extra.push(`${stage}: ended with status ${code} outside any test`);
  else if (total(tally) === 0) extra.push(`${stage}: no test ran`);
  const counted = sum(tally, { ...NOTHING, failed: extra });
  if (!strict || stage === "unit") return counted;
  return {
    ...counted,
    skipped: [],
    failed: [...counted.failed, ...counted.skipped.map((name) => `${name} (skipped)`)],
  };
}
