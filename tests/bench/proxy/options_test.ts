import assert from "node:assert/strict";
import { ENGINES, parseBenchOptions, PARTS } from "./options.ts";

Deno.test("without arguments everything is measured, with every engine", () => {
  const options = parseBenchOptions([]);
  assert.deepEqual(options.parts, PARTS);
  assert.deepEqual(options.engines, ENGINES);
  assert.deepEqual(options.programs, [{ launch: { kind: "default" }, label: "", text: "default" }]);
  assert.deepEqual([options.rounds, options.seconds, options.requests, options.connections], [5, 3, 1_000_000, 10_000]);
});

Deno.test("parts and engines are chosen, in their own order", () => {
  const options = parseBenchOptions([
    "--only",
    "million,speed",
    "--engines",
    "listen,user",
    "--runs",
    "2",
    "--seconds",
    "1",
  ]);
  assert.deepEqual(options.parts, ["speed", "million"]);
  assert.deepEqual(options.engines, ["user", "listen"]);
  assert.deepEqual([options.rounds, options.seconds], [2, 1]);
});

Deno.test("programs are the default, a path, or flags of V8", () => {
  const { programs } = parseBenchOptions(["--programs", "default|/opt/kube-vip|v8:|v8:--optimize-for-size,--max-lazy"]);
  assert.deepEqual(programs.map(({ launch }) => launch), [
    { kind: "default" },
    { kind: "path", path: "/opt/kube-vip" },
    { kind: "v8", flags: [] },
    { kind: "v8", flags: ["--optimize-for-size", "--max-lazy"] },
  ]);
  assert.deepEqual(programs.map(({ label }) => label), ["", "#2", "#3", "#4"]);
});

const REFUSED: { args: string[]; message: RegExp }[] = [
  { args: ["--only", "speed,heat"], message: /--only "heat": any of speed, latency/ },
  { args: ["--engines", "ipvs"], message: /--engines "ipvs": any of kernel, user, listen/ },
  { args: ["--runs", "0"], message: /--runs "0": a whole number from 1/ },
  { args: ["--seconds", "1.5"], message: /--seconds "1.5"/ },
  { args: ["--requests", "many"], message: /--requests "many"/ },
];

for (const { args, message } of REFUSED) {
  Deno.test(`what cannot be used is refused by name: ${args.join(" ")}`, () => {
    assert.throws(() => parseBenchOptions(args), message);
  });
}
