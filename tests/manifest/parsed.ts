import assert from "node:assert/strict";
import { parseAllDocuments } from "@kube-vip/yaml";

/** An object of a manifest, as far as tests look at it. */
export type Parsed = { readonly [key: string]: unknown };

/** The documents of a manifest by YAML 1.1, which Kubernetes reads; any of them being wrong is an error. */
export function parseManifest(text: string): Parsed[] {
  const documents = parseAllDocuments(text, { version: "1.1" });
  assert.ok(Array.isArray(documents));
  return documents.map((document) => {
    assert.deepEqual([document.errors, document.warnings], [[], []]);
    const value: unknown = document.toJS();
    assert.ok(typeof value === "object" && value !== null);
    return value as Parsed;
  });
}

/** The value at a path of keys and positions. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown> | undefined)?.[key], value);
}
