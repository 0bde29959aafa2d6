/** Where a value came from, and what is wrong with it. Everything found is kept, so that one start shows all of it. */

import type { Effective, Problem } from "./types.ts";

/** Printed instead of a secret. */
export const MASK = "********";

const LONGEST_VALUE = 80;

/** Nobody reads more; what a file that is something else entirely would give has no end. */
export const MOST_FINDINGS = 200;

/** What reading a configuration brought to light: the first {@link MOST_FINDINGS} problems and warnings. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly effective: Effective[] = [];
}

/** One spot in the input. Problems are reported against it. */
export class Place {
  /** Path of the key as the user wrote it; `--flag` or the variable's name for the other sources. */
  readonly key: string;
  readonly line: number | null;
  readonly #findings: Findings;
  readonly #secret: boolean;

  constructor(findings: Findings, key = "", options: { line?: number | null; secret?: boolean } = {}) {
    this.#findings = findings;
    this.key = key;
    this.line = options.line ?? null;
    this.#secret = options.secret ?? false;
  }

  /** The spot `name` below this one (`a.name`, or `a[3]` for a number). */
  below(name: string | number, line: number | null = this.line): Place {
    const joined = typeof name === "number" ? `${this.key}[${name}]` : this.key === "" ? name : `${this.key}.${name}`;
    return new Place(this.#findings, joined, { line, secret: this.#secret });
  }

  /** The same findings at a spot with a name of its own: a flag or an environment variable. */
  elsewhere(key: string): Place {
    return new Place(this.#findings, key);
  }

  /** This spot, holding something that is never printed. */
  secret(): Place {
    return new Place(this.#findings, this.key, { line: this.line, secret: true });
  }

  /** Something that keeps the program from starting. `message` continues the line "key value:" without a period. */
  problem(message: string, value = ""): void {
    if (this.#findings.problems.length < MOST_FINDINGS) this.#findings.problems.push(this.#finding(message, value));
  }

  /** Something worth a line that does not keep the program from starting. */
  warning(message: string, value = ""): void {
    if (this.#findings.warnings.length < MOST_FINDINGS) this.#findings.warnings.push(this.#finding(message, value));
  }

  /** Notes what the setting `key` ended up as. */
  effective(key: string, value: string, origin: string): void {
    this.#findings.effective.push({ key, value: this.#shown(value), origin });
  }

  /** A secret is masked whole, and so is a login inside of a URL. */
  #shown(value: string): string {
    if (this.#secret) return value === "" ? "" : MASK;
    return value.replace(/\/\/[^/@\s]*@/g, `//${MASK}@`);
  }

  #finding(message: string, value: string): Problem {
    return { key: this.key, value: this.#shown(value), message, line: this.line };
  }
}

/** Untrusted text for one line of a terminal: control and direction characters escaped, cut after `limit` characters. */
export function printable(text: string, limit = LONGEST_VALUE): string {
  const escaped = text.slice(0, limit)
    .replace(
      /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
      (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
    );
  return text.length > limit ? `${escaped}…` : escaped;
}

/**
 * A finding as one line: `config.yaml:12: loadBalancers[0].port "70000": must be …`. `file` is the name of the file the
 * line numbers belong to, or null.
 */
export function formatProblem(problem: Problem, file: string | null): string {
  const where = problem.line === null || file === null ? "" : `${printable(file)}:${problem.line}: `;
  const value = problem.value === "" ? "" : ` "${printable(problem.value)}"`;
  return `${where}${printable(problem.key)}${value}: ${problem.message}`;
}
