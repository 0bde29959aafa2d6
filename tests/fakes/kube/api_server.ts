/**
 * A fake API server with the real one's semantics, on a free port of 127.0.0.1, over HTTP or HTTPS.
 *
 *     const api = FakeApiServer.start();                     // { tls: { cert, key }, tokens: ["secret"], window: 1000 }
 *     api.url                                                 // http://127.0.0.1:PORT
 *     api.store.create(parsePath(LEASES), { metadata: { name: "x" }, spec: {} });   // behind the clients' backs
 *     const fault = api.fault({ kind: "hang" }, { verb: "update", path: "leases", times: 1 });
 *     await api.request((r) => r.verb === "watch");           // resolves with the next request that matches
 *     api.requests                                            // everything asked so far
 *     api.watches.silence() / speak() / cut() / finish() / bookmark() / send(event) / raw(bytes) / count
 *     api.freeze(); api.thaw();                               // half-open: connections stand, nothing is answered on any of them
 *     await api.stop();
 *
 * Any collection works (`/api/v1/…`, `/apis/group/version/…`, namespaced or not): create, get, list (limit and continue), watch,
 * PUT over a resourceVersion (409 Conflict), merge patch, delete with preconditions; uid; one growing resourceVersion for everything;
 * `metadata.name` field selector, equality label selectors; Status objects with the real reasons (NotFound, AlreadyExists, Conflict,
 * Expired, Unauthorized); watches from a resourceVersion, bookmarks when {@link Watches.bookmark} is called; `store.compact()` makes old
 * versions 410. `/livez`, `/readyz`, `/healthz` answer `ok`. Faults are in faults.ts.
 */

import { type Fault, type FaultKind, type FaultMatch, Faults } from "./faults.ts";
import { type FakeObject, kindOf, parsePath, type ResourcePath, selectorOf, type Verb, verbOf } from "./paths.ts";
import { FakeStore, StatusError } from "./store.ts";
import { Watches } from "./watches.ts";

export { type FakeObject, parsePath } from "./paths.ts";

/** One request as it arrived. */
export interface RequestRecord {
  readonly verb: Verb;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: unknown;
  /** Port of the client's end: tells connections apart. */
  readonly remotePort: number;
}

export interface FakeApiServerOptions {
  /** PEM; without it plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Bearer tokens that are let in; without it everybody is. */
  readonly tokens?: readonly string[];
  /** Changes that watches can start from. */
  readonly window?: number;
  /** Default: any free one. */
  readonly port?: number;
  /** Address to listen on; default 127.0.0.1. */
  readonly hostname?: string;
}

/** Time for the head of an answer to go out before its connection breaks. */
const FLUSH_MS = 30;

interface Waiting {
  readonly matches: (record: RequestRecord) => boolean;
  readonly resolve: (record: RequestRecord) => void;
}

export class FakeApiServer {
  readonly store: FakeStore;
  readonly watches: Watches;
  readonly requests: RequestRecord[] = [];
  /** May be exchanged while running: rotation. Null lets everybody in. */
  tokens: readonly string[] | null;
  readonly #faults = new Faults();
  readonly #waiting = new Set<Waiting>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #tls: boolean;
  #frozen: PromiseWithResolvers<void> | null = null;

