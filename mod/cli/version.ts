/** What this program is: `kube-vip version`. */

import type { Command } from "@kube-vip/cli";
import type { Context } from "./context.ts";

/** The version of these sources, equal to the one in `deno.json`. */
export const VERSION = "0.1.0";

/** What a program is and what it was made from. */
export interface BuildInfo {
  readonly version: string;
  /** Commit id; `source` when nothing was compiled. */
  readonly commit: string;
}

/** The stamp that the compiler puts in front of the program (`globalThis.kubeVipBuild`), or what the sources say. */
export function buildInfo(stamp: unknown = Reflect.get(globalThis, "kubeVipBuild")): BuildInfo {
  const field = (name: string): string | null => {
    const value: unknown = typeof stamp === "object" && stamp !== null ? Reflect.get(stamp, name) : null;
    return typeof value === "string" && value !== "" ? value : null;
  };
  return { version: field("version") ?? VERSION, commit: field("commit") ?? "source" };
}

/** The three lines upstream prints. */
export function versionText(info: BuildInfo): string {
  return `Kube-VIP Release Information\nVersion:  v${info.version}\nBuild:    ${info.commit}\n`;
}

/** Adds `version`. */
export function addVersion(program: Command, context: Context): void {
  program.command("version").description("Print the version").action(() => {
    context.terminal.out(versionText(buildInfo()));
  });
}
