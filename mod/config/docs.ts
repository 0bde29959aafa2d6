/** Reference documentation and dump, derived from the settings table. */

import { type Listed, listSettings } from "./settings.ts";
import type { Setting } from "./setting.ts";
import type { Effective } from "./types.ts";

/** Every setting as a Markdown table, one row each, with a second table of what old files may contain without effect. */
export function settingsMarkdown(listed: readonly Listed[] = listSettings()): string {
  const used = listed.filter(({ setting }) => setting.standing.is === "used");
  const dead = listed.filter(({ setting }) => setting.standing.is !== "used");
  return [
    "# Settings of `kube-vip start`",
    "",
    "A variable of the environment beats a flag, a flag beats the file, the file beats the default. An empty variable counts as",
    "not set. Names in the file do not depend on case.",
    "",
    ...table(["File", "Flag", "Environment", "Default", "Accepts", "Meaning"], used.map(usedRow)),
    "",
    "## Accepted for the sake of old files",
    "",
    ...table(["File", "Flag", "Environment", "Meaning"], dead.map(deadRow)),
    "",
  ].join("\n");
}

function usedRow({ path, setting }: Listed): string[] {
  const accepts = setting.kind.accepts;
  return [
    fileNames(path, setting),
    flagOf(setting),
    code(setting.env),
    setting.fallbackText,
    accepts,
    `${setting.help}.`,
  ];
}

function deadRow({ path, setting }: Listed): string[] {
  return [fileNames(path, setting), flagOf(setting), code(setting.env), `${setting.help}.`];
}

function fileNames(path: string, setting: Setting<unknown>): string {
  return code([path, ...setting.aliases]);
}

function flagOf(setting: Setting<unknown>): string {
  const short = setting.short === null ? [] : [`-${setting.short}`];
  return setting.flag === null ? "" : code([...short, `--${setting.flag}`]);
}

function code(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(", ");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

/** What every setting ended up as and why, one line each: `vip = 192.168.0.75 (file line 5)`. */
export function dumpSettings(effective: readonly Effective[]): string {
  return effective.map(({ key, value, origin }) => `${key} = ${value} (${origin})\n`).join("");
}