  private constructor(options: FakeApiServerOptions) {
    this.store = new FakeStore(options.window);
    this.watches = new Watches(this.store);
    this.tokens = options.tokens ?? null;
    this.#tls = options.tls !== undefined;
    const listen = { port: options.port ?? 0, hostname: options.hostname ?? "127.0.0.1", onListen: () => {} };
    const handle = (request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Promise<Response> =>
      this.#handle(request, info.remoteAddr.port);
    this.#server = options.tls === undefined
      ? Deno.serve({ ...listen, onError: crash }, handle)
      : Deno.serve({ ...listen, onError: crash, ...options.tls }, handle);
  }

  static start(options: FakeApiServerOptions = {}): FakeApiServer {
    return new FakeApiServer(options);
  }

  get url(): string {
    return `${this.#tls ? "https" : "http"}://${this.#server.addr.hostname}:${this.port}`;
  }

  get port(): number {
    return this.#server.addr.port;
  }

  /** Does something wrong to the requests that match, until ended or used up. */
  fault(fault: FaultKind, match: FaultMatch = {}): Fault {
    return this.#faults.add(fault, match);
  }

  /** Nothing is answered, on old connections nor on new ones, and watches say nothing. */
  freeze(): void {
    this.#frozen ??= Promise.withResolvers();
    this.watches.silence();
  }

  /** Requests that waited are answered now. */
  thaw(): void {
    this.#frozen?.resolve();
    this.#frozen = null;
    this.watches.speak();
  }

  /** The next request that matches; not those that have already come. */
  request(matches: (record: RequestRecord) => boolean): Promise<RequestRecord> {
    const { promise, resolve } = Promise.withResolvers<RequestRecord>();
    this.#waiting.add({ matches, resolve });
    return promise;
  }

  /** How many requests of a kind there were. */
  count(verb: Verb, path = ""): number {
    return this.requests.filter((record) => record.verb === verb && record.path.includes(path)).length;
  }

  async stop(): Promise<void> {
    this.#stopped.resolve();
    this.thaw();
    this.#faults.clear();
    for (const id of this.#timers) clearTimeout(id);
    this.watches.finish();
    await this.#server.shutdown();
  }

  async #handle(request: Request, remotePort: number): Promise<Response> {
    const url = new URL(request.url);
    const path = parsePath(url.pathname);
    const verb = verbOf(request.method, path, url.searchParams);
    const text = await request.text();
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const query = url.searchParams;
    this.#note({ verb, method: request.method, path: url.pathname, query, headers: request.headers, body, remotePort });
    if (this.#frozen !== null) await Promise.race([this.#frozen.promise, this.#stopped.promise]);
    if (!this.#allowed(request.headers)) return status(401, "Unauthorized", "Unauthorized");
    const suffered = this.#faults.take(verb, url.pathname);
    const serve = (staleAt?: number): Response => this.#serve({ verb, url, path, body, staleAt });
    return suffered === null ? serve() : await this.#suffer(suffered, serve);
  }

  #note(record: RequestRecord): void {
    this.requests.push(record);
    for (const waiting of [...this.#waiting]) {
      if (!waiting.matches(record)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(record);
    }
  }

  #allowed(headers: Headers): boolean {
    if (this.tokens === null) return true;
    return this.tokens.some((token) => headers.get("authorization") === `Bearer ${token}`);
  }

  async #suffer(
    { fault, ended }: { readonly fault: FaultKind; readonly ended: Promise<void> },
    serve: (staleAt?: number) => Response,
  ): Promise<Response> {
    switch (fault.kind) {
      case "hang":
        await Promise.race([ended, this.#stopped.promise]);
        return serve();
      case "delay":
        await this.#pause(fault.ms);
        return serve();
      case "drop":
        return this.#broken('{"kind":"Sta');
      case "lostWrite":
        await serve().body?.cancel();
        return this.#broken("");
      case "slowBody":
        return await this.#slow(serve(), fault);
      case "status":
        return status(fault.status, fault.reason ?? "", "Told to fail", fault.retryAfterSeconds);
      case "body":
        return new Response(fault.body, {
          status: fault.status,
          headers: { "content-type": fault.contentType ?? "text/html" },
        });
      case "stale":
        return serve(fault.version);
    }
  }

  async #slow(response: Response, fault: { readonly pieces: number; readonly pauseMs: number }): Promise<Response> {
    const bytes = await response.bytes();
    const size = Math.max(1, Math.ceil(bytes.length / fault.pieces));
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await this.#pause(fault.pauseMs);
        controller.enqueue(bytes.subarray(at, at + size));
        at += size;
        if (at >= bytes.length) controller.close();
      },
    });
    return new Response(body, response);
  }

