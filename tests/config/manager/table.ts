import assert from "node:assert/strict";
import { listSettings } from "../../../mod/config/settings.ts";
import type { Setting } from "../../../mod/config/setting.ts";
import { MANAGER_SETTINGS } from "../../../mod/config/manager/settings.ts";
import { type Given, loadBare, problemLines, values } from "./helpers.ts";

/** A setting as the reference describes it, and what it is tried with. */
export interface Row {
  /** Names in the file, with their group, separated by spaces. */
  readonly keys: string;
  /** Flags without dashes, separated by spaces. */
  readonly flags: string;
  /** Variables, separated by spaces. */
  readonly env: string;
  /** Default, as a variable would say it. */
  readonly fallback: string;
  /** Valid texts for the file, the flag and the variable. */
  readonly good: readonly [string, string, string];
  /** Texts that are refused. */
  readonly bad: readonly string[];
  /** Another form of the first good text for the file. */
  readonly file?: unknown;
  /** What else the file has to say. */
  readonly besides?: Record<string, unknown>;
}

/** Describes a row: keys, flags, variables, default. */
export function row(
  names: readonly [keys: string, flags: string, env: string, fallback: string],
  good: readonly [string, string, string],
  more: { readonly bad?: readonly string[]; readonly file?: unknown; readonly besides?: Record<string, unknown> } = {},
): Row {
  const [keys, flags, env, fallback] = names;
  return { keys, flags, env, fallback, good, bad: [], ...more };
}

/** A switch. */
export function onOff(keys: string, flags: string, env: string, fallback: "true" | "false" = "false"): Row {
  const other = fallback === "true" ? "false" : "true";
  return row([keys, flags, env, fallback], [other, other, other], { bad: ["2", "yes-sir", "tRUE"] });
}

const BASE = { enableARP: true, enableControlPlane: true, address: "192.168.0.40" };

const words = (text: string): string[] => text.split(" ").filter((word) => word !== "");

/** The setting at a path of the file. */
export function settingAt(path: string): Setting<unknown> {
  const found = listSettings(MANAGER_SETTINGS).find((one) => one.path === path);
  return found?.setting ?? assert.fail(path);
}

/** `content` with `value` at `path`. */
export function put(content: Record<string, unknown>, path: string, value: unknown): Record<string, unknown> {
  const [head = "", ...rest] = path.split(".");
  if (rest.length === 0) return { ...content, [head]: value };
  const inner = content[head];
  const group = typeof inner === "object" && inner !== null ? { ...inner } : {};
  return { ...content, [head]: put(group, rest.join("."), value) };
}

/** As a file would have it: numbers and truth are no texts there. */
function fileValue(one: Row): unknown {
  if (one.file !== undefined) return one.file;
  const [text] = one.good;
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+$/.test(text) ? Number(text) : text;
}

/** A file in which nothing but the setting itself is missing. */
function rest(one: Row): Record<string, unknown> {
  const content = { ...BASE, ...one.besides };
  return Object.fromEntries(Object.entries(content).filter(([key]) => !words(one.keys).includes(key)));
}

function textOf(name: string, given: Given): { text: string; given: boolean; changed: boolean } {
  const result = values(given);
  if (result.outcome === "invalid") throw new Error(`${name}: ${problemLines(result).join("\n")}`);
  const { text, given: was, changed } = result.values.get(name) ?? assert.fail(name);
  return { text, given: was, changed };
}

/** Where the setting was taken from, or null if a feature that is not there is on. */
function origin(path: string, setting: Setting<unknown>, given: Given): string | null {
  const result = loadBare(given);
  if (setting.standing.is === "later") return null;
  if (result.outcome === "invalid") throw new Error(`${path}: ${problemLines(result).join("\n")}`);
  // A group whose fields were given by name is listed by them.
  const found = result.effective.find((one) => one.key.toLowerCase() === path.toLowerCase()) ??
    result.effective.find((one) => one.key.toLowerCase().startsWith(path.toLowerCase()));
  return found?.origin ?? assert.fail(path);
}

interface Trial {
  readonly given: Given;
  readonly text: string;
  readonly from: RegExp;
}

