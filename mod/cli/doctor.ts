/** `kube-vip doctor`: what of this program works on this machine, and what is in the way of a configuration. */

import type { Command } from "@kube-vip/cli";
import type { Diagnosis } from "../agent/diagnosis.ts";
import { formatProblem } from "../config/findings.ts";
import { loadPeersConfig } from "../config/load.ts";
import type { PeersConfig } from "../config/types.ts";
import { type Context, fail } from "./context.ts";
import { readConfigFile } from "./start.ts";

type Options = Readonly<Record<string, unknown>>;

const MARKS: Readonly<Record<Diagnosis["verdict"], string>> = { fine: "ok", note: "note", fault: "FAULT" };

/** Adds `doctor`. */
export function addDoctor(program: Command, context: Context): void {
  program.command("doctor")
    .description(
      "Look at this machine: rights, what its kernel can do, settings that are needed; exit status 1 for faults",
    )
    .option("-c, --config <file>", "Judge by what this configuration of kube-vip start asks for")
    .option("--json", "Print what was found as JSON")
    .addHelpText("after", "\nNothing is changed: what has to be tried is tried in a network namespace of its own.")
    .action((options: Options) => doctor(options, context));
}

async function doctor(options: Options, context: Context): Promise<void> {
  const read = configOf(options, context);
  if (read.outcome === "failed") return;
  const { examine } = await import("../agent/doctor.ts");
  const found = examine(read.config);
  const { terminal } = context;
  terminal.out(options["json"] === true ? `${JSON.stringify(found, null, 2)}\n` : diagnosisTable(found));
  if (found.some(({ verdict }) => verdict === "fault")) context.exit(1);
}

type Read = { readonly outcome: "read"; readonly config: PeersConfig | null } | { readonly outcome: "failed" };

function configOf(options: Options, context: Context): Read {
  if (options["config"] === undefined) return { outcome: "read", config: null };
  const source = readConfigFile(options, context);
  if (source === null) return { outcome: "failed" };
  const { terminal } = context;
  const result = loadPeersConfig({
    ...source,
    env: terminal.env,
    flags: {},
    readText: (path) => terminal.readText(path),
  });
  if (result.outcome === "valid") return { outcome: "read", config: result.config };
  for (const problem of result.problems) fail(context, formatProblem(problem, source.file));
  return { outcome: "failed" };
}

/** One line each, in columns. */
export function diagnosisTable(found: readonly Diagnosis[]): string {
  const width = Math.max(...found.map(({ subject }) => subject.length));
  return found.map(({ verdict, subject, text }) => `${MARKS[verdict].padEnd(5)}  ${subject.padEnd(width)}  ${text}\n`)
    .join(
      "",
    );
}
