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
 * A test on the real kernel, that may also need a program of the host. Without the privilege or the program it is skipped and its name
 * says why; in continuous integration (CI=true) it fails instead, so that nobody takes silence for success.
 */
export function privileged(
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
  needs: { program?: string } = {},
): void {
  const reason = missingPrivilege ?? missingProgram(needs.program);
  if (reason === null) return Deno.test(name, fn);
  Deno.test({
    name: `${name} [skipped: ${reason}]`,
    ignore: Deno.env.get("CI") !== "true",
    fn: () => {
      throw new Error(reason);
    },
  });
}

function missingProgram(program: string | undefined): string | null {
  if (program === undefined) return null;
  try {
    new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `needs the program ${program}`;
    throw error;
  }
}
