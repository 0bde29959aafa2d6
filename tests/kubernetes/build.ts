/**
 * Builds kube-apiserver, kubectl and etcd from their published Go modules, once per machine, into a cache outside the checkout:
 *
 *     deno run -A tests/kubernetes/build.ts
 *
 * prints `name path` for each program, progress on standard error. Exit status 1 when they cannot be had here. `KUBE_APISERVER`,
 * `KUBECTL` and `ETCD` name programs to use in place of built ones, `GO` the Go to build with.
 */

import { join } from "node:path";
import { cacheDir } from "../../deploy/runtime.ts";
import { hostArch } from "../runner/program.ts";

/** The Kubernetes release that is built; its staging modules are numbered v0 of the same. */
export const KUBERNETES_VERSION = "1.34.4";
export const ETCD_VERSION = "3.6.8";

/** The oldest Go that builds them. */
const GO_MINIMUM = [1, 24] as const;
/** Where it may be: on the path, or where its own instructions put it. */
const GO_PLACES = ["go", "/usr/local/go/bin/go"] as const;

/** Where each program is. */
export interface ProgramPaths {
  readonly apiServer: string;
  readonly kubectl: string;
  readonly etcd: string;
}

/** The programs, or why there are none. */
export type Programs =
  | { readonly outcome: "ready"; readonly paths: ProgramPaths }
  | { readonly outcome: "unavailable"; readonly reason: string }
  | { readonly outcome: "broken"; readonly output: string };

/** Gives an environment variable, undefined when it is not set. */
export type Environment = (name: string) => string | undefined;

/** One program: what it is built from and what stands in for it. */
interface Recipe {
  readonly name: string;
  readonly version: string;
  /** Names a program to use instead. */
  readonly variable: string;
  readonly package: string;
  readonly module: () => string;
  readonly ldflags: string;
}

/** The modules that live in the Kubernetes repository and are published from it. */
const STAGING =
  "api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap code-generator component-base \
component-helpers controller-manager cri-api cri-client csi-translation-lib dynamic-resource-allocation endpointslice externaljwt kms \
kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission \
sample-apiserver sample-cli-plugin sample-controller";

const GO_LINE = `go ${GO_MINIMUM.join(".")}.0`;
const [, MINOR = "", PATCH = ""] = KUBERNETES_VERSION.split(".");

/** The `go.mod` that requires Kubernetes and replaces its staging modules by what was published of them. */
export function kubernetesModule(): string {
  const staging = `v0.${MINOR}.${PATCH}`;
  const replaced = STAGING.split(" ").map((name) => `\tk8s.io/${name} => k8s.io/${name} ${staging}`);
  return `module lab.test/kubernetes\n\n${GO_LINE}\n\nrequire k8s.io/kubernetes v${KUBERNETES_VERSION}\n\nreplace (\n${
    replaced.join("\n")
  }\n)\n`;
}

function etcdModule(): string {
  return `module lab.test/etcd\n\n${GO_LINE}\n\nrequire go.etcd.io/etcd/server/v3 v${ETCD_VERSION}\n`;
}

