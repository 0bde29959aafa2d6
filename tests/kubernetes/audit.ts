/** What clients asked of the API servers, read from their audit logs: what running the product costs a cluster. */

/** One request. */
export interface ApiCall {
  readonly user: string;
  /** As RBAC names it: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`. */
  readonly verb: string;
  /** With its subresource, such as `services/status`; the path where it is no resource, such as `/livez`. */
  readonly resource: string;
  readonly namespace: string | null;
  readonly name: string | null;
  /** HTTP status; that of a watch says how it began. */
  readonly code: number;
  /** When it came, milliseconds since 1970. */
  readonly atMs: number;
}

/** The audit logs of a cluster, from a mark on. */
export class AuditLog {
  readonly #paths: readonly string[];
  readonly #marks = new Map<string, number>();

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  /** From now on {@link calls} gives what comes after this. */
  mark(): void {
    for (const path of this.#paths) this.#marks.set(path, read(path).length);
  }

  /** Requests that have been answered since the mark, at all servers, in the order they came. A watch counts when it has begun. */
  calls(): ApiCall[] {
    const all = this.#paths.flatMap((path) => parseAudit(read(path).slice(this.#marks.get(path) ?? 0)));
    return all.sort((a, b) => a.atMs - b.atMs);
  }
}

/** How often each user did what: `user verb resource` and the count, sorted. */
export function countCalls(calls: readonly ApiCall[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { user, verb, resource } of calls) {
    const key = `${user} ${verb} ${resource}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => a < b ? -1 : 1));
}

/** The parts of an event (audit.k8s.io/v1) that matter here. */
interface AuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
}

/** Requests in the text of an audit log. Each counts once, whatever number of its stages is logged; half a line at the end is left out. */
export function parseAudit(text: string): ApiCall[] {
  const calls = new Map<string, ApiCall>();
  for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
    if (line === "") continue;
    const event: AuditEvent = JSON.parse(line);
    if (!calls.has(event.auditID)) calls.set(event.auditID, callOf(event));
  }
  return [...calls.values()];
}

function callOf(event: AuditEvent): ApiCall {
  const { objectRef } = event;
  const sub = objectRef?.subresource === undefined ? "" : `/${objectRef.subresource}`;
  return {
    user: event.user.username,
    verb: event.verb,
    resource: objectRef === undefined ? event.requestURI.replace(/\?.*$/, "") : objectRef.resource + sub,
    namespace: objectRef?.namespace ?? null,
    name: objectRef?.name ?? null,
    code: event.responseStatus?.code ?? 0,
    atMs: Date.parse(event.requestReceivedTimestamp),
  };
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
