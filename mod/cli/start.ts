/** `kube-vip start`: reads and checks the configuration, then runs the agent. */

import type { Command } from "@kube-vip/cli";
import type { ConfigSource } from "../agent/reload.ts";
import { formatProblem, printable } from "../config/findings.ts";
import { loadPeersConfig } from "../config/load.ts";
import type { ConfigResult } from "../config/types.ts";
import { getLog } from "../observe/log.ts";
import { configureLogging } from "../observe/logging.ts";
import { type Context, fail, reasonOf } from "./context.ts";
import { judge } from "./judge.ts";
import { addSettingFlags, givenFlags } from "./settings_flags.ts";
import { buildInfo } from "./version.ts";

type StartOptions = Readonly<Record<string, unknown>>;

/** Adds `start`. */
export function addStart(program: Command, context: Context): void {
  const command = program.command("start")
    .description("Run on this machine, as configured by a file, the environment and flags")
    .option("-c, --config <file>", "Configuration file; kube-vip sample config prints one")
    .option("--check", "Only check the configuration; exit status 0 if it is valid")
    .option("--dump", "Only print every setting, its value and where that is from")
    .addHelpText("after", "\nA variable beats a flag, a flag beats the file. kube-vip docs settings lists every key.");
  addSettingFlags(command);
  command.action((options: StartOptions) => start(options, context));
}

/** The file a command was given: its name and text, both null without one. Null after saying what is wrong with it. */
export function readConfigFile(
  options: StartOptions,
  context: Context,
): { readonly file: string | null; readonly text: string | null } | null {
  const file = options["config"];
  if (typeof file !== "string") return { file: null, text: null };
  if (file.trim() === "") {
    fail(context, "Path cannot be blank: --config needs the name of a file");
    return null;
  }
  try {
    return { file, text: context.terminal.readText(file) };
  } catch (error) {
    fail(context, `Error reading [${printable(file)}]: ${printable(reasonOf(error), 500)}`);
    return null;
  }
}

async function start(options: StartOptions, context: Context): Promise<void> {
  const source = readConfigFile(options, context);
  if (source === null) return;
  const { terminal } = context;
  const { file, text } = source;
  const flags = givenFlags(options);
  const load = (given: string | null): ConfigResult =>
    loadPeersConfig({ file, text: given, env: terminal.env, flags, readText: (path) => terminal.readText(path) });
  const result = load(text);
  if (!judge(result, { file, context, options })) return;
  const again = file === null || text === null ? null : { file, text, readText: () => terminal.readText(file), load };
  await runAgent(result, { source: again, context });
}

interface Around {
  /** Where the configuration is from; null without a file. */
  readonly source: ConfigSource | null;
  readonly context: Context;
}

async function runAgent(result: ConfigResult & { outcome: "valid" }, { source, context }: Around): Promise<void> {
  const { config, warnings } = result;
  configureLogging({ level: config.logLevel, format: config.logFormat });
  const log = getLog("config");
  log.info("Starting kube-vip", { version: buildInfo().version, build: buildInfo().commit, id: config.localPeer.id });
  const file = source?.file ?? null;
  for (const warning of warnings) log.warning("Configuration", { finding: formatProblem(warning, file) });
  context.exit(await context.runAgent(config, source));
}
