/** One group of settings with all its sources. Precedence: environment, then flag, then file, then default. */

import { MASK, MOST_FINDINGS, type Place } from "./findings.ts";
import { INVALID, type Invalid, type Setting, showValue } from "./setting.ts";
import { closest } from "./suggest.ts";
import { isBlank, isHarmless, isHarmlessText, type MapEntry, type Mapping, showTree, type Tree } from "./tree.ts";
import { wrongType } from "./kinds.ts";

/** Text by name. A flag's name has no dashes. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: Readonly<Record<string, string | undefined>>;
}

/** For groups that only a file can describe. */
export const FILE_ONLY: Sources = { env: {}, flags: {} };

export type Origin = "env" | "flag" | "file" | "default" | "invalid";

/** A setting's value and where it is from. */
export interface Given<T> {
  /** The fallback where nothing valid was given. */
  readonly value: T;
  readonly origin: Origin;
  /** Where to report what is wrong with it. */
  readonly place: Place;
}

interface Candidate<T> {
  readonly origin: "env" | "flag" | "file";
  readonly value: T | Invalid;
  readonly place: Place;
  /** A group from a file, which has noted its fields itself. */
  readonly opened: boolean;
}

/** Text given for one setting outside the file. */
interface Outside {
  readonly origin: "env" | "flag";
  readonly name: string;
  readonly text: string;
}

export class Section {
  /** Where the group stands. */
  readonly place: Place;
  readonly #map: Mapping;
  readonly #sources: Sources;

  constructor(place: Place, map: Mapping, sources: Sources) {
    this.place = place;
    this.#map = map;
    this.#sources = sources;
  }

  /**
   * The value of `setting`. Every source is checked, also one that another overrides: a mistake in the file does not wait
   * for the day the variable is gone.
   */
  read<T>(setting: Setting<T>): Given<T> {
    const found = [...this.#readOutside(setting), ...this.#readFile(setting)];
    const winner = found[0];
    if (winner === undefined) {
      return this.#settle(setting, { value: setting.fallback, origin: "default", opened: false });
    }
    const rival = found.find((one) => one.origin === winner.origin && !same(one.value, winner.value));
    if (rival !== undefined) noteRival(setting, winner, rival);
    const { origin, place, value, opened } = winner;
    if (found.some((one) => one.value === INVALID) || value === INVALID) {
      return { value: setting.fallback, origin: "invalid", place };
    }
    return this.#settle(setting, { value, origin, place, opened });
  }

  /** Whether any source names the setting, with whatever value. */
  has(setting: Setting<unknown>): boolean {
    return this.#outside(setting).length > 0 || this.#entries(setting).length > 0;
  }

  /** The mapping or text given for a group in the file; null if there is none. */
  tree(setting: Setting<unknown>): { tree: Tree; place: Place } | null {
    const entry = this.#entries(setting)[0];
    return entry === undefined ? null : { tree: entry.value, place: this.place.below(entry.key, entry.line) };
  }

  /** A group that is one mapping; flags and variables of its fields are read there. Notes if the file has something else. */
  group(setting: Setting<unknown>): Section {
    const given = this.tree(setting);
    if (given !== null && given.tree.is !== "map") wrongType(given.tree, "a mapping", given.place);
    const place = given?.place ?? this.place.below(setting.key, null);
    return new Section(place, given?.tree.is === "map" ? given.tree : emptyMap(1), this.#sources);
  }

  /** The members of a group that is a list of mappings. Flags and variables of its fields are about the first member. */
  members(setting: Setting<unknown>): Section[] {
    const given = this.tree(setting);
    const items = given === null ? [] : given.tree.is === "list" ? given.tree.items : null;
    if (given !== null && items === null) wrongType(given.tree, setting.kind.accepts, given.place);
    const base = given?.place ?? this.place.below(setting.key, null);
    const sections = (items ?? []).map((tree, i) => {
      const place = base.below(i, tree.line);
      if (tree.is !== "map") wrongType(tree, "a mapping", place);
      return new Section(place, tree.is === "map" ? tree : emptyMap(tree.line), i === 0 ? this.#sources : FILE_ONLY);
    });
    const alone = new Section(base.below(0, null), emptyMap(1), this.#sources);
    return sections.length === 0 && setting.fields.some((field) => alone.has(field)) ? [alone] : sections;
  }

  /** Looks at what no one read: unknown keys, settings without effect, settings of features that are not there. */
  finish(settings: readonly Setting<unknown>[]): void {
    this.refuseUnknown(settings);
    for (const one of settings) this.#finishDead(one);
  }

  /** Notes the keys of the file that are none of `settings`. */
  refuseUnknown(settings: readonly Setting<unknown>[]): void {
    const names = settings.flatMap((one) => [one.key, ...one.aliases]);
    const known = new Set(names.map((name) => name.toLowerCase()));
    const unknown = this.#map.entries.filter((entry) => !known.has(entry.key.toLowerCase()));
    for (const entry of unknown.slice(0, MOST_FINDINGS)) {
      const meant = closest(entry.key, names);
      const hint = meant === null ? `known here: ${names.join(", ")}` : `did you mean ${meant}?`;
      this.place.below(entry.key, entry.line).problem(`is not a known setting; ${hint}`);
    }
  }

  #finishDead(setting: Setting<unknown>): void {
    if (setting.standing.is === "used" || setting.standing.is === "refines") return;
    for (const { name, text } of this.#outside(setting)) {
      if (!isHarmlessText(text)) complain(setting, this.place.elsewhere(name), text);
    }
    for (const { key, line, value } of this.#entries(setting)) {
      if (!isHarmless(value)) complain(setting, this.place.below(key, line), showTree(value));
    }
  }

  #readOutside<T>(setting: Setting<T>): Candidate<T>[] {
    return this.#outside(setting).map(({ origin, name, text }) => {
      const place = setting.secret ? this.place.elsewhere(name).secret() : this.place.elsewhere(name);
      return { origin, place, value: setting.kind.fromText(text, place), opened: false };
    });
  }

