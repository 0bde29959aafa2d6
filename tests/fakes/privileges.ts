import { errnoName, SysError } from "../../mod/linux/errno.ts";
import { Namespace } from "../../mod/linux/namespace.ts";

/** Why network namespaces cannot be made here; null if they can. */
export const missingPrivilege: string | null = probe();

function probe(): string | null {
  try {
    Namespace.create().close();
    return null;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return `needs root and network namespaces (${errnoName(error.errno)})`;
  }
}

/**
 * A test on the real kernel. Without the privilege it is skipped and its name says why; in continuous integration (CI=true) it fails
 * instead, so that nobody takes silence for success.
 */
export function privileged(name: string, fn: (t: Deno.TestContext) => void | Promise<void>): void {
  if (missingPrivilege === null) return Deno.test(name, fn);
  const reason = missingPrivilege;
  Deno.test({
    name: `${name} [skipped: ${reason}]`,
    ignore: Deno.env.get("CI") !== "true",
    fn: () => {
      throw new Error(reason);
    },
  });
}
