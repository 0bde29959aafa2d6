import assert from "node:assert/strict";
import { parseOptions, programName, UsageError } from "../../deploy/compile.ts";

const DEFAULTS = { targets: ["amd64", "arm64"], out: "dist", entry: "main.ts", runtime: "auto" };

const ACCEPTED: readonly (readonly [readonly string[], Partial<Record<keyof typeof DEFAULTS, unknown>>])[] = [
  [[], {}],
  [["--target", "all"], {}],
  [["--target", "amd64"], { targets: ["amd64"] }],
  [["--target=arm64", "--out=build"], { targets: ["arm64"], out: "build" }],
  [["--entry", "tests/x.ts", "--runtime", "package"], { entry: "tests/x.ts", runtime: "package" }],
];

for (const [args, expected] of ACCEPTED) {
  Deno.test(`parseOptions() reads "${args.join(" ")}"`, () => {
    assert.deepEqual(parseOptions(args), { ...DEFAULTS, ...expected });
  });
}

const REFUSED: readonly (readonly [readonly string[], RegExp])[] = [
  [["--target", "riscv64"], /--target "riscv64": amd64, arm64 or all is accepted/],
  [["--runtime", "mine"], /--runtime "mine": auto, deno or package is accepted/],
  [["--fast"], /--fast/],
  [["amd64"], /amd64/],
  [["--out"], /--out/],
];

for (const [args, message] of REFUSED) {
  Deno.test(`parseOptions() refuses "${args.join(" ")}"`, () => {
    assert.throws(() => parseOptions(args), (error) => error instanceof UsageError && message.test(error.message));
  });
}

Deno.test("programName() names the processor as Debian does", () => {
  assert.deepEqual([programName("amd64"), programName("arm64")], ["kube-vip-linux-amd64", "kube-vip-linux-arm64"]);
});
