import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Facts, readFacts } from "./architecture/facts.ts";
import { machinePaths, type Rule, RULES, strayTopLevel } from "./architecture/rules.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = ["main.ts", "mod", "deploy", "tests"];
const TEXTS = ["README.md", "deno.json", ".ci", "main.ts", "mod", "deploy", "tests"];

async function list(name: string): Promise<string[]> {
  const path = join(ROOT, name);
  if (!(await Deno.stat(path)).isDirectory) return [name];
  const inside: string[] = [];
  for await (const entry of Deno.readDir(path)) inside.push(...await list(`${name}/${entry.name}`));
  return inside.sort();
}

async function read(names: readonly string[]): Promise<{ path: string; text: string }[]> {
  const paths = (await Promise.all(names.map(list))).flat();
  return await Promise.all(paths.map(async (path) => ({ path, text: await Deno.readTextFile(join(ROOT, path)) })));
}

const files: readonly Facts[] = (await read(SOURCES))
  .filter(({ path }) => path.endsWith(".ts") && !path.startsWith("tests/testdata/"))
  .map(({ path, text }) => readFacts(path, text));

for (const [name, rule] of Object.entries(RULES)) {
  Deno.test(name, () => {
    assert.ok(files.length > 50, `only ${files.length} files were read`);
    assert.deepEqual(rule(files), []);
  });
}

Deno.test("no text names a folder of one machine", async () => {
  assert.deepEqual((await read(TEXTS)).flatMap(({ path, text }) => machinePaths(path, text)), []);
});

Deno.test("nothing in the top folder changes how Deno reads the sources", () => {
  assert.deepEqual(strayTopLevel([...Deno.readDirSync(ROOT)].map(({ name }) => name)), []);
});

/** A small tree that breaks one rule, and how many times it does. */
interface Canary {
  readonly rule: string;
  readonly what: string;
  readonly tree: Readonly<Record<string, string>>;
  readonly violations: number;
}

const long = (lines: number): string => `export function f(): void {\n${"  g();\n".repeat(lines - 2)}}\n`;

const PURE = "pure code has no clock, timer, chance, input or output";
const CANARIES: readonly Canary[] = [
  {
    rule: "rooms do not need each other in a circle",
    what: "two rooms, one of them by a type",
    tree: { "mod/a/x.ts": `import "../b/y.ts";`, "mod/b/y.ts": `import type { X } from "../a/x.ts";` },
    violations: 1,
  },
  {
    rule: "rooms do not need each other in a circle",
    what: "three rooms",
    tree: {
      "mod/a/x.ts": `export * from "../b/x.ts";`,
      "mod/b/x.ts": `await import("../c/x.ts");`,
      "mod/c/x.ts": `export { x } from "../a/x.ts";`,
    },
    violations: 1,
  },
  { rule: PURE, what: "a wall clock", tree: { "mod/net/x.ts": "f(Date.now(), new Date());" }, violations: 3 },
  { rule: PURE, what: "a monotonic clock", tree: { "mod/base/x.ts": "f(performance.now());" }, violations: 2 },
  { rule: PURE, what: "chance", tree: { "mod/vip/claim.ts": "f(Math.random());" }, violations: 1 },
  { rule: PURE, what: "a timer", tree: { "mod/config/x.ts": "setTimeout(f, 1);" }, violations: 1 },
  {
    rule: PURE,
    what: "a timer by way of globalThis",
    tree: { "mod/net/x.ts": "globalThis.setTimeout(f);" },
    violations: 1,
  },
  {
    rule: PURE,
    what: "waiting",
    tree: { "mod/manifest/x.ts": "await f; for await (const x of y) f(x);" },
    violations: 2,
  },
  { rule: PURE, what: "Deno", tree: { "mod/election/raft/core.ts": "Deno.exit(1);" }, violations: 2 },
  { rule: "every file that is listed as pure is there", what: "an empty tree", tree: {}, violations: -1 },
  {
    rule: "arrows between rings point inward",
    what: "pure code that imports a driver",
    tree: { "mod/net/x.ts": `import "../vip/y.ts";`, "mod/vip/y.ts": "export function f(): void {}" },
    violations: 1,
  },
  {
    rule: "arrows between rings point inward",
    what: "a room that imports the command line, and pure code that imports from Node",
    tree: {
      "mod/vip/x.ts": `import "../cli/y.ts";`,
      "mod/cli/y.ts": "export const y = 1;",
      "mod/net/z.ts": `import "node:fs";`,
    },
    violations: 2,
  },
  {
    rule: "arrows between rings point inward",
    what: "a program that imports its tests, and a file that is not there",
    tree: { "mod/vip/x.ts": `import "../../tests/y.ts"; import "./z.ts";`, "tests/y.ts": "" },
    violations: 2,
  },
  {
    rule: "only mod/linux calls the C library",
    what: "another room that does",
    tree: { "mod/vip/x.ts": `Deno.dlopen("libc.so.6", {});`, "mod/linux/y.ts": `Deno.dlopen("libc.so.6", {});` },
    violations: 1,
  },
  {
    rule: "files of the kernel are read through the C library",
    what: "reading a switch of the kernel",
    tree: {
      "mod/vip/x.ts": 'Deno.readTextFile(`/proc/sys/net/${name}`); Deno.openSync("/sys/class/net/lo/mtu");',
      "mod/vip/y.ts": 'Deno.readDirSync("/proc/self/fd"); Deno.readTextFile("/etc/hosts");',
    },
    violations: 2,
  },
  {
    rule: "only mod/runtime knows the real clock",
    what: "timers of a driver's own",
    tree: { "mod/vip/x.ts": "setInterval(f); AbortSignal.timeout(5);", "mod/runtime/y.ts": "setTimeout(f, 1);" },
    violations: 2,
  },
  { rule: "functions are short", what: "71 lines", tree: { "tests/x.ts": long(71) }, violations: 1 },
  {
    rule: "functions are short",
    what: "a long method, a long arrow",
    tree: {
      "mod/a/x.ts": `class X {\n  m(): void {\n${"f();\n".repeat(70)}}\n}\nconst a = () => {\n${"f();\n".repeat(70)}};`,
    },
    violations: 2,
  },
  { rule: "files are short", what: "501 lines", tree: { "tests/x.ts": "f();\n".repeat(501) }, violations: 1 },
  {
    rule: "every source file has a test",
    what: "a function, a class and an arrow without one",
    tree: {
      "mod/vip/x.ts": "export function f(): void {}",
      "mod/vip/y.ts": "export class Y {}",
      "deploy/z.ts": "const f = (): number => 1;",
      "mod/vip/fault.ts": "export class F extends Error { constructor() { super(); } }",
      "mod/vip/worse.ts": "export class F extends Error { f(): void {} }",
      "mod/vip/tested.ts": "export function f(): void {}",
      "tests/vip/tested_test.ts": "",
    },
    violations: 4,
  },
  {
    rule: "packages come from the import map",
    what: "packages by their full names",
    tree: {
      "tests/x.ts": `import "${"npm"}:yaml"; import("${"jsr"}:@std/assert"); import "${"https"}://x.test/y.ts";`,
    },
    violations: 3,
  },
  { rule: "relative imports name files", what: "a bare name", tree: { "tests/x.ts": `import "./y";` }, violations: 1 },
  {
    rule: "no check is switched off and no type is given up",
    what: "each way to do it",
    tree: { "mod/a/x.ts": `// @ts-${"ignore"}\nf(x as any);\n// deno-${"lint"}-ignore no-x\nDeno.test.only("x", f);` },
    violations: 4,
  },
  {
    rule: "nothing is left to do",
    what: "a note to self",
    tree: { "mod/a/x.ts": `// TO${"DO"}: this\n/* FIX${"ME"} */` },
    violations: 2,
  },
];

