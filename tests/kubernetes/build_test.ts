import assert from "node:assert/strict";
import { ensurePrograms, findPrograms, isNewEnough, kubernetesModule } from "./build.ts";

async function inFolder(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const VERSIONS: readonly (readonly [string, boolean])[] = [
  ["go version go1.24.0 linux/amd64", true],
  ["go version go1.26.8 linux/amd64", true],
  ["go version go2.0 linux/amd64", true],
  ["go version go1.24rc1 linux/amd64", true],
  ["go version go1.23.9 linux/amd64", false],
  ["go version go1.9 linux/amd64", false],
  ["", false],
];

for (const [text, expected] of VERSIONS) {
  Deno.test(`"${text}" is ${expected ? "new enough" : "too old"} a Go`, () =>
    assert.equal(isNewEnough(text), expected));
}

Deno.test("the module takes every staging module in the version that goes with Kubernetes", () => {
  const text = kubernetesModule();
  assert.match(text, /require k8s\.io\/kubernetes v1\.34\.4\n/);
  assert.match(text, /\tk8s\.io\/client-go => k8s\.io\/client-go v0\.34\.4\n/);
  assert.match(text, /\tk8s\.io\/sample-controller => k8s\.io\/sample-controller v0\.34\.4\n\)\n$/);
});

Deno.test("programs that are named are used as they are, and one that is not there is broken", async () => {
  await inFolder(async (directory) => {
    const path = `${directory}/program`;
    const env = (name: string): string | undefined => name === "XDG_CACHE_HOME" ? directory : path;
    const absent = await findPrograms(env);
    assert.equal(absent.outcome, "broken");
    assert.match(JSON.stringify(absent), /KUBE_APISERVER .*program.*there is no such file/);
    await Deno.writeTextFile(path, "");
    assert.deepEqual(await findPrograms(env), {
      outcome: "ready",
      paths: { apiServer: path, kubectl: path, etcd: path },
    });
  });
});

Deno.test("an empty cache has no programs, and without Go none can be made; the reason says what would help", async () => {
  await inFolder(async (directory) => {
    const env = (name: string): string | undefined => ({ XDG_CACHE_HOME: directory, GO: "no-such-go" })[name];
    const found = await findPrograms(env);
    assert.match(JSON.stringify(found), /"unavailable".*kube-apiserver.*KUBE_APISERVER.*build\.ts builds it/);
    const made = await ensurePrograms(env, () => undefined);
    assert.match(JSON.stringify(made), /"unavailable".*there is no Go; Go 1\.24 or newer builds it/);
  });
});

Deno.test("a build that fails is broken, carries its output and leaves nothing behind", async () => {
  await inFolder(async (directory) => {
    const go = `${directory}/go`;
    const script =
      '#!/bin/sh\n[ "$1" = version ] && echo go version go1.24.1 && exit\necho "$GOFLAGS: no network" >&2\nexit 1\n';
    await Deno.writeTextFile(go, script, { mode: 0o755 });
    const env = (name: string): string | undefined =>
      ({ XDG_CACHE_HOME: directory, GO: go, GOFLAGS: "-buildvcs=false" })[name];
    const said: string[] = [];
    const made = await ensurePrograms(env, (line) => said.push(line));
    assert.deepEqual(made, { outcome: "broken", output: "kube-apiserver:\n-buildvcs=false -mod=mod: no network\n" });
    assert.match(said.join(), /building kube-apiserver 1\.34\.4/);
    assert.deepEqual([...Deno.readDirSync(`${directory}/kube-vip-build`)], []);
  });
});