  #readFile<T>(setting: Setting<T>): Candidate<T>[] {
    return this.#entries(setting).map((entry) => {
      const plain = this.place.below(entry.key, entry.line);
      const place = setting.secret ? plain.secret() : plain;
      const opened = setting.fields.length > 0 && hasMapping(entry.value);
      return { origin: "file" as const, place, value: setting.kind.fromTree(entry.value, place), opened };
    });
  }

  /** What the environment and the flags say, strongest first. */
  #outside(setting: Setting<unknown>): Outside[] {
    const found: Outside[] = [];
    const add = (origin: "env" | "flag", name: string, given: string | undefined): void => {
      const text = given?.trim() ?? "";
      if (text !== "" || (setting.emptyCounts && given !== undefined)) found.push({ origin, name, text });
    };
    for (const name of setting.env) add("env", name, this.#sources.env[name]);
    const flags = setting.flag === null ? [] : [setting.flag, ...setting.flagAliases];
    for (const name of flags) add("flag", `--${name}`, this.#sources.flags[name]);
    return found;
  }

  #entries(setting: Setting<unknown>): MapEntry[] {
    const names = [setting.key, ...setting.aliases].map((name) => name.toLowerCase());
    const counts = (tree: Tree): boolean =>
      !isBlank(tree) || (setting.emptyCounts && tree.is === "scalar" && tree.quoted);
    return this.#map.entries.filter((entry) => names.includes(entry.key.toLowerCase()) && counts(entry.value));
  }

  #settle<T>(
    setting: Setting<T>,
    found: { value: T; origin: "env" | "flag" | "file" | "default"; place?: Place; opened: boolean },
  ): Given<T> {
    const own = this.place.below(setting.key);
    const place = found.place ?? own;
    if (!found.opened) {
      const shown = found.origin === "default" ? setting.fallbackText : showValue(found.value);
      const from = found.origin === "file" ? `file line ${place.line}` : `${found.origin} ${place.key}`;
      const value = setting.secret && shown !== "" ? MASK : shown;
      own.effective(own.key, value, found.origin === "default" ? "default" : from);
    }
    return { value: found.value, origin: found.origin, place };
  }
}

/** Whether fields were given by name, so that each of them has been noted. */
function hasMapping(tree: Tree): boolean {
  return tree.is === "map" || (tree.is === "list" && tree.items.some((item) => item.is === "map"));
}

function emptyMap(line: number): Mapping {
  return { is: "map", entries: [], line };
}

function same(a: unknown, b: unknown): boolean {
  if (a === INVALID || b === INVALID) return a === b;
  return showValue(a) === showValue(b);
}

function noteRival<T>(setting: Setting<T>, winner: Candidate<T>, rival: Candidate<T>): void {
  if (rival.value === INVALID || winner.value === INVALID) return;
  const values = setting.secret ? "" : ` (${showValue(winner.value)} and ${showValue(rival.value)})`;
  const message = `contradicts ${winner.place.key}: both set the same thing${values}`;
  if (setting.rivals === "refuse") rival.place.problem(`${message}, give one of them`);
  else rival.place.warning(`${message}, ${winner.place.key} counts`);
}

function complain(setting: Setting<unknown>, bare: Place, value: string): void {
  if (setting.standing.is === "unused" && setting.standing.harmless.includes(value)) return;
  const place = setting.secret ? bare.secret() : bare;
  if (setting.standing.is === "unused") place.warning(`has no effect: ${setting.standing.why}`, value);
  if (setting.standing.is === "later") {
    place.problem(`belongs to ${setting.standing.feature}, which this command does not have; remove it`, value);
  }
}
