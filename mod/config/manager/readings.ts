/** Every setting of a table, read once. */

import type { Place } from "../findings.ts";
import type { Given, Section } from "../section.ts";
import type { Setting } from "../setting.ts";
import { isHarmlessText } from "../tree.ts";
import { group } from "./kinds.ts";

/** What a table of settings was given. */
export class Readings {
  readonly #given = new Map<Setting<unknown>, Given<unknown>>();
  readonly #missing: "by variable" | "by key";

  /**
   * Reads all of `settings` and notes the keys of the file that are none of them. `missing`: how a setting that nobody gave is named
   * when it is needed: as a manifest would give it, or as a file.
   */
  constructor(
    top: Section,
    settings: readonly Setting<unknown>[],
    missing: "by variable" | "by key" = "by variable",
  ) {
    this.#missing = missing;
    this.#read(top, settings);
  }

  /** The settings in the order of the table, groups opened. */
  get settings(): readonly Setting<unknown>[] {
    return [...this.#given.keys()];
  }

  /** What `setting`, which is one of the table, was given. */
  get<T>(setting: Setting<T>): Given<T> {
    const given = this.#given.get(setting);
    if (given === undefined) throw new Error(`${setting.key} is not in the table`);
    // It was read from this very setting.
    return given as Given<T>;
  }

  /** Its value, which is the default where nothing valid was given. */
  value<T>(setting: Setting<T>): T {
    return this.get(setting).value;
  }

  #read(section: Section, settings: readonly Setting<unknown>[]): void {
    for (const setting of settings) {
      if (setting.kind === group) this.#read(section.group(setting), setting.fields);
      else this.#given.set(setting, this.#named(section.read(setting), setting));
    }
    section.refuseUnknown(settings);
  }

  #named<T>(given: Given<T>, setting: Setting<T>): Given<T> {
    if (given.origin !== "default" || this.#missing === "by key") return given;
    const flag = setting.flag === null ? null : `--${setting.flag}`;
    return { ...given, place: given.place.elsewhere(setting.env[0] ?? flag ?? given.place.key) };
  }
}

/** Warns about what was given and does nothing. */
export function warnUnused(readings: Readings): void {
  for (const setting of readings.settings) {
    const { standing } = setting;
    const { value, origin, place } = readings.get(setting);
    if (standing.is !== "unused" || origin === "default" || origin === "invalid") continue;
    const text = setting.envText(value);
    const quiet = value !== null && (isHarmlessText(text) || standing.harmless.includes(text));
    if (!quiet) place.warning(`has no effect: ${standing.why}`, text);
  }
}

/** Refuses what was switched on and is not there yet. */
export function refuseLater(readings: Readings): void {
  for (const { place, feature } of later(readings)) {
    place.problem(`belongs to ${feature}, which this program does not have yet; remove it`, "true");
  }
}

/** Warns about the same where nothing is run yet: a manifest may be for another program. */
export function warnLater(readings: Readings): void {
  for (const { place, feature } of later(readings)) {
    place.warning(`belongs to ${feature}, which this program does not have yet: its manager refuses to start`, "true");
  }
}

function later(readings: Readings): { readonly place: Place; readonly feature: string }[] {
  return readings.settings.flatMap((setting) => {
    const { standing } = setting;
    const { value, place } = readings.get(setting);
    return standing.is === "later" && value === true ? [{ place, feature: standing.feature }] : [];
  });
}
