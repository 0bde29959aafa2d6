/** Flags of a command, derived from the settings tables. */

import { type Command, Option } from "@kube-vip/cli";
import { MANAGER_SETTINGS } from "../config/manager/settings.ts";
import { listSettings } from "../config/settings.ts";
import type { Setting } from "../config/setting.ts";

/** Every setting of `start` that has a flag. */
export function flagSettings(): readonly Setting<unknown>[] {
  return listSettings().map(({ setting }) => setting).filter((setting) => setting.flag !== null);
}

/** Every setting of `manager` that has a flag; those that only the old `service` has are not among them unless asked for. */
export function managerFlagSettings(command: "manager" | "service" = "manager"): readonly Setting<unknown>[] {
  return listSettings(MANAGER_SETTINGS).map(({ setting }) => setting)
    .filter((one) => one.flag !== null && (command === "service" || one.commands.includes(command)));
}

/** Adds a flag for each of `settings`. A flag has no default: what is not given must not hide a value of the file. */
export function addSettingFlags(command: Command, settings: readonly Setting<unknown>[] = flagSettings()): void {
  for (const setting of settings) {
    for (const name of flagNames(setting)) {
      const first = name === setting.flag;
      const option = new Option(flagSyntax(setting, name), describe(setting));
      if (setting.repeats) option.argParser((text: string, before: unknown) => append(before, text));
      if (!first || isOld(setting)) option.hideHelp();
      command.addOption(option);
    }
  }
}

/** Flags of old scripts are understood, but nobody needs to learn them. */
function isOld({ standing, commands }: Setting<unknown>): boolean {
  return standing.is === "unused" || (standing.is === "later" && commands.includes("start"));
}

/** All long flags of a setting, the usual one first. */
export function flagNames(setting: Setting<unknown>): readonly string[] {
  return setting.flag === null ? [] : [setting.flag, ...setting.flagAliases];
}

function append(before: unknown, text: string): string {
  return typeof before === "string" ? `${before},${text}` : text;
}

function flagSyntax(setting: Setting<unknown>, name: string): string {
  const short = setting.short === null || name !== setting.flag ? "" : `-${setting.short}, `;
  return `${short}--${name} ${setting.switch ? "[true|false]" : "<value>"}`;
}

function describe(setting: Setting<unknown>): string {
  const notes = [
    ...(setting.fallbackText === "" ? [] : [`default: ${setting.fallbackText}`]),
    ...(setting.env.length === 0 ? [] : [`env: ${setting.env.join(", ")}`]),
  ];
  return notes.length === 0 ? setting.help : `${setting.help} (${notes.join("; ")})`;
}

/** The texts of the flags of `settings` that were given, by long name. */
export function givenFlags(
  options: Readonly<Record<string, unknown>>,
  settings: readonly Setting<unknown>[] = flagSettings(),
): Record<string, string> {
  const flags: Record<string, string> = {};
  for (const flag of settings.flatMap(flagNames)) {
    const value = options[attributeName(flag)];
    if (typeof value === "string") flags[flag] = value;
    else if (value === true) flags[flag] = "true";
  }
  return flags;
}

/** Commander's name for a flag: `provider-config` becomes `providerConfig`. */
function attributeName(flag: string): string {
  return flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
