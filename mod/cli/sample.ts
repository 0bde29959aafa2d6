/** `kube-vip sample`: files to start from, on standard output. */

import type { Command } from "@kube-vip/cli";
import { printable } from "../config/findings.ts";
import { isImageReference, sampleConfig, sampleManifest, SECRET_BYTES } from "../config/sample.ts";
import { type Context, fail } from "./context.ts";
import { buildInfo } from "./version.ts";

/** Adds `sample config` and `sample manifest`. */
export function addSample(program: Command, context: Context): void {
  const sample = program.command("sample").description("Print files to start from");
  sample.command("config")
    .description("Print a configuration with a freshly generated peerSecret")
    .action(() => context.terminal.out(sampleConfig(context.terminal.randomBytes(SECRET_BYTES))));
  sample.command("manifest")
    .description("Print a static Pod that runs /etc/kube-vip/config.yaml")
    .option("--image <image>", "Image of the Pod", `kube-vip:v${buildInfo().version}`)
    .action(({ image }: { image: string }) => {
      if (isImageReference(image)) context.terminal.out(sampleManifest(image));
      else fail(context, `--image "${printable(image)}": must be the name of an image, like registry/kube-vip:v1`);
    });
}
