/** Kernel settings under /proc/sys/net, of the network namespace the calling thread is in. Synchronous, so that it works inside one. */

const ROOT = "/proc/sys/net";

/** A setting as path segments below `net`, e.g. `["ipv4", "conf", "eth0", "arp_ignore"]`: link names may contain dots. */
export type SysctlKey = readonly string[];

/** Reads a setting, without the closing newline; null if the kernel has no such setting. */
export function readSysctl(key: SysctlKey): string | null {
  try {
    return Deno.readTextFileSync(path(key)).trimEnd();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Writes a setting. `"absent"` if the kernel has no such setting, `"refused"` if this process may not change it (a read-only
 * /proc/sys, as in most containers, or no privilege).
 */
export function writeSysctl(key: SysctlKey, value: string): "written" | "absent" | "refused" {
  try {
    Deno.writeTextFileSync(path(key), value, { create: false });
    return "written";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "absent";
    if (error instanceof Deno.errors.PermissionDenied || isReadOnly(error)) return "refused";
    throw error;
  }
}

/** EROFS has no class of its own in Deno 2.7. */
function isReadOnly(error: unknown): boolean {
  return error instanceof Error && /read-only file system/i.test(error.message);
}

function path(key: SysctlKey): string {
  const unsafe = key.find((segment) => segment === "" || segment === "." || segment === ".." || segment.includes("/"));
  if (unsafe !== undefined) throw new TypeError(`Cannot name a kernel setting with "${unsafe}"`);
  return `${ROOT}/${key.join("/")}`;
}
