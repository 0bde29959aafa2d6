/** Where a request of the API goes: which collection, which object, what is done. */

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";

export interface ResourcePath {
  /** `v1` or `group/version`. */
  readonly apiVersion: string;
  /** Plural, e.g. `leases`. */
  readonly resource: string;
  /** Empty: cluster-wide, or all namespaces. */
  readonly namespace: string;
  /** Empty: the collection. */
  readonly name: string;
}

const KINDS: Readonly<Record<string, string>> = {
  leases: "Lease",
  nodes: "Node",
  events: "Event",
  endpoints: "Endpoints",
  endpointslices: "EndpointSlice",
  services: "Service",
  pods: "Pod",
  configmaps: "ConfigMap",
  secrets: "Secret",
};

/** The kind that objects of a collection have; a made-up one for a plural nobody knows. */
export function kindOf(resource: string): string {
  return KINDS[resource] ?? resource.charAt(0).toUpperCase() + resource.slice(1).replace(/s$/, "");
}

/** Takes a path apart; null for what is no resource. `/status` after a name means the object itself. */
export function parsePath(path: string): ResourcePath | null {
  const parts = path.split("/").slice(1).map(decodeURIComponent);
  const core = parts[0] === "api" && parts.length > 2;
  if (!core && !(parts[0] === "apis" && parts.length > 3)) return null;
  const apiVersion = core ? parts[1] ?? "" : `${parts[1]}/${parts[2]}`;
  const rest = parts.slice(core ? 2 : 3);
  const namespaced = rest[0] === "namespaces" && rest.length >= 3;
  const [resource, name, sub] = namespaced ? rest.slice(2) : rest;
  if (!resource || (sub !== undefined && sub !== "status")) return null;
  return { apiVersion, resource, namespace: namespaced ? rest[1] ?? "" : "", name: name ?? "" };
}

/** What a request does. */
export function verbOf(method: string, path: ResourcePath | null, query: URLSearchParams): Verb {
  switch (method) {
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return "delete";
    default:
      if (path === null || path.name !== "") return "get";
      return query.get("watch") === "true" || query.get("watch") === "1" ? "watch" : "list";
  }
}

/** `fieldSelector=metadata.name=…` (and namespace) and `labelSelector` with equalities or bare keys, as a function of the object. */
export function selectorOf(query: URLSearchParams): (object: FakeObject) => boolean {
  const fields = equalities(query.get("fieldSelector"));
  const labels = equalities(query.get("labelSelector"));
  return (object) =>
    fields.every(([key, value]) => {
      if (key === "metadata.name") return object.metadata.name === value;
      return key === "metadata.namespace" && (object.metadata.namespace ?? "") === value;
    }) && labels.every(([key, value]) => {
      const has = object.metadata.labels?.[key];
      return value === null ? has !== undefined : has === value;
    });
}

/** Keys with their values; null: any value. */
function equalities(text: string | null): [string, string | null][] {
  if (text === null || text === "") return [];
  return text.split(",").map((part) => {
    const [key = "", value = null] = part.split(/==?/);
    return [key, value];
  });
}

/** An object as the server keeps it. */
export interface FakeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}
