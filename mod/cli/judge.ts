/** What commands say about a configuration before they run it. */

import { dumpSettings } from "../config/docs.ts";
import { formatProblem } from "../config/findings.ts";
import type { Effective, Problem } from "../config/types.ts";
import type { Context } from "./context.ts";

/** What every result of loading a configuration has. */
export type Judged =
  | { readonly outcome: "valid"; readonly warnings: readonly Problem[]; readonly effective: readonly Effective[] }
  | { readonly outcome: "invalid"; readonly warnings: readonly Problem[]; readonly problems: readonly Problem[] };

export interface JudgeOptions {
  /** Name of the configuration's file for messages, or null. */
  readonly file: string | null;
  readonly context: Context;
  /** What `--check` and `--dump` were set to. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Prints what is wrong with a configuration, and does what `--check` and `--dump` ask for. True if it is valid and nothing
 * of the sort was asked for, so that it is to be run.
 */
export function judge<T extends Judged>(
  result: T,
  { file, context, options }: JudgeOptions,
): result is Extract<T, { outcome: "valid" }> {
  const { terminal } = context;
  const only = options["check"] === true || options["dump"] === true;
  const print = (kind: string, findings: readonly Problem[]): void => {
    for (const finding of findings) terminal.err(`${kind}: ${formatProblem(finding, file)}\n`);
  };
  if (only || result.outcome === "invalid") print("warning", result.warnings);
  if (result.outcome === "invalid") {
    print("error", result.problems);
    const count = result.problems.length;
    terminal.err(`${count} ${count === 1 ? "problem" : "problems"} in the configuration; nothing was started\n`);
    context.exit(1);
    return false;
  }
  if (options["dump"] === true) terminal.out(dumpSettings(result.effective));
  else if (only) terminal.out("The configuration is valid\n");
  return !only;
}
