import { privileged } from "../fakes/privileges.ts";
import { findPrograms, type ProgramPaths, type Programs } from "./build.ts";

const found: Programs = await findPrograms((name) => Deno.env.get(name));

/**
 * A test on real API servers. Where they have not been built, or there is no privilege for namespaces, it is skipped and its name says why;
 * in continuous integration (CI=true) it fails instead.
 */
export function withApiServers(
  name: string,
  fn: (paths: ProgramPaths, t: Deno.TestContext) => void | Promise<void>,
): void {
  if (found.outcome === "ready") return privileged(name, (t) => fn(found.paths, t));
  const reason = found.outcome === "broken" ? found.output : found.reason;
  Deno.test({
    name: `${name} [skipped: ${reason}]`,
    ignore: Deno.env.get("CI") !== "true",
    fn: () => {
      throw new Error(reason);
    },
  });
}
