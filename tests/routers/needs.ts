/** What tests with real routers need of the host. */

import { privileged } from "../fakes/privileges.ts";
import type { RouterKind } from "./types.ts";

/** The programs of each kind of router and the Debian package that has them. */
const PACKAGES: Readonly<Record<RouterKind, { readonly name: string; readonly programs: readonly string[] }>> = {
  frr: { name: "frr", programs: ["/usr/lib/frr/zebra", "/usr/lib/frr/bgpd", "/usr/lib/frr/bfdd"] },
  bird: { name: "bird2", programs: ["/usr/sbin/bird"] },
  gobgp: { name: "gobgpd", programs: ["/usr/bin/gobgpd", "/usr/bin/gobgp"] },
  // /usr/sbin/bgpd may be another package's: the control program is not.
  openbgpd: { name: "openbgpd", programs: ["/usr/sbin/bgpd", "/usr/sbin/bgpctl"] },
  exabgp: { name: "exabgp", programs: ["/usr/sbin/exabgp"] },
};

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The package that is missing for one of the kinds; null if none is. */
export function missingPackage(kinds: readonly RouterKind[]): string | null {
  const missing = kinds.map((kind) => PACKAGES[kind]).find(({ programs }) => !programs.every(isFile));
  return missing === undefined ? null : missing.name;
}

/**
 * A test with real routers. Where they are not installed, or there is no privilege for namespaces, it is skipped and its name says why;
 * in continuous integration (CI=true) it fails instead.
 */
export function withRouters(
  name: string,
  kinds: readonly RouterKind[],
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = missingPackage(kinds);
  if (missing === null) return privileged(name, fn);
  const reason = `needs the package ${missing}`;
  Deno.test({
    name: `${name} [skipped: ${reason}]`,
    ignore: Deno.env.get("CI") !== "true",
    fn: () => {
      throw new Error(reason);
    },
  });
}
