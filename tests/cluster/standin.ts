/**
 * Builds `standin/main.go`, a candidate of the published client-go's LeaderElector that holds the addresses while it leads. Its election is
 * the very code that kube-vip elects with; the rest of it stands in for kube-vip, whose own module is not to be had everywhere.
 */

import { join } from "node:path";
import { cacheDir } from "../../deploy/runtime.ts";
import { type Environment, KUBERNETES_VERSION } from "../kubernetes/build.ts";
import { hostArch } from "../runner/program.ts";

/** The program, or why there is none. */
export type StandIn =
  | { readonly outcome: "ready"; readonly path: string }
  | { readonly outcome: "unavailable"; readonly reason: string };

const SOURCE = new URL("standin/main.go", import.meta.url).pathname;
const GO_PLACES = ["go", "/usr/local/go/bin/go"] as const;
const [, MINOR = "", PATCH = ""] = KUBERNETES_VERSION.split(".");
const GO_MOD = `module lab.test/standin\n\ngo 1.24.0\n\nrequire k8s.io/client-go v0.${MINOR}.${PATCH}\n`;

/** Builds it unless the cache has it; one that was built from another source is never taken. */
export async function ensureStandIn(env: Environment): Promise<StandIn> {
  const source = await Deno.readFile(SOURCE);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", source)).toHex().slice(0, 12);
  const path = join(cacheDir(env), `standin-${KUBERNETES_VERSION}-${digest}-${hostArch()}`);
  if (await exists(path)) return { outcome: "ready", path };
  for (const go of GO_PLACES) {
    try {
      return await build(go, path, { env, source });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return { outcome: "unavailable", reason: "there is no Go to build it" };
}

async function build(go: string, path: string, from: { env: Environment; source: Uint8Array }): Promise<StandIn> {
  await Deno.mkdir(cacheDir(from.env), { recursive: true });
  const work = await Deno.makeTempDir({ dir: cacheDir(from.env), prefix: "go-" });
  try {
    await Deno.writeTextFile(join(work, "go.mod"), GO_MOD);
    await Deno.writeFile(join(work, "main.go"), from.source);
    const { success, stderr } = await new Deno.Command(go, {
      args: ["build", "-trimpath", "-ldflags", "-s -w", "-o", join(work, "program"), "."],
      cwd: work,
      env: { CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: `${from.env("GOFLAGS") ?? ""} -mod=mod`.trim() },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) return { outcome: "unavailable", reason: new TextDecoder().decode(stderr) };
    await Deno.rename(join(work, "program"), path);
    return { outcome: "ready", path };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