  /** Breaks the connection: before the head of the answer, or after so much of its body. */
  #broken(start: string): Response {
    let left = start;
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        if (left === "") {
          // An error at once would take the head along.
          if (start !== "") await this.#pause(FLUSH_MS);
          return controller.error(new Error("Told to break"));
        }
        controller.enqueue(new TextEncoder().encode(left));
        left = "";
      },
    });
    return new Response(body, { headers: { "content-type": "application/json" } });
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const id = setTimeout(resolve, ms);
    this.#timers.add(id);
    await Promise.race([promise, this.#stopped.promise]);
    clearTimeout(id);
    this.#timers.delete(id);
  }

  #serve(asked: Asked): Response {
    try {
      if (asked.path === null) {
        if (/^\/(livez|readyz|healthz)$/.test(asked.url.pathname)) return new Response("ok");
        throw new StatusError(404, "NotFound", "the server could not find the requested resource");
      }
      return this.#resource({ ...asked, path: asked.path });
    } catch (error) {
      if (error instanceof StatusError) return status(error.status, error.reason, error.message);
      throw error;
    }
  }

  #resource({ verb, url, path, body, staleAt }: Asked & { readonly path: ResourcePath }): Response {
    const object = body as FakeObject;
    switch (verb) {
      case "create":
        return json(201, this.store.create(path, object));
      case "update":
        return json(this.store.get(path) === null ? 201 : 200, this.store.update(path, object));
      case "patch":
        return json(200, this.store.mergePatch(path, object));
      case "delete":
        this.store.delete(path, (body as { preconditions?: Record<string, string> } | undefined)?.preconditions);
        return json(200, { kind: "Status", apiVersion: "v1", status: "Success" });
      case "get":
        return this.#get(path, staleAt);
      case "list":
        return json(200, this.#list(path, { query: url.searchParams, staleAt }));
      case "watch":
        return this.#watch(path, url.searchParams);
    }
  }

  #get(path: ResourcePath, staleAt: number | undefined): Response {
    const found = this.store.get(path, staleAt);
    if (found === null) throw new StatusError(404, "NotFound", `${path.resource} "${path.name}" not found`);
    return json(200, found);
  }

  #list(path: ResourcePath, options: { query: URLSearchParams; staleAt: number | undefined }): unknown {
    const { query, staleAt } = options;
    const limit = Number(query.get("limit") ?? "0");
    const token = query.get("continue");
    const from = token === null ? null : JSON.parse(atob(token)) as { version: number; skip: number };
    const version = from?.version ?? staleAt ?? this.store.version;
    if (from !== null && from.version < this.store.oldest) {
      throw new StatusError(
        410,
        "Expired",
        "The provided continue parameter is too old to display a consistent list result",
      );
    }
    const all = this.store.list(path, version).filter(selectorOf(query));
    const skip = from?.skip ?? 0;
    const items = limit > 0 ? all.slice(skip, skip + limit) : all.slice(skip);
    const more = skip + items.length < all.length;
    const next = more ? { continue: btoa(JSON.stringify({ version, skip: skip + items.length })) } : {};
    const metadata = { resourceVersion: String(version), ...next };
    return { kind: `${kindOf(path.resource)}List`, apiVersion: path.apiVersion, metadata, items };
  }

  #watch(path: ResourcePath, query: URLSearchParams): Response {
    const version = Number(query.get("resourceVersion") ?? this.store.version);
    if (version < this.store.oldest) {
      throw new StatusError(410, "Expired", `too old resource version: ${version} (${this.store.oldest})`);
    }
    if (version > this.store.version) {
      throw new StatusError(504, "Timeout", `Too large resource version: ${version}, current: ${this.store.version}`);
    }
    return new Response(this.watches.stream(path, query, version), { headers: { "content-type": "application/json" } });
  }
}

interface Asked {
  readonly verb: Verb;
  readonly url: URL;
  readonly path: ResourcePath | null;
  readonly body: unknown;
  readonly staleAt: number | undefined;
}

function crash(error: unknown): Response {
  return status(500, "InternalError", error instanceof Error ? error.message : String(error));
}

function json(code: number, body: unknown): Response {
  return Response.json(body, { status: code });
}

function status(code: number, reason: string, message: string, retryAfterSeconds?: number): Response {
  const headers: HeadersInit = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  return Response.json({ kind: "Status", apiVersion: "v1", status: "Failure", message, reason, code }, {
    status: code,
    headers,
  });
}
