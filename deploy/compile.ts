/**
 * `deno task compile [--target amd64|arm64|all] [--out dist] [--entry main.ts] [--runtime auto|deno|package]`
 *
 * Makes `kube-vip-linux-amd64` and `-arm64`, each one file that needs glibc and nothing else, and prints their sizes
 * and digests. Exit status: 0 made, 1 failed, 3 no runtime to build with can be had on this machine.
 */

import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { BuildError, type BuildStamp, bundle, runDeno } from "./bundle.ts";
import { type Arch, ElfError, readElf, TARGET_TRIPLES } from "./elf.ts";
import {
  cacheDir,
  checkGivenRuntime,
  fetchRuntime,
  findCachedRuntime,
  RuntimeRefusedError,
  RuntimeUnavailableError,
  sha256,
} from "./runtime.ts";
import { readStamp } from "./stamp.ts";
import { ZipError } from "./zip.ts";

/** Exit status that tells "cannot be built here" from "is broken". */
export const EXIT_NO_RUNTIME = 3;

/**
 * What the program may do, frozen when it is compiled. FFI could go around all others; they are kept narrow all the
 * same: no starting of programs, no importing of code. Deno keeps files under /proc and /sys from everything short of
 * `--allow-all`; the few that are needed are read and written through libc.
 */
const PERMISSIONS = ["--allow-ffi", "--allow-net", "--allow-read", "--allow-write", "--allow-env", "--allow-sys"];

/** Entries of threads, which the program starts by name. */
export const WORKERS = ["mod/balance/tls/aside_worker.ts", "mod/balance/user/worker.ts"];

const FLAGS = ["--no-check", "--no-prompt", "--no-config", "--no-lock", "--no-remote", "--no-npm"];

/**
 * How V8 runs the program.
 * - `--optimize-for-size` halves resident memory under load at a few percent of throughput. The engine `user` (deno task bench proxy
 *   --programs, processor time): bulk and kept connections cost the same with and without, new ones 7 % more (100 µs instead of 93);
 *   130 MiB resident instead of 149.
 * - The optimizing compilers touch 7 MB of program text and leave garbage behind: without them an idle agent had 67 MB instead of 73
 *   in memory after 20 s. They wait for thirty times (Maglev) and ten times (Turbofan) as many calls. CPU for a proxied HTTP request,
 *   medians of four runs on a busy machine that differed by a fifth: 48 µs instead of 45 in the first three seconds of load, 41 instead
 *   of 40 from then on. It is a delay: an agent that beats for long enough compiles what is hot all the same.
 * - `--expose-gc` lets `releaseGarbage()` of mod/linux/memory.ts collect once, at start.
 */
const V8_FLAGS = [
  "--optimize-for-size",
  "--invocation-count-for-maglev=12000",
  "--invocation-count-for-maglev-osr=3000",
  "--invocation-count-for-turbofan=30000",
  "--invocation-count-for-osr=5000",
  "--expose-gc",
];

/** Where the runtime may come from: any way that works, Deno's own download only, the pinned package only. */
export type RuntimeSource = "auto" | "deno" | "package";

/** What the command line asks for. */
export interface CompileOptions {
  readonly targets: readonly Arch[];
  /** Folder the programs are put in. */
  readonly out: string;
  /** Source file the program starts with. */
  readonly entry: string;
  readonly runtime: RuntimeSource;
}

/** Thrown for a command line that cannot be understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Reads the command line.
 *
 * @throws {UsageError} naming the option, the value and what is accepted
 */
export function parseOptions(args: readonly string[]): CompileOptions {
  const { values } = parseCommandLine(args);
  const { target, runtime } = values;
  if (target !== "amd64" && target !== "arm64" && target !== "all") {
    throw new UsageError(`Cannot use --target "${target}": amd64, arm64 or all is accepted`);
  }
  if (runtime !== "auto" && runtime !== "deno" && runtime !== "package") {
    throw new UsageError(`Cannot use --runtime "${runtime}": auto, deno or package is accepted`);
  }
  return {
    targets: target === "all" ? ["amd64", "arm64"] : [target],
    out: values.out,
    entry: values.entry,
    runtime,
  };
}

