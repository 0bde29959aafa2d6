/** Whether programs for arm64 can be run on this amd64 machine. */

const EMULATOR = "/usr/bin/qemu-aarch64-static";
const LOADER = "/lib/ld-linux-aarch64.so.1";

/** The emulator's path, or why there is none. */
export type Emulation =
  | { readonly outcome: "ready"; readonly emulator: string }
  | { readonly outcome: "missing"; readonly reason: string };

/** Looks for Debian's packages `qemu-user-static` and `libc6:arm64`. */
export function findEmulation(): Emulation {
  if (Deno.build.arch !== "x86_64") return { outcome: "missing", reason: "this machine is not amd64" };
  for (const [path, name] of [[EMULATOR, "qemu-user-static"], [LOADER, "libc6:arm64"]] as const) {
    if (!exists(path)) return { outcome: "missing", reason: `the package ${name} is not installed` };
  }
  return { outcome: "ready", emulator: EMULATOR };
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