for (const { rule, what, tree, violations } of CANARIES) {
  Deno.test(`the rule "${rule}" notices ${what}`, () => {
    const check: Rule | undefined = RULES[rule];
    assert.ok(check, `there is no rule "${rule}"`);
    const got = check(Object.entries(tree).map(([path, text]) => readFacts(path, text)));
    if (violations < 0) assert.ok(got.length > 0);
    else assert.equal(got.length, violations, got.join("\n"));
  });
}

Deno.test("every rule has a canary", () => {
  const covered = new Set(CANARIES.map(({ rule }) => rule));
  assert.deepEqual(Object.keys(RULES).filter((name) => !covered.has(name)), []);
});

Deno.test("no rule is set off by comments, strings, keys or members of the same name", () => {
  const text = [
    "/** Never calls Deno.dlopen, Date.now() or setTimeout; await nothing. */",
    `export const note = "Deno.dlopen(setTimeout) npm:x as any .only(";`,
    "export const keys = { Date: 1, setTimeout: 2, performance: 3 };",
    "export const total = keys.Date + keys.setTimeout + keys.performance;",
    "export interface Timers { setTimeout(): void; readonly Date: number }",
  ].join("\n");
  const facts = [readFacts("mod/net/x.ts", text)];
  for (const [name, rule] of Object.entries(RULES)) {
    if (name !== "every file that is listed as pure is there") assert.deepEqual(rule(facts), [], name);
  }
});

Deno.test("folders of one machine are noticed, and their like elsewhere is not", () => {
  const [work, home] = ["work", "home"].map((name) => `/${name}/`);
  assert.equal(machinePaths("x", `a ${work}main\nb\n"${home}someone/x"`).length, 2);
  for (const text of ["tests/work/x", "https://x.test/home/", "$HOME/.cache", "/var/lib/kube-vip", "../root/x"]) {
    assert.deepEqual(machinePaths("x", text), [], text);
  }
});

Deno.test("a package.json in the top folder is noticed", () => {
  assert.equal(strayTopLevel(["main.ts", "package.json"]).length, 1);
});
