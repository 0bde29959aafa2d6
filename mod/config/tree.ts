/** A configuration file after its syntax has been read: plain nodes that know their line. */

export interface Scalar {
  readonly is: "scalar";
  /** The text as written (without quotes): numbers keep their leading zeros, so that we decide how to read them. */
  readonly text: string;
  readonly value: string | number | bigint | boolean | null;
  /** Written with quotes or as a block: always text. */
  readonly quoted: boolean;
  readonly line: number;
}

export interface Sequence {
  readonly is: "list";
  readonly items: readonly Tree[];
  readonly line: number;
}

export interface Mapping {
  readonly is: "map";
  readonly entries: readonly MapEntry[];
  readonly line: number;
}

export interface MapEntry {
  readonly key: string;
  readonly line: number;
  readonly value: Tree;
}

export type Tree = Scalar | Sequence | Mapping;

/** What a tree is, in the words of a message. */
export function describeTree(tree: Tree): string {
  switch (tree.is) {
    case "map":
      return "a mapping";
    case "list":
      return "a list";
    case "scalar":
      if (tree.value === null) return "nothing";
      if (tree.quoted || typeof tree.value === "string") return "text";
      return typeof tree.value === "boolean" ? "true or false" : "a number";
  }
}

/** The tree as one line of flow style, for messages. */
export function showTree(tree: Tree): string {
  switch (tree.is) {
    case "scalar":
      return tree.value === null ? "" : tree.text;
    case "list":
      return `[${tree.items.map(showTree).join(", ")}]`;
    case "map":
      return `{${tree.entries.map((entry) => `${entry.key}: ${showTree(entry.value)}`).join(", ")}}`;
  }
}

/** No value or the empty string: counts as not given, as the files upstream printed contained every key. */
export function isBlank(tree: Tree): boolean {
  return tree.is === "scalar" && (tree.value === null || tree.text.trim() === "");
}

/** Asks for nothing: blank, zero, false, or a list or mapping of such. */
export function isHarmless(tree: Tree): boolean {
  switch (tree.is) {
    case "scalar":
      return isBlank(tree) || isHarmlessText(tree.text);
    case "list":
      return tree.items.every(isHarmless);
    case "map":
      return tree.entries.every((entry) => isHarmless(entry.value));
  }
}

/** {@link isHarmless} for the text of a flag or a variable. */
export function isHarmlessText(text: string): boolean {
  return /^(|0|0s|f|F|false|False|FALSE)$/.test(text.trim());
}
