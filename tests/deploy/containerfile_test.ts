import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseOptions, programName } from "../../deploy/compile.ts";
import { readExample } from "../manifest/generated.ts";
import { at, parseManifest } from "../manifest/parsed.ts";

const TEXT = await Deno.readTextFile(fileURLToPath(new URL("../../deploy/Containerfile", import.meta.url)));

/** What follows an instruction, of each line that has it. */
function instructions(name: string): string[] {
  return TEXT.split("\n").flatMap((line) => line.startsWith(`${name} `) ? [line.slice(name.length + 1)] : []);
}

Deno.test("the image has the program that was compiled for its processor, and starts it", () => {
  const [copy] = instructions("COPY");
  const { targets } = parseOptions([]);
  assert.equal(targets.length, 2);
  for (const arch of targets) {
    assert.equal(copy?.replace("${TARGETARCH}", arch), `--chmod=0755 ${programName(arch)} /kube-vip`);
  }
  assert.deepEqual(instructions("ENTRYPOINT"), ['["/kube-vip"]']);
  assert.deepEqual(instructions("FROM"), ["${BASE}"]);
  // What is given before FROM is not known behind it.
  assert.ok(TEXT.indexOf("ARG TARGETARCH") > TEXT.indexOf("FROM "));
});

Deno.test("the image is built from the folder that compile fills, under the name that the examples have", async () => {
  const [, name, context] = TEXT.match(/podman build -f deploy\/Containerfile -t (\S+) (\S+)/) ?? [];
  assert.equal(context, parseOptions([]).out);
  const [pod] = parseManifest((await readExample("static-pod")).text);
  assert.equal(name, at(pod, "spec", "containers", 0, "image"));
});