function parseCommandLine(
  args: readonly string[],
): { values: { target: string; out: string; entry: string; runtime: string } } {
  try {
    return parseArgs({
      args: [...args],
      options: {
        target: { type: "string", default: "all" },
        out: { type: "string", default: "dist" },
        entry: { type: "string", default: "main.ts" },
        runtime: { type: "string", default: "auto" },
      },
    });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Name of the program for one processor. */
export function programName(arch: Arch): string {
  return `kube-vip-linux-${arch}`;
}

/**
 * Builds every target that `options` asks for from the checkout in `root`.
 *
 * @param print gets one line per program made
 */
export async function compile(root: string, options: CompileOptions, print: (line: string) => void): Promise<void> {
  const out = isAbsolute(options.out) ? options.out : resolve(root, options.out);
  await Deno.mkdir(out, { recursive: true });
  const work = await Deno.makeTempDir({ prefix: "kube-vip-compile-" });
  try {
    const stamp = await readStamp(root);
    const files = await bundle(root, options.entry, { outDir: work, stamp, workers: WORKERS });
    for (const arch of options.targets) {
      const path = join(out, programName(arch));
      await compileOne(arch, { work, files, path, source: options.runtime });
      print(await describe(path, stamp));
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

interface Job {
  readonly work: string;
  readonly files: readonly string[];
  readonly path: string;
  readonly source: RuntimeSource;
}

/** Tries each way to a runtime in turn: given by hand, kept from before, Deno's download, the pinned package. */
async function compileOne(arch: Arch, job: Job): Promise<void> {
  const given = Deno.env.get("DENORT_BIN");
  const dir = cacheDir((name) => Deno.env.get(name));
  const tried: string[] = [];
  const known = given ? await checkGivenRuntime(given, arch) : null;
  if (known !== null) return await append(arch, job, known);
  if (job.source !== "deno") {
    const cached = await findCachedRuntime(dir, arch);
    if (cached !== null) return await append(arch, job, cached);
  }
  if (job.source !== "package") {
    const failure = await tryOwnDownload(arch, job);
    if (failure === null) return;
    tried.push(failure);
  }
  if (job.source !== "deno") {
    try {
      return await append(arch, job, await fetchRuntime(dir, arch));
    } catch (error) {
      if (!(error instanceof RuntimeUnavailableError)) throw error;
      tried.push(error.message);
    }
  }
  throw new RuntimeUnavailableError(
    `Cannot find a runtime for ${arch} and Deno ${Deno.version.deno}: ${tried.join("; ")}. ` +
      "Set DENORT_BIN to a denort of this very version, or run on a machine that can fetch one",
  );
}

/** Lets `deno compile` fetch its runtime; null if that worked, else why not. Any other failure is thrown. */
async function tryOwnDownload(arch: Arch, job: Job): Promise<string | null> {
  try {
    await append(arch, job, null);
    return null;
  } catch (error) {
    // Deno names this step in its error chain, and nothing else fails in it.
    if (error instanceof BuildError && error.message.includes("Setting up base binary")) {
      return "deno compile cannot download its own";
    }
    throw error;
  }
}

async function append(arch: Arch, job: Job, runtime: string | null): Promise<void> {
  const [main, ...chunks] = job.files;
  if (main === undefined) throw new BuildError("Cannot compile: the bundle is empty");
  const fresh = join(job.work, programName(arch));
  const includes = chunks.flatMap((name) => ["--include", name]);
  const target = ["--target", TARGET_TRIPLES[arch]];
  const flags = [...FLAGS, `--v8-flags=${V8_FLAGS.join(",")}`];
  await runDeno(["compile", "--quiet", ...target, ...flags, ...PERMISSIONS, ...includes, "-o", fresh, main], {
    cwd: job.work,
    env: runtime === null ? {} : { DENORT_BIN: runtime },
  });
  if (readElf(await Deno.readFile(fresh)).arch !== arch) throw new BuildError(`Cannot use result: not for ${arch}`);
  await Deno.copyFile(fresh, `${job.path}.new`);
  await Deno.rename(`${job.path}.new`, job.path);
  await Deno.remove(fresh);
}

async function describe(path: string, stamp: BuildStamp): Promise<string> {
  const bytes = await Deno.readFile(path);
  const size = (bytes.length / 1e6).toFixed(1);
  return `${sha256(bytes)}  ${path}  ${size} MB  version ${stamp.version} commit ${stamp.commit}`;
}

/** Runs the command; returns its exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const encoder = new TextEncoder();
  try {
    await compile(root, parseOptions(args), (line) => void Deno.stdout.writeSync(encoder.encode(`${line}\n`)));
    return 0;
  } catch (error) {
    const expected = [UsageError, BuildError, RuntimeUnavailableError, RuntimeRefusedError, ElfError, ZipError];
    if (!(error instanceof Error) || !expected.some((kind) => error instanceof kind)) throw error;
    Deno.stderr.writeSync(encoder.encode(`${error.message}\n`));
    return error instanceof RuntimeUnavailableError ? EXIT_NO_RUNTIME : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
