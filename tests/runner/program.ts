/** Keeps `dist/` up to date for the tests that run the compiled program. */

import { join } from "node:path";
import { EXIT_NO_RUNTIME, programName } from "../../deploy/compile.ts";
import type { Arch } from "../../deploy/elf.ts";

/** Environment variable that tells tests where the compiled program is; unset: none can be made here. */
export const PROGRAM_VARIABLE = "KUBE_VIP_BINARY";

/** The compiled program of this machine's processor, or why there is none. */
export type Program =
  | { readonly outcome: "ready"; readonly path: string }
  | { readonly outcome: "unavailable"; readonly reason: string }
  | { readonly outcome: "broken"; readonly reason: string };

/** What the program is made of. */
const SOURCES = ["main.ts", "deno.json", "deno.lock", "mod", "deploy"] as const;

/** This machine's processor, named as Debian names it. */
export function hostArch(): Arch {
  return Deno.build.arch === "aarch64" ? "arm64" : "amd64";
}

/** Compiles the program into `dist/` unless the one there is newer than every source. */
export async function ensureProgram(root: string): Promise<Program> {
  const path = join(root, "dist", programName(hostArch()));
  if (await modifiedMs(path) > await newestMs(root, SOURCES)) return { outcome: "ready", path };
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "deploy/compile.ts", "--target", hostArch()],
    cwd: root,
    stdin: "null",
  }).output();
  const reason = new TextDecoder().decode(stderr).trim();
  if (code === 0) return { outcome: "ready", path };
  return { outcome: code === EXIT_NO_RUNTIME ? "unavailable" : "broken", reason };
}

/** When the newest of some files, or of the files in some folders, was changed; milliseconds since 1970. */
export async function newestMs(root: string, names: readonly string[]): Promise<number> {
  let newest = 0;
  for (const name of names) {
    const path = join(root, name);
    newest = Math.max(newest, await modifiedMs(path));
    if (!await isFolder(path)) continue;
    const inside: string[] = [];
    for await (const entry of Deno.readDir(path)) inside.push(entry.name);
    newest = Math.max(newest, await newestMs(path, inside));
  }
  return newest;
}

async function modifiedMs(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).mtime?.getTime() ?? 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
