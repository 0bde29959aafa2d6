/** The command line: from arguments to an exit status. */

import { Command, CommanderError } from "@kube-vip/cli";
import type { ConfigSource } from "../agent/reload.ts";
import type { ManagerConfig, SettingValue } from "../config/manager/types.ts";
import type { PeersConfig } from "../config/types.ts";
import { type Context, fail, reasonOf, type Terminal } from "./context.ts";
import { addDocs } from "./docs.ts";
import { addDoctor } from "./doctor.ts";
import { goArgs } from "./go_flags.ts";
import { addKubeadm } from "./kubeadm.ts";
import { addManager } from "./manager.ts";
import { addManifest } from "./manifest.ts";
import { addSample } from "./sample.ts";
import { addStart } from "./start.ts";
import { addStatus } from "./status.ts";
import { systemTerminal } from "./terminal.ts";
import { addTransfer } from "./transfer.ts";
import { addVersion, buildInfo, versionText } from "./version.ts";

/** What a test may replace. */
export interface RunOptions {
  readonly terminal?: Terminal;
  readonly runAgent?: Context["runAgent"];
  readonly runManager?: Context["runManager"];
}

/** Runs one command line (without the program's name) and gives the exit status. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<number> {
  let code = 0;
  const context: Context = {
    terminal: options.terminal ?? systemTerminal(),
    runAgent: options.runAgent ?? startAgent,
    runManager: options.runManager ?? startManager,
    exit: (status) => void (code = status),
  };
  const said: string[] = [];
  const program = buildProgram(context, said);
  try {
    await program.parseAsync(goArgs(args.map(joinShort)), { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return finishParse(error, { said, context });
    fail(context, reasonOf(error));
  }
  return code;
}

/** `-c=file`, which upstream's flag parser takes, is `-cfile` to commander. */
function joinShort(arg: string): string {
  return arg.replace(/^(-[a-zA-Z])=/, "$1");
}

/** The agent brings the whole runtime part of the program with it; other commands do without. */
async function startAgent(config: PeersConfig, source: ConfigSource | null): Promise<number> {
  const { runPeersAgent } = await import("../agent/run.ts");
  return await runPeersAgent(config, buildInfo(), { source });
}

/** {@link startAgent} for a node of a cluster. */
async function startManager(
  config: ManagerConfig,
  settings: ReadonlyMap<string, SettingValue>,
): Promise<number> {
  const { runManagerAgent } = await import("../agent/manager_run.ts");
  return await runManagerAgent(config, settings, buildInfo());
}

/** Commander says everything through `said`, as only its exception tells whether it was help or a complaint. */
function buildProgram(context: Context, said: string[]): Command {
  const program = new Command("kube-vip")
    .description("Keeps an IP address alive on whichever machine is fit to hold it, and balances what arrives there.")
    .version(versionText(buildInfo()).trimEnd(), "--version", "Print the version")
    .exitOverride()
    .showHelpAfterError("Run 'kube-vip --help' for usage.")
    .configureOutput({ writeOut: (text) => said.push(text), writeErr: (text) => said.push(text) });
  const cluster = [addManager, addManifest, addKubeadm];
  for (const add of [addStart, ...cluster, addStatus, addTransfer, addDoctor, addSample, addDocs, addVersion]) {
    add(program, context);
  }
  return program;
}

function finishParse(error: CommanderError, parse: { said: readonly string[]; context: Context }): number {
  const text = parse.said.join("");
  const { terminal } = parse.context;
  // A group without a command (`kube-vip sample`) prints its help, as upstream does, with status 0.
  const helped = error.exitCode === 0 || error.code === "commander.help";
  if (helped) terminal.out(text);
  else terminal.err(text);
  return helped ? 0 : 1;
}
