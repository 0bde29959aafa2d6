/** Finds out which version and commit is being built. */

import { join } from "node:path";
import type { BuildStamp } from "./bundle.ts";

/** Reads the version from `deno.json` in `root` and the commit from git. */
export async function readStamp(root: string): Promise<BuildStamp> {
  const settings: unknown = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  return { version: versionOf(settings), commit: await readCommit(root) };
}

/**
 * The `version` key of a parsed `deno.json`.
 *
 * @throws {TypeError} if it is missing or not a version
 */
export function versionOf(settings: unknown): string {
  const version = typeof settings === "object" && settings !== null && "version" in settings ? settings.version : null;
  if (typeof version !== "string" || !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
    throw new TypeError(`Cannot read "version" in deno.json: got ${JSON.stringify(version)}, like 1.2.3 is accepted`);
  }
  return version;
}

/** The commit of the checkout in `root`, 12 digits long; `unknown` without git or outside a checkout. */
export async function readCommit(root: string): Promise<string> {
  const head = await git(root, ["rev-parse", "--short=12", "HEAD"]);
  if (head === null) return "unknown";
  const changes = await git(root, ["status", "--porcelain", "--untracked-files=no"]);
  return changes === "" ? head : `${head}-dirty`;
}

async function git(root: string, args: readonly string[]): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command("git", { args: [...args], cwd: root, stdin: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
