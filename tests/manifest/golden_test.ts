import assert from "node:assert/strict";
import { parseDocument } from "@kube-vip/yaml";
import { generate, goldenPath } from "./generated.ts";
import { parseManifest } from "./parsed.ts";
import { VARIANTS } from "./variants.ts";

const LABELS = "  labels:\n    app.kubernetes.io/name: kube-vip\n";

Deno.test("every variant prints its golden file", async () => {
  for (const variant of VARIANTS) {
    const { code, out } = await generate(variant);
    assert.equal(code, 0, variant.name);
    const golden = await Deno.readTextFile(goldenPath(variant.name));
    assert.equal(out, golden, variant.name);
    assert.deepEqual(parseManifest(out), parseManifest(golden), variant.name);
  }
});

Deno.test("there is a variant for every golden file but upstream's two examples", async () => {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(goldenPath("x").replace(/\/[^/]*$/, ""))) files.push(name);
  const named = ["upstream-pod", "upstream-daemonset", ...VARIANTS.map((one) => one.name)].map((name) =>
    `${name}.yaml`
  );
  assert.deepEqual(files.sort(), named.sort());
});

Deno.test("golden files are the same objects by the rules of YAML 1.2", async () => {
  for (const { name } of VARIANTS) {
    const text = await Deno.readTextFile(goldenPath(name));
    const parts = text.split(/^---\n/m).filter((part) => part !== "");
    assert.deepEqual(parts.map((part) => parseDocument(part).toJS()), parseManifest(text), name);
  }
});

Deno.test("upstream's examples come out as upstream prints them, but for the label of the Pod", async () => {
  for (const name of ["pod", "daemonset"]) {
    const variant = VARIANTS.find((one) => one.name === name);
    assert.ok(variant !== undefined);
    const { out, err } = await generate(variant);
    const upstream = await Deno.readTextFile(goldenPath(`upstream-${name}`));
    assert.equal(out.replace(LABELS, ""), upstream);
    assert.equal(out.includes(LABELS), name === "pod");
    assert.match(err, /^warning: --services "true": belongs to .* its manager refuses to start\n$/);
  }
});

Deno.test("everything printed has its keys in alphabetical order", async () => {
  for (const { name } of VARIANTS) {
    for (const object of parseManifest(await Deno.readTextFile(goldenPath(name)))) {
      JSON.stringify(object, (_, value: unknown) => {
        if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
        assert.deepEqual(Object.keys(value), Object.keys(value).sort(), name);
        return value;
      });
    }
  }
});
