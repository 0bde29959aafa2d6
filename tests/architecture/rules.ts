/** The rules of the house. Each takes facts about files and gives what breaks it; none of them reads anything. */

import { dirname, join } from "node:path/posix";
import type { Facts, Found } from "./facts.ts";
import {
  LINUX_FOLDER,
  MAX_FILE_LINES,
  MAX_FUNCTION_LINES,
  OUTERMOST,
  PURE_FILES,
  PURE_FOLDERS,
  RUNTIME_FOLDER,
} from "./layout.ts";

/** One broken rule, as `path:line: message`. */
export type Violation = string;

/** A rule over all source files. */
export type Rule = (files: readonly Facts[]) => Violation[];

/** Names no pure code may use; a name ends at a dot, so that `Deno` covers `Deno.open`. */
const IMPURE = [
  "Deno",
  "Date",
  "performance",
  "Math.random",
  "crypto",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "fetch",
  "process",
] as const;

/** Time that drivers get from their clock instead. */
const REAL_TIME = ["setTimeout", "setInterval", "performance.now", "AbortSignal.timeout"] as const;

function at(file: Facts, line: number, message: string): Violation {
  return `${file.path}:${line}: ${message}`;
}

function inMod(file: Facts): boolean {
  return file.path.startsWith("mod/");
}

function isTest(file: Facts): boolean {
  return file.path.startsWith("tests/");
}

function uses(found: Found, names: readonly string[]): boolean {
  return names.some((name) =>
    found.what === name || found.what.startsWith(`${name}.`) || found.what.startsWith(`${name}(`)
  );
}

/** Whether a file belongs to the innermost ring: by its room, by the list, or because only types are in it. */
function isPure(file: Facts): boolean {
  return PURE_FOLDERS.some((folder) => file.path.startsWith(folder)) || PURE_FILES.includes(file.path);
}

/** The file a relative import leads to, or null for a package. */
function resolve(file: Facts, specifier: string): string | null {
  return specifier.startsWith(".") ? join(dirname(file.path), specifier) : null;
}

/** `mod/net/netlink/x.ts` is in the room `net`. */
function roomOf(path: string): string | null {
  return /^mod\/([^/]+)\//.exec(path)?.[1] ?? null;
}

/** Rooms must not need each other in a circle; importing a type is needing, too. */
export const noCycles: Rule = (files) => {
  const edges = new Map<string, Map<string, Violation>>();
  for (const file of files) {
    for (const { specifier, line } of file.imports) {
      const [from, to] = [roomOf(file.path), roomOf(resolve(file, specifier) ?? "")];
      if (from === null || to === null || from === to) continue;
      const known = edges.get(from) ?? new Map<string, Violation>();
      edges.set(from, known);
      if (!known.has(to)) known.set(to, at(file, line, `${from} needs ${to}`));
    }
  }
  return [...edges.keys()].flatMap((room) => cycleFrom(room, edges));
};

/** A cycle through `room`, reported once: at its alphabetically first room. */
function cycleFrom(room: string, edges: ReadonlyMap<string, ReadonlyMap<string, Violation>>): Violation[] {
  const paths: { at: string; via: readonly Violation[] }[] = [{ at: room, via: [] }];
  const seen = new Set<string>();
  for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
    for (const [next, why] of edges.get(path.at) ?? []) {
      const via = [...path.via, why];
      if (next === room) return [`rooms in a circle: ${via.join("; ")}`];
      if (next < room || seen.has(next)) continue;
      seen.add(next);
      paths.push({ at: next, via });
    }
  }
  return [];
}

/** Pure code takes time and chance as arguments and does nothing by itself. */
export const pureIsPure: Rule = (files) =>
  files.filter(isPure).flatMap((file) => [
    ...file.names.filter((found) => uses(found, IMPURE)).map(({ what, line }) =>
      at(file, line, `${what} in pure code`)
    ),
    ...file.awaits.map(({ what, line }) => at(file, line, `${what} in pure code`)),
  ]);

/** A listed file that is gone would be a rule that checks nothing. */
export const listedFilesExist: Rule = (files) => {
  const paths = new Set(files.map((file) => file.path));
  return PURE_FILES.filter((path) => !paths.has(path)).map((path) => `${path}: listed as pure, but is not there`);
};

/** Arrows point inward: pure code imports pure code; the outside is imported by nobody further in. */
export const arrowsPointInward: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return files.filter(inMod).flatMap((file) =>
    file.imports.flatMap(({ specifier, line }) => {
      const target = resolve(file, specifier);
      if (target === null) {
        return isPure(file) && specifier.startsWith("node:") ? [at(file, line, `${specifier} in pure code`)] : [];
      }
      const imported = byPath.get(target);
      if (imported === undefined) return [at(file, line, `imports ${target}, which is not there`)];
      if (isPure(file) && !isPure(imported) && imported.hasBehaviour) {
        return [at(file, line, `pure code imports the driver ${target}`)];
      }
      return outermostViolations(file, target).map((message) => at(file, line, message));
    })
  );
};

function outermostViolations(file: Facts, target: string): string[] {
  if (!target.startsWith("mod/")) return [`imports ${target} from outside mod/`];
  return Object.entries(OUTERMOST)
    .filter(([folder, users]) => target.startsWith(folder) && !users.some((user) => file.path.startsWith(user)))
    .map(([folder]) => `imports ${target}, but nothing further in may import ${folder}`);
}

