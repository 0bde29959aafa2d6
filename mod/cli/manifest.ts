/** `kube-vip manifest`: what runs `manager`, on standard output. Without a mistake there is nothing but the manifest on it. */

import { type Command, Option } from "@kube-vip/cli";
import { formatProblem, printable } from "../config/findings.ts";
import { loadManagerValues } from "../config/manager/load.ts";
import { daemonSetManifest } from "../manifest/daemonset.ts";
import { completeImage, DEFAULT_IMAGE } from "../manifest/image.ts";
import { type Manifest, podManifest } from "../manifest/pod.ts";
import { rbacManifest } from "../manifest/rbac.ts";
import { systemdUnit } from "../manifest/systemd.ts";
import { type Checked, checkPod, isOn, type Values } from "../manifest/values.ts";
import { type Context, fail } from "./context.ts";
import { managerInput } from "./manager.ts";
import { addSettingFlags, managerFlagSettings } from "./settings_flags.ts";
import { buildInfo } from "./version.ts";

const ABOUT_NAMESPACE = `
The objects are in the namespace kube-system, or in svc_namespace; --namespace is that of the Lease.
Environment variables beat flags here, too, and change what is printed.`;

/** What commander read from the command line. */
export type Options = Readonly<Record<string, unknown>>;

/** Adds `manifest` with its four commands. */
export function addManifest(program: Command, context: Context): void {
  const group = program.command("manifest").description("Print manifests for Kubernetes, or a unit for systemd");
  const add = (name: string, description: string): Command => {
    const command = group.command(name).description(description).addHelpText("after", ABOUT_NAMESPACE);
    addSettingFlags(command, managerFlagSettings());
    return command;
  };
  addPod(add("pod", "Print a Pod, for the kubelet's folder of manifests"), context);
  addDaemonSet(add("daemonset", "Print a DaemonSet"), context);
  addRbac(add("rbac", "Print a service account and the rights that the features need"), context);
  addSystemd(add("systemd", "Print a unit: of start, or with --controlplane of manager"), context);
}

function addPod(command: Command, context: Context): void {
  addImage(command);
  command
    .addOption(aSwitch("inCluster", "Run under the service account kube-vip instead of with the node's kubeconfig"))
    .option("--secret <name>", "Take passwords and the peer secret from this Secret; with --inCluster")
    .action((options: Options) => {
      const request = readPod(options, { context, isPod: true });
      if (request !== null) print(podManifest(request), context);
    });
}

function addDaemonSet(command: Command, context: Context): void {
  addImage(command);
  command
    .addOption(aSwitch("inCluster", "Run under the service account kube-vip instead of with the node's kubeconfig"))
    .addOption(aSwitch("taint", "Run on control-plane nodes only, whatever their taints"))
    .option("--secret <name>", "Take passwords and the peer secret from this Secret")
    .action((options: Options) => {
      const request = readPod(options, { context, isPod: false });
      const taint = readSwitch(options, "taint", context);
      if (request === null || taint === null) return;
      print(daemonSetManifest({ ...request, version: versionTag(), taint }), context);
    });
}

function addRbac(command: Command, context: Context): void {
  command
    .addOption(aSwitch("role", "Roles instead of a ClusterRole: nothing holds in the whole cluster"))
    .addOption(aSwitch("rolebinding", "Bind the ClusterRole in one namespace only"))
    .addOption(aSwitch("upstream-rbac", "The rules of the Go kube-vip: every right for every feature"))
    .action((options: Options) => {
      const values = readChecked(options, context, checkPod);
      const role = readSwitch(options, "role", context);
      const roleBinding = readSwitch(options, "rolebinding", context);
      const upstream = readSwitch(options, "upstream-rbac", context);
      if (values === null || role === null || roleBinding === null || upstream === null) return;
      print(rbacManifest({ values, role, roleBinding, upstream }), context);
    });
}

