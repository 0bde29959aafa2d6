/** `kube-vip kubeadm`: the static Pod for a node that kubeadm is about to set up. */

import type { Command } from "@kube-vip/cli";
import { printable } from "../config/findings.ts";
import { podManifest } from "../manifest/pod.ts";
import { checkKubeadm } from "../manifest/values.ts";
import { type Context, fail, reasonOf } from "./context.ts";
import { addImage, type Options, print, readChecked, readImage } from "./manifest.ts";
import { addSettingFlags, managerFlagSettings } from "./settings_flags.ts";

/** Adds `kubeadm init` and `kubeadm join`. */
export function addKubeadm(program: Command, context: Context): void {
  const group = program.command("kubeadm").description("Print the static Pod for a node of kubeadm's control plane");
  const init = group.command("init").description("Print the Pod for the first node, before kubeadm init");
  const join = group.command("join").description("Print the Pod for a further node, after kubeadm join")
    .option("--config <path>", "Kubeconfig of the node, which has to be there", "/etc/kubernetes/admin.conf");
  for (const command of [init, join]) {
    addSettingFlags(command, managerFlagSettings());
    addImage(command);
  }
  init.action((options: Options) => printPod(options, context));
  join.action((options: Options & { readonly config: string }) => {
    if (hasKubeconfig(options.config, context)) printPod(options, context);
  });
}

function printPod(options: Options, context: Context): void {
  const values = readChecked(options, context, checkKubeadm);
  const image = values === null ? null : readImage(options, context);
  if (values === null || image === null) return;
  print(podManifest({ values, image, inCluster: false, secret: null }), context);
}

function hasKubeconfig(path: string, context: Context): boolean {
  try {
    context.terminal.readText(path);
    return true;
  } catch (error) {
    fail(context, `kubeConfig not found Path=${printable(path, 500)}: ${printable(reasonOf(error), 500)}`);
    return false;
  }
}
