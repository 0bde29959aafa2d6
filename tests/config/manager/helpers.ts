import { formatProblem } from "../../../mod/config/findings.ts";
import { loadManagerConfig, loadManagerValues } from "../../../mod/config/manager/load.ts";
import type { ManagerConfig, ManagerResult, ManagerValues } from "../../../mod/config/manager/types.ts";
import type { Problem } from "../../../mod/config/types.ts";

export interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, string>>;
  /** A file given as text, or as an object that is written as JSON. */
  readonly content?: unknown;
  readonly file?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly hostname?: string;
}

type Input = Parameters<typeof loadManagerConfig>[0];

export function input({ env = {}, flags = {}, content = null, files = {}, ...given }: Given): Input {
  const text = content === null || typeof content === "string" ? content : JSON.stringify(content, null, 1);
  return {
    file: text === null ? null : given.file ?? "config.yaml",
    text,
    env,
    flags,
    hostname: given.hostname ?? "Node-1",
    readText: (path) => {
      const found = files[path];
      if (found === undefined) throw new Error("No such file");
      return found;
    },
  };
}

/** An environment from `name=value` texts; names of variables would not do as names of properties. */
export function vars(...texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text): [string, string] => {
    const at = text.indexOf("=");
    return [text.slice(0, at), text.slice(at + 1)];
  }));
}

/** What a node needs at least. */
export const BASE = vars("vip_arp=true", "cp_enable=true", "address=192.168.0.40");

/** Loads with {@link BASE} beneath the environment. */
export function load(given: Given = {}): ManagerResult {
  return loadManagerConfig(input({ ...given, env: { ...BASE, ...given.env } }));
}

/** Loads with nothing but what is given. */
export function loadBare(given: Given): ManagerResult {
  return loadManagerConfig(input(given));
}

export function values(given: Given): ManagerValues {
  return loadManagerValues(input(given));
}

/** The configuration, or an exception with every problem. */
export function mustLoad(given: Given = {}): ManagerConfig {
  const result = load(given);
  if (result.outcome === "invalid") throw new Error(problemLines(result).join("\n"));
  return result.config;
}

interface Outcome {
  readonly outcome: "valid" | "invalid";
  readonly problems?: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Problems as the user sees them. */
export function problemLines(result: Outcome): string[] {
  return (result.problems ?? []).map((one) => formatProblem(one, "config.yaml"));
}

/** Warnings as the user sees them. */
export function warningLines(result: Outcome): string[] {
  return result.warnings.map((one) => formatProblem(one, "config.yaml"));
}
