/** The kinds of plain values: text, numbers, durations, choices, lists. Integers are decimal, whatever their leading zeros. */

import { type Place, printable } from "./findings.ts";
import { INVALID, type Invalid, type Kind } from "./setting.ts";
import { describeTree, type Scalar, showTree, type Tree } from "./tree.ts";

/** The largest unsigned number of 32 bits. */
export const U32 = 0xffff_ffff;

const LONGEST_TEXT = 1024;
const MOST_LIST_ITEMS = 256;

/**
 * A kind read from one scalar: `parse` gets its text and gives the value, or {@link INVALID} after noting why, or null to
 * have the general "must be …" noted. `fits` says which scalars of a file are of the right type.
 */
export function scalar<T>(
  accepts: string,
  parse: (text: string, place: Place) => T | Invalid | null,
  fits: (scalar: Scalar) => boolean = () => true,
): Kind<T> {
  const read = (text: string, place: Place): T | Invalid => {
    const value = parse(text, place);
    if (value !== null) return value;
    place.problem(`must be ${accepts}`, text);
    return INVALID;
  };
  return {
    accepts,
    fromText: read,
    fromTree(tree: Tree, place: Place): T | Invalid {
      if (tree.is === "scalar" && fits(tree)) return read(tree.text, place);
      return wrongType(tree, accepts, place);
    },
  };
}

/** Notes that a value of a file has the wrong type. */
export function wrongType(tree: Tree, accepts: string, place: Place): Invalid {
  place.problem(`must be ${accepts}, not ${describeTree(tree)}`, showTree(tree));
  return INVALID;
}

/** Any text of at most {@link LONGEST_TEXT} characters without control characters. */
export const text: Kind<string> = scalar(
  "text",
  (given) => given.length > LONGEST_TEXT || printable(given.slice(0, 80)) !== given.slice(0, 80) ? null : given,
);

/** Text that has to match a pattern. */
export function matching(pattern: RegExp, accepts: string): Kind<string> {
  return scalar(accepts, (given) => pattern.test(given) ? given : null);
}

/** A path from the root of the file system. */
export const absolutePath: Kind<string> = matching(/^\/[^\p{C}]{0,4000}$/u, "an absolute path");

/** The names an interface can have (`IFNAMSIZ` is 16, with the final zero). */
export const interfaceName: Kind<string> = matching(/^[^\s/:\p{C}]{1,15}$/u, "the name of an interface, like eth0");

/** Labels of letters, digits, hyphens and underscores, of which the last has a letter (RFC 1123 §2.1). */
const HOST =
  /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?=[a-z0-9-]*[a-z])[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The name of a host in lower case without a final dot; null if it is none. */
export function hostName(given: string): string | null {
  const host = given.toLowerCase().replace(/\.$/, "");
  return HOST.test(host) ? host : null;
}

/** Like `kind`, for settings that may be absent. */
export function optional<T>(kind: Kind<T>): Kind<T | null> {
  return kind;
}

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);
const FILE_TRUE = /^(true|yes|y|on)$/i;
const FILE_FALSE = /^(false|no|n|off)$/i;

/** In a file also the words of YAML 1.1, which upstream's parser took; elsewhere what Go's ParseBool takes. */
export const bool: Kind<boolean> = {
  accepts: "true or false",
  fromText(given: string, place: Place): boolean | Invalid {
    if (TRUE.has(given)) return true;
    if (FALSE.has(given)) return false;
    place.problem("must be true or false (or 1, t, T, TRUE, True, 0, f, F, FALSE, False)", given);
    return INVALID;
  },
  fromTree(tree: Tree, place: Place): boolean | Invalid {
    const word = tree.is === "scalar" && !tree.quoted ? tree.text : "";
    if (FILE_TRUE.test(word)) return true;
    return FILE_FALSE.test(word) ? false : wrongType(tree, this.accepts, place);
  },
};

function isNumber(scalar: Scalar): boolean {
  return !scalar.quoted && (typeof scalar.value === "number" || typeof scalar.value === "bigint");
}

/** A decimal integer from `least` to `most`. */
export function int(least: number, most: number, noun = "a number"): Kind<number> {
  return scalar(`${noun} from ${least} to ${most}`, (given) => {
    if (!/^-?\d{1,15}$/.test(given)) return null;
    const value = Number(given);
    return value >= least && value <= most ? value : null;
  }, isNumber);
}

/** A TCP or UDP port that can be listened on. */
export const port: Kind<number> = int(1, 65535, "a port");

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds from `"250ms"`, `"1m30s"` or a plain number of milliseconds; null if it is none of these. */
export function parseDuration(given: string): number | null {
  if (/^\d{1,12}$/.test(given)) return Number(given);
  if (!/^(\d{1,9}(\.\d{1,3})?(ms|s|m|h))+$/.test(given)) return null;
  let sumMs = 0;
  for (const [, amount, unit] of given.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    sumMs += Number(amount) * (UNIT_MS[unit ?? ""] ?? NaN);
  }
  return Math.round(sumMs);
}

/** Milliseconds as a person would write them. */
export function showDuration(ms: number): string {
  for (const unit of ["h", "m", "s"]) {
    const size = UNIT_MS[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** A duration in milliseconds within limits. */
export function duration(leastMs: number, mostMs: number): Kind<number> {
  const accepts = `a duration from ${showDuration(leastMs)} to ${showDuration(mostMs)} ` +
    "(a number of milliseconds, or like 250ms, 5s, 1m)";
  return scalar(accepts, (given) => {
    const ms = parseDuration(given);
    return ms !== null && ms >= leastMs && ms <= mostMs ? ms : null;
  }, (value) => isNumber(value) || typeof value.value === "string");
}

/** One of `words`, whatever its case. */
export function choice<T extends string>(...words: readonly T[]): Kind<T> {
  const accepts = words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
  return scalar(accepts, (given) => words.find((word) => word.toLowerCase() === given.trim().toLowerCase()) ?? null);
}

/**
 * A list of `item`: a list in a file, or one text with commas anywhere. Blank parts of a text do not count. Items that were
 * refused are left out, so that the checks among the others still find what they find.
 */
export function listOf<T>(item: Kind<T>, most = MOST_LIST_ITEMS): Kind<readonly T[]> {
  const accepts = `${item.accepts}, or a list of them`;
  const gather = (readers: readonly (() => T | Invalid)[], place: Place): readonly T[] | Invalid => {
    if (readers.length > most) {
      place.problem(`has ${readers.length} items, at most ${most} are accepted`);
      return INVALID;
    }
    const values = readers.map((read) => read());
    const valid = values.filter((value): value is T => value !== INVALID);
    return valid.length === 0 && values.length > 0 ? INVALID : valid;
  };
  const fromText = (given: string, place: Place): readonly T[] | Invalid => {
    const parts = given.split(",").map((part) => part.trim()).filter((part) => part !== "");
    return gather(parts.map((part) => () => item.fromText(part, place)), place);
  };
  return {
    accepts,
    fromText,
    fromTree(tree: Tree, place: Place): readonly T[] | Invalid {
      if (tree.is === "scalar") return fromText(tree.text, place);
      if (tree.is === "map") return wrongType(tree, accepts, place);
      return gather(tree.items.map((one, i) => () => item.fromTree(one, place.below(i, one.line))), place);
    },
  };
}

/** Whatever is given: for settings that are only looked at to say that they do nothing. */
export const anything: Kind<null> = { accepts: "anything", fromText: () => null, fromTree: () => null };
