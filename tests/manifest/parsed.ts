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

/** What the kubelet knows of the node. */
const NODE: Readonly<Record<string, string>> = { "spec.nodeName": "n1", "status.hostIP": "10.0.0.1" };

/** The environment of a Pod's or DaemonSet's container as the kubelet makes it; what is in a Secret is not in it. */
export function environmentOf(manifest: Parsed): Record<string, string> {
  const template = manifest["kind"] === "Pod" ? manifest : at(manifest, "spec", "template");
  const env: Record<string, string> = {};
  const list = at(template, "spec", "containers", 0, "env");
  assert.ok(Array.isArray(list));
  for (const one of list) {
    const field = at(one, "valueFrom", "fieldRef", "fieldPath");
    if (at(one, "valueFrom", "secretKeyRef") !== undefined) continue;
    const name = String(at(one, "name"));
    assert.equal(env[name], undefined, `${name} is there once`);
    env[name] = field === undefined ? expand(String(at(one, "value") ?? ""), env) : NODE[String(field)] ?? "";
  }
  return env;
}

/** As the kubelet replaces references: those it knows, and `$$` by `$`. */
function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (all, name?: string) => name === undefined ? "$" : env[name] ?? all);
}
