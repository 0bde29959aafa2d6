/** Reference documentation and dump, derived from the settings table. */

import type { Listed } from "./settings.ts";
import type { Setting, Standing } from "./setting.ts";
import type { Effective } from "./types.ts";

/**
 * The settings of a command as a Markdown table, one row each, with further tables of what belongs to features that are not
 * there yet, and of what is accepted without effect.
 */
export function settingsMarkdown(command: "start" | "manager", listed: readonly Listed[]): string {
  const of = (standing: Standing["is"]): Listed[] => listed.filter(({ setting }) => setting.standing.is === standing);
  const long = ["File", "Flag", "Environment", "Default", "Accepts", "Meaning"];
  const short = ["File", "Flag", "Environment", "Meaning"];
  return [
    `# Settings of \`kube-vip ${command}\``,
    "",
    "A variable of the environment beats a flag, a flag beats the file, the file beats the default. An empty variable counts as",
    "not set. Names in the file do not depend on case.",
    "",
    ...table(long, of("used").map(usedRow)),
    "",
    ...chapter("Refused when switched on", short, of("later").map(deadRow)),
    ...chapter("Checked and otherwise silent, until their feature is there", long, of("refines").map(usedRow)),
    ...chapter("Accepted without effect", short, of("unused").map(deadRow)),
  ].join("\n");
}

/** Nothing without rows. */
function chapter(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [`## ${title}`, "", ...table(head, rows), ""];
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
  return setting.flag === null
    ? ""
    : code([...short, ...[setting.flag, ...setting.flagAliases].map((name) => `--${name}`)]);
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
