/** Objects as YAML text, laid out as Go's library does it, which `kubectl` and upstream's generator use. */

import { Document, Scalar, visit } from "@kube-vip/yaml";

/** What a manifest is made of. */
export type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

/**
 * One document: keys in alphabetical order, list items not indented below their key. Text that YAML 1.1 would read as something else
 * (`true`, `6443`, `no`) is in double quotes, what cannot stand alone in single ones.
 */
export function writeYaml(value: Json): string {
  // Kubernetes reads YAML 1.1, where `no` and `0755` are not text.
  const document = new Document(value, { version: "1.1", sortMapEntries: true, aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === "string" && isAmbiguous(node.value, document)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ indentSeq: false, lineWidth: 0, singleQuote: true });
}

/** Whether plain text would not come back as text. */
function isAmbiguous(text: string, document: Document): boolean {
  if (text === "" || document.schema === undefined) return true;
  return document.schema.tags.some((tag) =>
    "test" in tag && tag.default !== false && tag.tag !== "tag:yaml.org,2002:str" && tag.test?.test(text) === true
  );
}

/** Several documents, each introduced by `---` and followed by an empty line, as upstream prints them. */
export function writeDocuments(values: readonly Json[]): string {
  return values.map((value) => `---\n${writeYaml(value)}\n`).join("");
}
