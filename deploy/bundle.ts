/** Makes one small, fast-starting program out of the sources: bundled, minified, split, stamped with what it is. */

import { join } from "node:path";

/**
 * Minified bundles lose the `require` that packages written for Node expect; every output gets it back.
 * Without it: `Dynamic require of "node:process" is not supported`.
 */
const REQUIRE_SHIM = `import{createRequire as $$cr}from"node:module";const require=$$cr(import.meta.url);`;

/** Times of files are embedded too; with one fixed time, equal sources make equal programs. */
const FILE_TIME = new Date("2000-01-01T00:00:00Z");

/** What a built program knows about its own origin; it reads it from `globalThis.kubeVipBuild`. */
export interface BuildStamp {
  readonly version: string;
  /** Short commit id, with `-dirty` if the tree had changes; `unknown` outside a checkout. */
  readonly commit: string;
}

/** Thrown when one of Deno's own steps fails; carries what it printed. */
export class BuildError extends Error {
  override readonly name = "BuildError";
}

/** The line that goes in front of every output file. */
export function preamble(stamp: BuildStamp): string {
  return `${REQUIRE_SHIM}globalThis.kubeVipBuild=${JSON.stringify(stamp)};\n`;
}

/** What to bundle besides the program's own entry, and where to. */
export interface BundleOptions {
  readonly outDir: string;
  readonly stamp: BuildStamp;
  /** Entries of threads: each becomes a file beside the program's own, where `new URL("./name.js", import.meta.url)` finds it. */
  readonly workers: readonly string[];
}

/**
 * Bundles `entry` (a path relative to `root`) and the entries of its threads into `outDir`. Each is bundled by itself: all files lie in one
 * folder then, whatever folders the sources are in, and a thread loads nothing that it does not need.
 *
 * @returns names of the files made, the entry's own first
 * @throws {BuildError} if an entry is not there, or bundling fails
 */
export async function bundle(root: string, entry: string, options: BundleOptions): Promise<string[]> {
  const { outDir, stamp, workers } = options;
  const flags = ["--quiet", "--platform", "deno", "--minify", "--code-splitting", "--outdir", outDir];
  for (const each of [entry, ...workers]) {
    if (!await isFile(join(root, each))) throw new BuildError(`Cannot bundle "${each}": no such file in ${root}`);
    await runDeno(["bundle", ...flags, each], { cwd: root });
  }
  const main = outputName(entry);
  const names: string[] = [];
  for await (const file of Deno.readDir(outDir)) {
    if (!file.name.endsWith(".js")) continue;
    const path = join(outDir, file.name);
    await Deno.writeTextFile(path, preamble(stamp) + await Deno.readTextFile(path));
    await Deno.utime(path, FILE_TIME, FILE_TIME);
    names.push(file.name);
  }
  for (const each of [entry, ...workers]) {
    const name = outputName(each);
    if (!names.includes(name)) throw new BuildError(`Cannot bundle "${each}": no ${name} among ${names.join(", ")}`);
  }
  return [main, ...names.filter((name) => name !== main).sort()];
}

function outputName(entry: string): string {
  return entry.replace(/^.*\//, "").replace(/\.ts$/, ".js");
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Runs the Deno that runs this script.
 *
 * @throws {BuildError} with everything it printed, if it fails
 */
export async function runDeno(
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Record<string, string> },
): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: options.cwd,
    stdin: "null",
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", ...options.env },
  });
  const { success, stdout, stderr } = await command.output();
  if (success) return;
  const printed = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  throw new BuildError(`Cannot run deno ${args[0]}: ${printed.trim()}`);
}
