/** Reading JSON of other programs, of which only parts are looked at. */

/** An object's members; none of what is no object. */
export function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

/** An array's elements; none of what is no array. */
export function elements(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The text; empty if it is none. */
export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The number; null if it is none. */
export function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

/** The members below a path of names. */
export function below(value: unknown, ...names: readonly string[]): Readonly<Record<string, unknown>> {
  return names.reduce((inner, name) => members(inner[name]), members(value));
}
