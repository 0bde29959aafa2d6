/** Reads the syntax of a configuration file: YAML 1.2, of which JSON is a part, with every limit that untrusted text needs. */

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "@kube-vip/yaml";
import type { Document, ParsedNode } from "@kube-vip/yaml";
import { type Findings, Place, printable } from "./findings.ts";
import type { MapEntry, Mapping, Tree } from "./tree.ts";

/** A configuration has a few kilobytes; whatever is larger is not one. */
export const LARGEST_FILE_CHARACTERS = 256 * 1024;
/** Nodes after aliases have been followed: ends an alias bomb early. */
const MOST_NODES = 20_000;
const DEEPEST = 32;
const MOST_SYNTAX_PROBLEMS = 10;

class LimitError extends Error {
  override readonly name = "LimitError";
  constructor(message: string, readonly line: number) {
    super(message);
  }
}

/**
 * Reads `text`, the contents of `file` (its name, for messages only). Gives the top mapping, or null after noting problems
 * in `findings`. Never throws.
 */
export function parseFile(text: string, file: string, findings: Findings): Mapping | null {
  const at = (line: number | null): Place => new Place(findings, file, { line });
  if (text.length > LARGEST_FILE_CHARACTERS) {
    at(null).problem(`has ${text.length} characters, at most ${LARGEST_FILE_CHARACTERS} are accepted`);
    return null;
  }
  const lines = new LineCounter();
  const lineOf = (offset: number): number => lines.linePos(offset).line;
  const parsed = parseSyntax(text, lines);
  if (parsed === null) {
    at(null).problem("is not YAML that can be read: nested too deeply");
    return null;
  }
  for (const error of parsed.errors.slice(0, MOST_SYNTAX_PROBLEMS)) {
    at(lineOf(error.pos[0])).problem(`is not valid YAML: ${printable(error.message)}`);
  }
  if (parsed.errors.length > 0) return null;
  return toTopMapping(new Builder(parsed, lineOf, at), at);
}

/** Duplicate keys are looked for by {@link Builder}: the package compares every pair of keys. */
function parseSyntax(text: string, lineCounter: LineCounter): Document.Parsed | null {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, logLevel: "error" });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function toTopMapping(builder: Builder, at: (line: number | null) => Place): Mapping | null {
  try {
    const tree = builder.build();
    if (tree === null) return { is: "map", entries: [], line: 1 };
    if (tree.is === "map") return builder.broken ? null : tree;
    at(tree.line).problem("must be a mapping of settings (`vip: 192.168.0.75` and so on)");
    return null;
  } catch (error) {
    if (!(error instanceof LimitError)) throw error;
    at(error.line).problem(error.message);
    return null;
  }
}

/** Turns the package's nodes into ours, following aliases within a budget. */
class Builder {
  /** A duplicate key was found and noted. */
  broken = false;
  #nodes = 0;
  readonly #document: Document.Parsed;
  readonly #lineOf: (offset: number) => number;
  readonly #at: (line: number | null) => Place;

  constructor(document: Document.Parsed, lineOf: (offset: number) => number, at: (line: number | null) => Place) {
    this.#document = document;
    this.#lineOf = lineOf;
    this.#at = at;
  }

  /** The whole document; null when it is empty. */
  build(): Tree | null {
    const top = this.#document.contents;
    return top === null || (isScalar(top) && top.value === null) ? null : this.#node(top, 0);
  }

  #node(node: ParsedNode | null, depth: number): Tree {
    const line = node === null ? 1 : this.#lineOf(node.range[0]);
    if (++this.#nodes > MOST_NODES) throw new LimitError(`has more than ${MOST_NODES} values`, line);
    if (depth > DEEPEST) throw new LimitError(`is nested more than ${DEEPEST} levels deep`, line);
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target === undefined) throw new LimitError("has an alias without an anchor", line);
      return this.#node(target as ParsedNode, depth + 1);
    }
    if (isMap(node)) return { is: "map", line, entries: this.#entries(node.items, depth) };
    if (isSeq(node)) return { is: "list", line, items: node.items.map((item) => this.#node(item, depth + 1)) };
    return this.#scalar(node, line);
  }

  #scalar(node: ParsedNode | null, line: number): Tree {
    const value: unknown = isScalar(node) ? node.value : null;
    const quoted = isScalar(node) && node.type !== undefined && node.type !== "PLAIN";
    const text = isScalar(node) && node.source !== undefined ? node.source : String(value ?? "");
    switch (typeof value) {
      case "string":
      case "number":
      case "bigint":
      case "boolean":
        return { is: "scalar", line, text, value, quoted };
      default:
        return { is: "scalar", line, text: value === null ? "" : text, value: null, quoted };
    }
  }

  #entries(pairs: readonly { key: ParsedNode | null; value: ParsedNode | null }[], depth: number): MapEntry[] {
    const seen = new Set<string>();
    return pairs.map((pair) => {
      const line = pair.key === null ? 1 : this.#lineOf(pair.key.range[0]);
      const key = isScalar(pair.key) ? pair.key.source ?? String(pair.key.value) : null;
      if (key === null) throw new LimitError("has a key that is not plain text", line);
      if (seen.has(key)) {
        this.broken = true;
        this.#at(line).problem(`has the key "${printable(key)}" twice in one mapping`);
      }
      seen.add(key);
      const value = this.#node(pair.value, depth + 1);
      return { key, line, value: pair.value === null ? { ...value, line } : value };
    });
  }
}
