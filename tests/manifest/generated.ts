/** What the generator prints, and where its golden files are. */

import { fileURLToPath } from "node:url";
import { VERSION } from "../../mod/cli/version.ts";
import { command, type Outcome } from "../cli/helpers.ts";
import type { Variant } from "./variants.ts";

/** The version of all golden files: theirs must not change with each release. */
const GOLDEN_VERSION = "v1.2.3";

/** Runs the command line of `variant`, on a node that has a kubeconfig. */
export async function generate(variant: Pick<Variant, "args" | "env">): Promise<Outcome> {
  const outcome = await command(variant.args.split(" "), { env: { ...variant.env }, files: { "admin.conf": "{}" } });
  return { ...outcome, out: outcome.out.replaceAll(`v${VERSION}`, GOLDEN_VERSION) };
}

export function goldenPath(name: string): string {
  return fileURLToPath(new URL(`../testdata/manifest/${name}.yaml`, import.meta.url));
}

/** The manifests that are shipped as examples. */
export const EXAMPLES: readonly string[] = ["static-pod", "static-pod-peers", "daemonset", "rbac"];

/** An example's path, the comments it begins with, and the command line in them. */
export async function readExample(name: string): Promise<{ path: string; text: string; head: string; args: string }> {
  const path = fileURLToPath(new URL(`../../deploy/kubernetes/${name}.yaml`, import.meta.url));
  const text = await Deno.readTextFile(path);
  const head = text.match(/^(#.*\n)+/)?.[0] ?? "";
  return { path, text, head, args: head.match(/^# {3}kube-vip (.*)$/m)?.[1] ?? "" };
}

/**
 * Writes the golden files and the examples anew: `deno run -A tests/manifest/generated.ts`. What changed has to be read before it is
 * committed.
 */
async function writeAll(): Promise<void> {
  const { VARIANTS } = await import("./variants.ts");
  for (const variant of VARIANTS) {
    const { code, out, err } = await generate(variant);
    if (code !== 0) throw new Error(`${variant.name}: ${err}`);
    await Deno.writeTextFile(goldenPath(variant.name), out);
  }
  for (const name of EXAMPLES) {
    const { path, head, args } = await readExample(name);
    await Deno.writeTextFile(path, head + (await command(args.split(" "))).out);
  }
}

if (import.meta.main) await writeAll();