/** Without its version the server's `/version` and its feature gates misbehave. */
const KUBERNETES_LDFLAGS = `-s -w ${
  Object.entries({ gitVersion: `v${KUBERNETES_VERSION}`, gitMajor: "1", gitMinor: MINOR })
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`).join(" ")
}`;

const RECIPES: Readonly<Record<keyof ProgramPaths, Recipe>> = {
  apiServer: {
    name: "kube-apiserver",
    version: KUBERNETES_VERSION,
    variable: "KUBE_APISERVER",
    package: "k8s.io/kubernetes/cmd/kube-apiserver",
    module: kubernetesModule,
    ldflags: KUBERNETES_LDFLAGS,
  },
  kubectl: {
    name: "kubectl",
    version: KUBERNETES_VERSION,
    variable: "KUBECTL",
    package: "k8s.io/kubernetes/cmd/kubectl",
    module: kubernetesModule,
    ldflags: KUBERNETES_LDFLAGS,
  },
  etcd: {
    name: "etcd",
    version: ETCD_VERSION,
    variable: "ETCD",
    package: "go.etcd.io/etcd/server/v3",
    module: etcdModule,
    ldflags: "-s -w",
  },
};

const KEYS = ["apiServer", "kubectl", "etcd"] as const;

/** The programs if they have been named or built already; builds nothing. */
export async function findPrograms(env: Environment): Promise<Programs> {
  return await gather(env, (recipe) => Promise.resolve({ outcome: "missing", recipe }));
}

/** The programs, built where need be; each line of progress goes to `say`. */
export async function ensurePrograms(env: Environment, say: (line: string) => void): Promise<Programs> {
  let go: Go | null = null;
  return await gather(env, async (recipe, path) => {
    go ??= await findGo(env("GO") ? [env("GO") ?? ""] : GO_PLACES);
    if (go.outcome === "unfit") return { outcome: "missing", recipe, why: go.why };
    say(`building ${recipe.name} ${recipe.version}, which takes minutes the first time`);
    return await build(recipe, path, { go: go.program, env });
  });
}

/** What came of one program that is not in the cache. */
type Made =
  | { readonly outcome: "built" }
  | { readonly outcome: "missing"; readonly recipe: Recipe; readonly why?: string }
  | { readonly outcome: "failed"; readonly output: string };

async function gather(env: Environment, make: (recipe: Recipe, path: string) => Promise<Made>): Promise<Programs> {
  const paths: Record<keyof ProgramPaths, string> = { apiServer: "", kubectl: "", etcd: "" };
  for (const key of KEYS) {
    const recipe = RECIPES[key];
    const given = env(recipe.variable);
    if (given !== undefined && given !== "" && !await isFile(given)) {
      return { outcome: "broken", output: `${recipe.variable} "${given}": there is no such file` };
    }
    paths[key] = given || cachedPath(env, recipe);
    if (await isFile(paths[key])) continue;
    const made = await make(recipe, paths[key]);
    if (made.outcome === "failed") return { outcome: "broken", output: made.output };
    if (made.outcome === "missing") return { outcome: "unavailable", reason: missing(made) };
  }
  return { outcome: "ready", paths };
}

function missing({ recipe, why }: Extract<Made, { outcome: "missing" }>): string {
  const hint = why ?? "deno run -A tests/kubernetes/build.ts builds it";
  return `needs ${recipe.name} ${recipe.version} (${recipe.variable} is not set; ${hint})`;
}

function cachedPath(env: Environment, recipe: Recipe): string {
  return join(cacheDir(env), `${recipe.name}-${recipe.version}-${hostArch()}`);
}

type Go = { readonly outcome: "fit"; readonly program: string } | { readonly outcome: "unfit"; readonly why: string };

/** The first of some programs that is a Go which builds them. */
async function findGo(places: readonly string[]): Promise<Go> {
  const wanted = `Go ${GO_MINIMUM.join(".")} or newer`;
  let why = `there is no Go; ${wanted} builds it`;
  for (const program of places) {
    try {
      const { stdout } = await new Deno.Command(program, { args: ["version"], stdout: "piped", stderr: "null" })
        .output();
      const text = new TextDecoder().decode(stdout).trim();
      if (isNewEnough(text)) return { outcome: "fit", program };
      why = `there is "${text}" and ${wanted} builds it`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return { outcome: "unfit", why };
}

/** Whether `text`, what `go version` printed, is of a Go that builds them. */
export function isNewEnough(text: string): boolean {
  const found = /go(\d+)\.(\d+)/.exec(text);
  if (found === null) return false;
  const [major, minor] = [Number(found[1]), Number(found[2])];
  return major > GO_MINIMUM[0] || major === GO_MINIMUM[0] && minor >= GO_MINIMUM[1];
}

/** Builds into a folder of its own and renames: nobody ever sees half a program, and two may build at once. */
async function build(recipe: Recipe, path: string, tools: { go: string; env: Environment }): Promise<Made> {
  const cache = cacheDir(tools.env);
  await Deno.mkdir(cache, { recursive: true });
  const work = await Deno.makeTempDir({ dir: cache, prefix: "go-" });
  try {
    await Deno.writeTextFile(join(work, "go.mod"), recipe.module());
    const { success, stderr } = await new Deno.Command(tools.go, {
      args: ["build", "-trimpath", "-ldflags", recipe.ldflags, "-o", join(work, "program"), recipe.package],
      cwd: work,
      env: { CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: `${tools.env("GOFLAGS") ?? ""} -mod=mod`.trim() },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (!success) return { outcome: "failed", output: `${recipe.name}:\n${new TextDecoder().decode(stderr)}` };
    await Deno.rename(join(work, "program"), path);
    return { outcome: "built" };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function main(): Promise<number> {
  const write = (to: typeof Deno.stdout, line: string): void => {
    to.writeSync(new TextEncoder().encode(`${line}\n`));
  };
  const programs = await ensurePrograms((name) => Deno.env.get(name), (line) => write(Deno.stderr, line));
  switch (programs.outcome) {
    case "ready":
      for (const key of KEYS) write(Deno.stdout, `${RECIPES[key].name} ${programs.paths[key]}`);
      return 0;
    case "unavailable":
      write(Deno.stderr, programs.reason);
      return 1;
    case "broken":
      write(Deno.stderr, programs.output);
      return 1;
  }
}

if (import.meta.main) Deno.exit(await main());
