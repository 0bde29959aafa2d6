/** The file `--config-file` names. */

import { parseFile } from "../file.ts";
import { Findings, Place, printable } from "../findings.ts";
import type { Sources } from "../section.ts";
import type { Mapping } from "../tree.ts";
import { OBSERVE } from "./settings_health.ts";

/** Goes before everything about the file, as at upstream. */
const CONTEXT = "loading config file";

const EMPTY: Mapping = { is: "map", entries: [], line: 1 };

/** The file the variable `config_file` or else the flag `--config-file` names; null: none. */
export function managerConfigFile(env: Sources["env"], flags: Sources["flags"]): string | null {
  const { flag } = OBSERVE.configFile;
  const texts = [...OBSERVE.configFile.env.map((name) => env[name]), flag === null ? undefined : flags[flag]];
  return texts.map((text) => text?.trim() ?? "").find((text) => text !== "") ?? null;
}

/** What to say when the file cannot be read; `missing` if there is none. */
export function unreadable(file: string, missing: boolean, reason: string): string {
  const path = printable(file, 500);
  if (missing) return `${CONTEXT}: config file does not exist: ${path}`;
  return `${CONTEXT}: failed to read config file ${path}: ${printable(reason, 500)}`;
}

/**
 * The top mapping of a file, JSON or YAML by its ending; empty without a file, and null after noting problems. `text` is
 * null where there is no file.
 */
export function parseConfigFile(file: string | null, text: string | null, findings: Findings): Mapping | null {
  if (text === null) return EMPTY;
  const name = file ?? "";
  const place = new Place(findings, name);
  const format = formatOf(name);
  if (name.trim() === "") place.elsewhere("config_file").problem(`${CONTEXT}: config file path is empty`);
  else if (format === null) {
    const supported = "Supported formats: .json, .yaml, .yml";
    place.problem(`${CONTEXT}: unsupported config file format ${printable(extension(name))}. ${supported}`);
  } else if (format === "JSON" && !isJson(text)) {
    place.problem(`${CONTEXT}: failed to parse JSON config file: it is not valid JSON`);
  } else return parse(text, { name, format, findings });
  return null;
}

function parse(
  text: string,
  { name, format, findings }: { name: string; format: string; findings: Findings },
): Mapping | null {
  const own = new Findings();
  const map = parseFile(text, name, own);
  for (const { line, message } of own.problems) {
    // With a line the name of the file is before it.
    const place = line === null ? new Place(findings, name) : new Place(findings, CONTEXT, { line });
    const context = line === null ? `${CONTEXT}: ` : "";
    place.problem(`${context}failed to parse ${format} config file: ${message}`);
  }
  return map;
}

/** From the last dot of the last part of the path. */
function extension(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot);
}

function formatOf(path: string): "JSON" | "YAML" | null {
  switch (extension(path).toLowerCase()) {
    case ".json":
      return "JSON";
    case ".yaml":
    case ".yml":
      return "YAML";
    default:
      return null;
  }
}

/** YAML takes more than JSON; the parser's own words repeat the text, which may have secrets. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
