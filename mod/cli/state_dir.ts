/** Where the local agent keeps its state, for commands that talk to it. */

import { type Command, Option } from "@kube-vip/cli";
import { formatProblem } from "../config/findings.ts";
import { loadOne } from "../config/load.ts";
import { START } from "../config/settings.ts";
import { type Context, fail } from "./context.ts";
import { readConfigFile } from "./start.ts";

/** Adds the flags that say where the agent is. */
export function addAgentFlags(command: Command): Command {
  return command
    .option("-c, --config <file>", "Configuration the agent was started with; only its stateDir is read")
    .addOption(
      new Option("--stateDir <directory>", `${START.stateDir.help} (default: ${START.stateDir.fallbackText})`),
    );
}

/** The state directory of the agent that is meant, or null after saying what is wrong. */
export function agentStateDir(options: Readonly<Record<string, unknown>>, context: Context): string | null {
  const source = readConfigFile(options, context);
  if (source === null) return null;
  const given = options["stateDir"];
  const flags = typeof given === "string" ? { stateDir: given } : {};
  const result = loadOne(START.stateDir, { ...source, env: context.terminal.env, flags });
  if (result.outcome === "valid") return result.value;
  for (const problem of result.problems) fail(context, formatProblem(problem, source.file));
  return null;
}