/** Every way to say it, and what has to come of it; the weaker sources say something else. */
function trials(one: Row): Trial[] {
  const [inFile, byFlag, byEnv] = one.good;
  const keys = words(one.keys);
  const content = put(rest(one), keys[0] ?? "", fileValue(one));
  const found: Trial[] = keys.flatMap((key) =>
    [key, key.toUpperCase()].map((spelled) => {
      const group = spelled.slice(0, spelled.lastIndexOf(".") + 1);
      const path = key.slice(0, group.length) + spelled.slice(group.length);
      return { given: { content: put(rest(one), path, fileValue(one)) }, text: inFile, from: /^file line \d+$/ };
    })
  );
  for (const flag of words(one.flags)) {
    const from = new RegExp(`^flag --${flag}$`);
    found.push({ given: { content, flags: { [flag]: byFlag } }, text: byFlag, from });
  }
  const flags = Object.fromEntries(words(one.flags).slice(0, 1).map((flag) => [flag, byFlag]));
  for (const name of words(one.env)) {
    found.push({ given: { content, flags, env: { [name]: byEnv } }, text: byEnv, from: new RegExp(`^env ${name}$`) });
  }
  return found;
}

/** The first variable, else the first flag, else the key. */
function nameOf(one: Row): string {
  return words(one.env)[0] ?? words(one.flags)[0] ?? one.keys;
}

function checkGood(one: Row): void {
  const path = words(one.keys)[0] ?? "";
  const setting = settingAt(path);
  const bare = textOf(nameOf(one), { content: rest(one) });
  assert.deepEqual([bare.text, bare.given, bare.changed], [one.fallback, false, false], path);
  for (const { given, text, from } of trials(one)) {
    const got = textOf(nameOf(one), given);
    const wanted = [text, true, text !== one.fallback];
    assert.deepEqual([got.text, got.given, got.changed], wanted, `${path} ${JSON.stringify(given)}`);
    const where = origin(path, setting, given);
    if (where !== null) assert.match(where, from, `${path} ${JSON.stringify(given)}`);
  }
}

function checkBad(one: Row): void {
  const key = words(one.keys)[0] ?? "";
  const names: [string, Given][] = [
    ...words(one.flags).map((flag): [string, Given] => [`--${flag}`, { flags: { [flag]: "" } }]),
    ...words(one.env).map((name): [string, Given] => [name, { env: { [name]: "" } }]),
    [key, {}],
  ];
  for (const bad of one.bad) {
    for (const [name, given] of names) {
      const replace = (texts: Readonly<Record<string, string>> = {}): Record<string, string> =>
        Object.fromEntries(Object.keys(texts).map((text) => [text, bad]));
      const content = name === key && given.env === undefined ? put(rest(one), key, bad) : rest(one);
      const lines = problemLines(values({ content, env: replace(given.env), flags: replace(given.flags) }));
      assert.ok(
        lines.some((line) => line.replace(/^config.yaml:\d+: /, "").startsWith(name)),
        `${name} ${bad} ${lines}`,
      );
    }
  }
}

/** An empty variable, flag or value of a file is none, except for `emptyCounts`. */
function checkEmpty(one: Row): void {
  const flags = Object.fromEntries(words(one.flags).map((flag) => [flag, ""]));
  const env = Object.fromEntries(words(one.env).map((name) => [name, " "]));
  const content = put(rest(one), words(one.keys)[0] ?? "", "");
  assert.equal(textOf(nameOf(one), { content, flags, env }).given, false, one.keys);
}

/** Tries every row in every way; `emptyCounts`: keys of those an empty text switches off. */
export function checkTable(rows: readonly Row[], emptyCounts: readonly string[] = []): void {
  for (const one of rows) {
    checkGood(one);
    checkBad(one);
    if (!emptyCounts.includes(one.keys)) checkEmpty(one);
    const names = settingAt(words(one.keys)[0] ?? "");
    const flags = names.flag === null ? [] : [names.flag, ...names.flagAliases];
    assert.deepEqual([flags, names.env], [words(one.flags), words(one.env)], one.keys);
  }
}

/** Paths of the rows, for the check that every setting has one. */
export function pathsOf(rows: readonly Row[]): string[] {
  return rows.map((one) => words(one.keys)[0] ?? "");
}
