/** Flags of a command, derived from the settings table. */

import { type Command, Option } from "@kube-vip/cli";
import { listSettings } from "../config/settings.ts";
import type { Setting } from "../config/setting.ts";

/** Every setting that has a flag. */
export function flagSettings(): readonly Setting<unknown>[] {
  return listSettings().map(({ setting }) => setting).filter((setting) => setting.flag !== null);
}

/** Adds a flag for each of `settings`. A flag has no default: what is not given must not hide a value of the file. */
export function addSettingFlags(command: Command, settings: readonly Setting<unknown>[] = flagSettings()): void {
  for (const setting of settings) {
    const option = new Option(flagSyntax(setting), describe(setting));
    // Flags of old scripts are understood, but nobody needs to learn them.
    if (setting.standing.is !== "used") option.hideHelp();
    command.addOption(option);
  }
}

function flagSyntax(setting: Setting<unknown>): string {
  const short = setting.short === null ? "" : `-${setting.short}, `;
  return `${short}--${setting.flag} ${setting.switch ? "[true|false]" : "<value>"}`;
}

function describe(setting: Setting<unknown>): string {
  const notes = [
    ...(setting.fallbackText === "" ? [] : [`default: ${setting.fallbackText}`]),
    ...(setting.env.length === 0 ? [] : [`env: ${setting.env.join(", ")}`]),
  ];
  return notes.length === 0 ? setting.help : `${setting.help} (${notes.join("; ")})`;
}

/** The texts of the flags that were given, by long name. */
export function givenFlags(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const flags: Record<string, string> = {};
  for (const { flag } of flagSettings()) {
    if (flag === null) continue;
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