/** The C library is called in one room. */
export const foreignCallsInLinux: Rule = (files) =>
  files.filter((file) => inMod(file) && !file.path.startsWith(LINUX_FOLDER)).flatMap((file) =>
    file.names
      .filter((found) =>
        uses(found, ["Deno.dlopen", "Deno.UnsafePointer", "Deno.UnsafePointerView", "Deno.UnsafeCallback"])
      )
      .map(({ what, line }) => at(file, line, `${what} outside ${LINUX_FOLDER}`))
  );

/**
 * The compiled program's permissions do not cover what is in files under /proc and /sys: it is read through libc. Listing
 * folders and reading links there is allowed.
 */
export const kernelFilesThroughLibc: Rule = (files) =>
  files.filter(inMod).flatMap((file) =>
    file.denoArguments
      .filter(({ what }) => /^Deno\.(open|create|truncate|(read|write)(Text)?File)(Sync)? \/(proc|sys)\//.test(what))
      .map(({ what, line }) => at(file, line, `${what} is refused in the compiled program`))
  );

/** Drivers have a clock that tests can turn; only one room knows the real one. */
export const clockInRuntime: Rule = (files) =>
  files.filter((file) => inMod(file) && !file.path.startsWith(RUNTIME_FOLDER)).flatMap((file) =>
    file.names
      .filter((found) => uses(found, REAL_TIME))
      .map(({ what, line }) => at(file, line, `${what} outside ${RUNTIME_FOLDER}`))
  );

export const functionsAreShort: Rule = (files) =>
  files.flatMap((file) =>
    file.functions
      .filter(({ lines }) => lines > MAX_FUNCTION_LINES)
      .map(({ name, lines, line }) => at(file, line, `${name} has ${lines} lines, ${MAX_FUNCTION_LINES} at most`))
  );

export const filesAreShort: Rule = (files) =>
  files
    .filter(({ lines }) => lines > MAX_FILE_LINES)
    .map((file) => at(file, MAX_FILE_LINES, `has ${file.lines} lines, ${MAX_FILE_LINES} at most`));

/** `mod/vip/claim.ts` has `tests/vip/claim_test.ts`, unless there is nothing in it that could go wrong. */
export const everySourceHasATest: Rule = (files) => {
  const paths = new Set(files.map((file) => file.path));
  return files.filter((file) => !isTest(file) && file.path !== "main.ts" && file.hasBehaviour).flatMap((file) => {
    const wanted = file.path.replace(/^mod\//, "tests/").replace(/^deploy\//, "tests/deploy/").replace(
      /\.ts$/,
      "_test.ts",
    );
    return paths.has(wanted) ? [] : [`${file.path}: has no test ${wanted}`];
  });
};

/** Packages are named in the import map, in one place, with one version. */
export const importMapOnly: Rule = (files) =>
  files.flatMap((file) =>
    file.imports
      .filter(({ specifier }) => /^(npm:|jsr:|https?:|file:|\/)/.test(specifier))
      .map(({ specifier, line }) => at(file, line, `imports ${specifier} directly: use a name of the import map`))
  );

/** Relative imports name a file, so that no resolver is needed to follow them. */
export const importsNameFiles: Rule = (files) =>
  files.flatMap((file) =>
    file.imports
      .filter(({ specifier }) => specifier.startsWith(".") && !/\.(ts|json)$/.test(specifier))
      .map(({ specifier, line }) => at(file, line, `imports ${specifier} without its ending`))
  );

export const noShortcuts: Rule = (files) =>
  files.flatMap((file) => [
    ...file.shortcuts.map(({ what, line }) => at(file, line, `${what} is not allowed`)),
    ...file.comments
      .filter(({ what }) => /@ts-(ignore|nocheck|expect-error)|deno-(lint|fmt)-ignore/.test(what))
      .map(({ what, line }) => at(file, line, `switches a check off: ${what.trim()}`)),
  ]);

export const nothingLeftToDo: Rule = (files) =>
  files.flatMap((file) =>
    file.comments
      .filter(({ what }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(what))
      .map(({ what, line }) => at(file, line, `left to do: ${what.trim()}`))
  );

/** Every rule with its name as a sentence. */
export const RULES: Readonly<Record<string, Rule>> = {
  "rooms do not need each other in a circle": noCycles,
  "pure code has no clock, timer, chance, input or output": pureIsPure,
  "every file that is listed as pure is there": listedFilesExist,
  "arrows between rings point inward": arrowsPointInward,
  "only mod/linux calls the C library": foreignCallsInLinux,
  "files of the kernel are read through the C library": kernelFilesThroughLibc,
  "only mod/runtime knows the real clock": clockInRuntime,
  "functions are short": functionsAreShort,
  "files are short": filesAreShort,
  "every source file has a test": everySourceHasATest,
  "packages come from the import map": importMapOnly,
  "relative imports name files": importsNameFiles,
  "no check is switched off and no type is given up": noShortcuts,
  "nothing is left to do": nothingLeftToDo,
};

/** Folders of one machine, in any text of the repository: none of them exists on another. */
export function machinePaths(path: string, text: string): Violation[] {
  const folders = ["work", "root", "home/[a-z][-a-z0-9_]*", "Users/[A-Za-z]\\w*"].join("|");
  const pattern = new RegExp(`(?<![\\w.~$}*-])/(?:${folders})/`);
  return text.split("\n").flatMap((line, index) => {
    const found = pattern.exec(line);
    return found === null ? [] : [`${path}:${index + 1}: ${found[0]} is a folder of one machine`];
  });
}

/** What may lie in the top folder; a `package.json` there would change how Deno reads every file. */
export function strayTopLevel(names: readonly string[]): Violation[] {
  return names.filter((name) => name === "package.json" || name === "node_modules").map((name) =>
    `${name} in the top folder`
  );
}
