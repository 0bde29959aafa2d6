import assert from "node:assert/strict";
import { join } from "node:path";
import {
  cacheDir,
  checkGivenRuntime,
  findCachedRuntime,
  PINNED_DENO,
  runtimeFromWheel,
  RuntimeRefusedError,
  sha256,
} from "../../deploy/runtime.ts";

Deno.test("sha256() gives the digest FIPS 180-4 lists for abc", () => {
  assert.equal(
    sha256(new TextEncoder().encode("abc")),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

const DIRS: readonly (readonly [string, Record<string, string>, string])[] = [
  ["XDG_CACHE_HOME", { XDG_CACHE_HOME: "/x", HOME: "/h" }, "/x/kube-vip-build"],
  ["the home folder", { HOME: "/h" }, "/h/.cache/kube-vip-build"],
  ["a shared folder where neither is set", {}, "/var/tmp/.cache/kube-vip-build"],
  ["the home folder if XDG_CACHE_HOME is empty", { XDG_CACHE_HOME: "", HOME: "/h" }, "/h/.cache/kube-vip-build"],
];

for (const [what, env, expected] of DIRS) {
  Deno.test(`cacheDir() follows ${what}`, () => assert.equal(cacheDir((name) => env[name]), expected));
}

Deno.test("runtimeFromWheel() refuses a package with another digest before it looks inside", async () => {
  await assert.rejects(
    runtimeFromWheel(new Uint8Array(100), "amd64"),
    (error) => error instanceof RuntimeRefusedError && error.message.includes(sha256(new Uint8Array(100))),
  );
});

Deno.test("findCachedRuntime() takes an absent or damaged file for none", async () => {
  const dir = await Deno.makeTempDir();
  try {
    assert.equal(await findCachedRuntime(dir, "amd64"), null);
    await Deno.writeTextFile(join(dir, `denort-${PINNED_DENO}-amd64`), "half a download");
    assert.equal(await findCachedRuntime(dir, "amd64"), null);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("checkGivenRuntime() passes over a runtime for the other processor and refuses a whole Deno", async () => {
  const deno = Deno.execPath();
  const [own, other] = Deno.build.arch === "x86_64" ? ["amd64", "arm64"] as const : ["arm64", "amd64"] as const;
  assert.equal(await checkGivenRuntime(deno, other), null);
  if (Deno.version.deno !== PINNED_DENO) return;
  await assert.rejects(checkGivenRuntime(deno, own), RuntimeRefusedError);
});
