import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { programName } from "../../deploy/compile.ts";
import type { Arch } from "../../deploy/elf.ts";
import { readStamp } from "../../deploy/stamp.ts";
import { hostArch, PROGRAM_VARIABLE } from "../runner/program.ts";
import { findEmulation } from "./emulation.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = Deno.env.get(PROGRAM_VARIABLE) ?? "";
const EMULATION = findEmulation();

/** Why a test is skipped, behind its name. */
function unless(condition: boolean, reason: string): { readonly ignore: boolean; readonly note: string } {
  return { ignore: !condition, note: condition ? "" : ` (skipped: ${reason})` };
}

const built = unless(PROGRAM !== "", "the program cannot be compiled on this machine");
const emulated = built.ignore
  ? built
  : unless(EMULATION.outcome === "ready", EMULATION.outcome === "missing" ? EMULATION.reason : "");

async function run(program: string, args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Compiles `entry` for `arch` into a folder of its own, hands over the program's path, and tidies up. */
async function withCompiled(entry: string, arch: Arch, use: (path: string) => Promise<void>): Promise<void> {
  const out = await Deno.makeTempDir({ prefix: "kube-vip-binary-" });
  try {
    const args = ["run", "-A", join(ROOT, "deploy/compile.ts"), "--target", arch, "--out", out, "--entry", entry];
    const { code, err } = await run(Deno.execPath(), args);
    assert.equal(code, 0, err);
    await use(join(out, programName(arch)));
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

async function assertProbe(out: string): Promise<void> {
  const report = JSON.parse(out);
  assert.equal(report.standalone, true);
  assert.deepEqual(report.stamp, await readStamp(ROOT));
  assert.equal(report.sameFromLibc, true);
  assert.equal(report.chunk, "loaded on demand");
  assert.equal(report.startsPrograms, false);
}

Deno.test({
  name: `a compiled program calls libc, loads its chunks, knows its commit and starts no programs${built.note}`,
  ignore: built.ignore,
  fn: () =>
    withCompiled("tests/binary/probe.ts", hostArch(), async (path) => {
      const { code, out, err } = await run(path, []);
      assert.equal(code, 0, err);
      await assertProbe(out);
    }),
});

Deno.test({
  name: `a compiled program balances with a thread of its own${built.note}`,
  ignore: built.ignore,
  fn: () =>
    withCompiled("tests/binary/user_engine.ts", hostArch(), async (path) => {
      const { code, out, err } = await run(path, []);
      assert.equal(code, 0, err);
      assert.equal(out, "through a thread", err);
    }),
});

Deno.test({
  name: `equal sources make equal programs${built.note}`,
  ignore: built.ignore,
  fn: () =>
    withCompiled(
      "tests/binary/probe.ts",
      hostArch(),
      (first) =>
        withCompiled("tests/binary/probe.ts", hostArch(), async (second) => {
          const [a, b] = [await Deno.readFile(first), await Deno.readFile(second)];
          assert.ok(a.length > 50_000_000);
          assert.equal(a.length, b.length);
          assert.ok(a.every((byte, at) => byte === b[at]));
        }),
    ),
});

Deno.test({
  name: `the program for arm64 does the same under emulation${emulated.note}`,
  ignore: emulated.ignore,
  fn: () =>
    withCompiled("tests/binary/probe.ts", "arm64", async (path) => {
      assert.ok(EMULATION.outcome === "ready");
      const { code, out, err } = await run(EMULATION.emulator, [path]);
      assert.equal(code, 0, err);
      await assertProbe(out);
    }),
});

Deno.test({
  name: `the product itself runs on arm64 under emulation${emulated.note}`,
  ignore: emulated.ignore,
  fn: () =>
    withCompiled("main.ts", "arm64", async (path) => {
      assert.ok(EMULATION.outcome === "ready");
      const { code, out, err } = await run(EMULATION.emulator, [path, "--version"]);
      assert.equal(code, 0, err);
      assert.ok(out.includes((await readStamp(ROOT)).version), out);
    }),
});

Deno.test({
  name: `the product says its version and commit${built.note}`,
  ignore: built.ignore,
  async fn(): Promise<void> {
    const stamp = await readStamp(ROOT);
    for (const args of [["--version"], ["version"]]) {
      const { code, out, err } = await run(PROGRAM, args);
      assert.equal(code, 0, err);
      assert.ok(out.includes(stamp.version), out);
    }
    const { out } = await run(PROGRAM, ["version"]);
    assert.match(out, /\b([0-9a-f]{12}|unknown)\b/);
  },
});

Deno.test({
  name: `the product explains itself and prints a sample configuration${built.note}`,
  ignore: built.ignore,
  async fn(): Promise<void> {
    const help = await run(PROGRAM, ["--help"]);
    assert.equal(help.code, 0, help.err);
    for (const command of ["start", "status", "sample", "version"]) assert.ok(help.out.includes(command), help.out);
    const sample = await run(PROGRAM, ["sample", "config"]);
    assert.equal(sample.code, 0, sample.err);
    for (const key of ["localPeer:", "remotePeers:", "vip", "peerSecret:", "loadBalancers:"]) {
      assert.ok(sample.out.includes(key), sample.out);
    }
  },
});

Deno.test({
  name: `the product refuses a configuration that cannot work with status 1 and the name of the key${built.note}`,
  ignore: built.ignore,
  async fn(): Promise<void> {
    const path = await Deno.makeTempFile({ suffix: ".yaml" });
    try {
      await Deno.writeTextFile(path, "vip: 300.1.1.1\n");
      const { code, out, err } = await run(PROGRAM, ["start", "-c", path]);
      assert.equal(code, 1);
      assert.match(out + err, /vip.*300\.1\.1\.1/);
    } finally {
      await Deno.remove(path);
    }
  },
});