function addSystemd(command: Command, context: Context): void {
  command
    .option("--program <path>", "Where the program is", "/usr/local/bin/kube-vip")
    .option("-c, --config <path>", "Configuration of start", "/etc/kube-vip/config.yaml")
    .action((options: Options & { readonly program: string; readonly config: string }) => {
      const { program, config } = options;
      const values = readChecked(options, context, checkPod);
      for (const [flag, path] of [["--program", program], ["--config", config]] as const) {
        // Other letters would need quotes, and have no place in the path of a service.
        if (!/^\/[\w./+-]*$/.test(path)) return fail(context, `${flag} "${printable(path)}": must be an absolute path`);
      }
      if (values === null) return;
      const manager = isOn(values, "cp_enable") || isOn(values, "svc_enable");
      const runs = manager ? { command: "manager", values } as const : { command: "start", config } as const;
      print(systemdUnit({ program, runs }), context);
    });
}

/** Adds the flag that {@link readImage} reads. */
export function addImage(command: Command): void {
  command.option(
    "--image <image>",
    "Image of the container; without a tag that of this version. The default is upstream's name, so give your own",
    DEFAULT_IMAGE,
  );
}

/** The complete image that was asked for; null after saying what is wrong with it. */
export function readImage(options: Options, context: Context): string | null {
  const given = textOfFlag(options, "image") ?? DEFAULT_IMAGE;
  const image = completeImage(given, versionTag());
  if (image.outcome === "valid") return image.reference;
  const what = `cannot parse --image "${printable(given)}": ${printable(image.reason, 500)}`;
  fail(context, `unable to create manifest: ${what}`);
  return null;
}

/** The settings if they suffice for `check`; null after saying what is wrong. */
export function readChecked(options: Options, context: Context, check: (values: Values) => Checked): Values | null {
  const input = managerInput(options, context);
  if (input === null) return null;
  const result = loadManagerValues(input);
  for (const warning of result.warnings) context.terminal.err(`warning: ${formatProblem(warning, input.file)}\n`);
  if (result.outcome === "invalid") {
    for (const problem of result.problems) fail(context, formatProblem(problem, input.file));
    return null;
  }
  const checked = check(result.values);
  if (checked.outcome === "complete") return result.values;
  fail(context, checked.problem);
  return null;
}

/** Prints the manifest, and on standard error what is to be known about it. */
export function print(manifest: Manifest, context: Context): void {
  for (const warning of manifest.warnings) context.terminal.err(`warning: ${warning}\n`);
  context.terminal.out(manifest.text);
}

interface PodRequest {
  readonly values: Values;
  readonly image: string;
  readonly inCluster: boolean;
  readonly secret: string | null;
}

function readPod(
  options: Options,
  { context, isPod }: { readonly context: Context; readonly isPod: boolean },
): PodRequest | null {
  const values = readChecked(options, context, checkPod);
  if (values === null) return null;
  const image = readImage(options, context);
  const inCluster = readSwitch(options, "inCluster", context);
  if (image === null || inCluster === null) return null;
  const secret = textOfFlag(options, "secret");
  const problem = secret === null ? null : wrongSecret(secret, { isStatic: isPod && !inCluster });
  if (problem === null) return { values, image, inCluster, secret };
  fail(context, problem);
  return null;
}

/** What is wrong with the Secret's name (RFC 1123, like every object's), or with naming one at all. */
function wrongSecret(name: string, { isStatic }: { readonly isStatic: boolean }): string | null {
  if (isStatic) {
    return "--secret: a static Pod cannot refer to a Secret; give --inCluster for a Pod of the API, or --peerSecretFile";
  }
  return /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name)
    ? null
    : `--secret "${printable(name)}": must be the name of a Secret: lower case letters, digits, hyphens and dots`;
}

/** A switch, which like upstream's takes `=false`. */
function aSwitch(name: string, help: string): Option {
  return new Option(`--${name} [true|false]`, help);
}

/** Null after saying what is wrong. */
function readSwitch(options: Options, name: string, context: Context): boolean | null {
  const text = textOfFlag(options, name) ?? "false";
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  fail(context, `--${name} "${printable(text)}": must be true or false`);
  return null;
}

/** Null: not given. A switch without a value is on. Commander knows `upstream-rbac` as `upstreamRbac`. */
function textOfFlag(options: Options, name: string): string | null {
  const value = options[name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
  return value === undefined ? null : String(value);
}

function versionTag(): string {
  return `v${buildInfo().version}`;
}
