/** `kube-vip manager`: reads and checks the configuration of a node of a cluster, then runs the agent. */

import type { Command } from "@kube-vip/cli";
import { formatProblem } from "../config/findings.ts";
import { managerConfigFile, unreadable } from "../config/manager/config_file.ts";
import { loadManagerConfig, loadManagerValues, type ManagerInput } from "../config/manager/load.ts";
import type { ManagerResult, SettingValue } from "../config/manager/types.ts";
import type { Setting } from "../config/setting.ts";
import { getLog } from "../observe/log.ts";
import { configureLogging } from "../observe/logging.ts";
import { type Context, fail, reasonOf } from "./context.ts";
import { judge } from "./judge.ts";
import { addSettingFlags, givenFlags, managerFlagSettings } from "./settings_flags.ts";
import { buildInfo } from "./version.ts";

type Options = Readonly<Record<string, unknown>>;

/** Adds `manager`, and the older `service`. */
export function addManager(program: Command, context: Context): void {
  const manager = program.command("manager")
    .description("Run on a node of a Kubernetes cluster, as configured by flags, the environment and a file");
  addFlags(manager, managerFlagSettings());
  manager.action((options: Options) => runManager(options, context));
  const service = program.command("service").description(
    "Run for Services only, as kube-vip did of old; not there yet",
  );
  addFlags(service, managerFlagSettings("service"));
  service.action((options: Options) => refuseService(options, context));
}

function addFlags(command: Command, settings: readonly Setting<unknown>[]): void {
  command
    .option("--check", "Only check the configuration; exit status 0 if it is valid")
    .option("--dump", "Only print every setting, its value and where that is from")
    .addHelpText(
      "after",
      "\nA variable beats a flag, a flag beats the file. A switch takes its value after =, like --arp=false.\n" +
        "kube-vip docs settings lists every key.",
    );
  addSettingFlags(command, settings);
}

/**
 * What the flags, the environment and the file say together, for commands with the flags of `manager`; null after saying
 * why the file cannot be read.
 */
export function managerInput(
  options: Options,
  context: Context,
  settings: readonly Setting<unknown>[] = managerFlagSettings(),
): ManagerInput | null {
  const { terminal } = context;
  const flags = givenFlags(options, settings);
  const file = managerConfigFile(terminal.env, flags);
  const readText = (path: string): string => terminal.readText(path);
  const rest = { env: terminal.env, flags, readText, hostname: terminal.hostname() };
  if (file === null) return { ...rest, file, text: null };
  try {
    return { ...rest, file, text: readText(file) };
  } catch (error) {
    fail(context, unreadable(file, error instanceof Deno.errors.NotFound, reasonOf(error)));
    return null;
  }
}

async function runManager(options: Options, context: Context): Promise<void> {
  const input = managerInput(options, context);
  if (input === null) return;
  const result = loadManagerConfig(input);
  const { file } = input;
  const values = loadManagerValues(input);
  if (!judge(result, { file, context, options }) || values.outcome === "invalid") return;
  await runAgent(result, { file, context, values: values.values });
}

async function runAgent(
  { config, warnings }: ManagerResult & { outcome: "valid" },
  { file, context, values }: {
    file: string | null;
    context: Context;
    values: ReadonlyMap<string, SettingValue>;
  },
): Promise<void> {
  configureLogging({ level: config.logLevel, format: "text" });
  const log = getLog("config");
  log.info("Starting kube-vip", { version: buildInfo().version, build: buildInfo().commit, node: config.nodeName });
  for (const warning of warnings) log.warning("Configuration", { finding: formatProblem(warning, file) });
  context.exit(await context.runManager(config, values));
}

/** Everything wrong with the configuration is said too: whoever comes from upstream moves on to `manager` with it. */
function refuseService(options: Options, context: Context): void {
  const input = managerInput(options, context, managerFlagSettings("service"));
  if (input === null) return;
  const result = loadManagerConfig(input);
  const service = {
    key: "service",
    value: "",
    line: null,
    message: "belongs to Services of type LoadBalancer, which this program does not have yet; " +
      "use kube-vip manager for the control plane",
  };
  const problems = result.outcome === "invalid" ? result.problems : [];
  judge(
    { outcome: "invalid", problems: [service, ...problems], warnings: result.warnings },
    { file: input.file, context, options },
  );
}
