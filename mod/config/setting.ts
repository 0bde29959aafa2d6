/** What a setting is. The table of all settings ({@link file://./settings.ts}) is made of these. */

import type { Place } from "./findings.ts";
import type { Tree } from "./tree.ts";

/** Given instead of a value that was refused; the reason has been noted. */
export const INVALID: unique symbol = Symbol("invalid");
export type Invalid = typeof INVALID;

/** How a value of one kind is read. */
export interface Kind<T> {
  /** Completes "must be …". */
  readonly accepts: string;
  /** Reads a value of a file. Notes at `place` what is wrong. */
  fromTree(tree: Tree, place: Place): T | Invalid;
  /** Reads the text of a flag or an environment variable. */
  fromText(text: string, place: Place): T | Invalid;
}

/** What becomes of a value. */
export type Standing =
  | { readonly is: "used" }
  /** Accepted for the sake of old files, without effect. `why` completes "has no effect: …"; values that ask for nothing are silent. */
  | { readonly is: "unused"; readonly why: string; readonly harmless: readonly string[] }
  /** Refused when switched on. `feature` completes "belongs to …". */
  | { readonly is: "later"; readonly feature: string }
  /** Checked, and otherwise silent: it says how a feature works that is refused when switched on. */
  | { readonly is: "refines"; readonly feature: string };

/** The ways to run the program that read a setting. */
export type Command = "start" | "manager" | "service";

export interface Setting<T> {
  /** Name in the file, below its group; matched without regard to case, as upstream did. */
  readonly key: string;
  /** Other names in the file. */
  readonly aliases: readonly string[];
  /** Long flag without dashes, or null. */
  readonly flag: string | null;
  /** Further long flags that mean the same. */
  readonly flagAliases: readonly string[];
  /** One-letter form of the flag, or null. */
  readonly short: string | null;
  /** Environment variables, any of which sets it; an empty one counts as not set. */
  readonly env: readonly string[];
  /** An empty variable or flag, or a quoted empty text of the file, is a value: it switches something off. */
  readonly emptyCounts: boolean;
  /** When two names of one source disagree: refuse both, or take the first (its name comes first in the table) and warn. */
  readonly rivals: "refuse" | "first";
  readonly kind: Kind<T>;
  /** Without any source. */
  readonly fallback: T;
  /** The default in the words of the documentation; empty: none. */
  readonly fallbackText: string;
  /** A sentence without a period. */
  readonly help: string;
  /** Masked wherever it would be printed. */
  readonly secret: boolean;
  readonly standing: Standing;
  /** True or false: the flag needs no value. */
  readonly switch: boolean;
  /** A flag that is given again adds to a list, instead of replacing the first. */
  readonly repeats: boolean;
  /** The settings of a group; empty for a plain setting. */
  readonly fields: readonly Setting<unknown>[];
  /** A group that is a list. */
  readonly many: boolean;
  readonly commands: readonly Command[];
  /** The value as a variable of the environment says it. */
  envText(value: T): string;
}

type Optional =
  | "aliases"
  | "flag"
  | "flagAliases"
  | "short"
  | "env"
  | "emptyCounts"
  | "rivals"
  | "fallbackText"
  | "secret"
  | "standing"
  | "switch"
  | "repeats"
  | "fields"
  | "many"
  | "commands"
  | "envText";

/** A setting as the tables write it: what is usual may be left out. */
export type SettingDraft<T> = Omit<Setting<T>, Optional> & Partial<Pick<Setting<T>, Optional>>;

/** Completes a {@link SettingDraft}. */
export function setting<T>(draft: SettingDraft<T>): Setting<T> {
  return {
    aliases: [],
    flag: null,
    flagAliases: [],
    short: null,
    env: [],
    emptyCounts: false,
    rivals: "refuse",
    fallbackText: showValue(draft.fallback),
    secret: false,
    standing: { is: "used" },
    switch: typeof draft.fallback === "boolean",
    repeats: false,
    fields: [],
    many: false,
    commands: ["start"],
    envText: showValue,
    ...draft,
  };
}

/** A value that says itself how it is printed; an address and a URL need not. */
export interface Shown {
  readonly shown: string;
}

/** A value in the words of the dump and the documentation. */
export function showValue(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(showValue).join(",");
  if (typeof value !== "object") return String(value);
  if ("shown" in value && typeof value.shown === "string") return value.shown;
  return "text" in value && typeof value.text === "string" ? value.text : String(value);
}
