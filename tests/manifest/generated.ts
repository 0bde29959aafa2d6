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

/** Writes the golden files anew: `deno run -A tests/manifest/generated.ts`. What changed has to be read before it is committed. */
async function writeGolden(): Promise<void> {
  const { VARIANTS } = await import("./variants.ts");
  for (const variant of VARIANTS) {
    const { code, out, err } = await generate(variant);
    if (code !== 0) throw new Error(`${variant.name}: ${err}`);
    await Deno.writeTextFile(goldenPath(variant.name), out);
  }
}

if (import.meta.main) await writeGolden();
