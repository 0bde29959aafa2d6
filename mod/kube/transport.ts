/**
 * Requests to one API server over one pool of connections. HTTP/1.1 only: a request that is given up closes its connection and harms no
 * other, and reused HTTP/2 connections can stall for ever in Deno (denoland/deno#21749).
 */

import type { Clock } from "../base/clock.ts";
import { bodyChunks } from "../runtime/body_chunks.ts";
import { DeadlineError } from "../runtime/deadline.ts";
import type { KubeAnswer, KubeRequest } from "./api.ts";
import type { Credentials, Material } from "./credentials.ts";
import { fetchFailure, isTlsFailure } from "../runtime/fetch_failure.ts";
import { isRecord, type StatusObject } from "./objects.ts";
import { withoutProxies } from "../runtime/no_proxy.ts";

/** Larger answers are given up: the largest list this program asks for has pages of 500 objects. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** The API server closes idle connections after 90 s; closing them earlier avoids sending into one that is just being closed. */
const IDLE_MS = 60_000;
const MAX_IDLE = 4;

export interface TransportOptions {
  /** Base URL without a slash at its end. */
  readonly server: string;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly userAgent: string;
}

/** An answer whose body is read while it comes. */
export interface OpenStream {
  readonly outcome: "open";
  readonly body: AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Closes the connection; reading then throws `reason`. */
  abort(reason: Error): void;
}

/** Neither a success nor a stream. */
export type Failure = Exclude<KubeAnswer<never>, { outcome: "ok" }>;

export class Transport {
  readonly #options: TransportOptions;
  readonly #running = new Set<AbortController>();
  #pool: { readonly tlsGeneration: number; readonly client: Deno.HttpClient } | null = null;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** One request with its whole answer. */
  async send(request: KubeRequest): Promise<KubeAnswer<unknown>> {
    const limit = this.#limited(request);
    try {
      const { signal } = limit.controller;
      return await this.#answer(await this.#exchange(request, signal), { path: request.path, signal });
    } catch (error) {
      return unreachable(error);
    } finally {
      limit.end();
    }
  }

  /** A request whose answer does not end; `limitMs` is for its beginning. */
  async open(request: KubeRequest): Promise<OpenStream | Failure> {
    const limit = this.#limited(request);
    const { controller } = limit;
    try {
      const response = await this.#exchange(request, controller.signal);
      if (!response.ok || response.body === null) {
        const answer = await this.#answer(response, { path: request.path, signal: controller.signal });
        limit.end();
        return answer.outcome === "ok" ? { outcome: "unreachable", cause: "The answer has no body" } : answer;
      }
      limit.stopTimer();
      const abort = (reason: Error): void => {
        limit.end();
        controller.abort(reason);
      };
      return { outcome: "open", body: bodyChunks(response.body, [controller.signal]), abort };
    } catch (error) {
      limit.end();
      return unreachable(error);
    }
  }

  /** Ends everything that runs, and the connections. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const controller of [...this.#running]) controller.abort(new Error("The client was closed"));
    this.#running.clear();
    this.#dropPool();
  }

  #limited(request: KubeRequest): { controller: AbortController; stopTimer(): void; end(): void } {
    const controller = new AbortController();
    this.#running.add(controller);
    const { method, path, limitMs } = request;
    const timer = this.#options.clock.after(limitMs, () => {
      // Whatever kept this answer away may hold the idle connections too: the next request makes a new one.
      this.#dropPool();
      controller.abort(new DeadlineError(`${method} ${path}`, limitMs));
    });
    const stopTimer = (): void => timer.cancel();
    const end = (): void => {
      stopTimer();
      this.#running.delete(controller);
    };
    return { controller, stopTimer, end };
  }

  /** Sends, and sends once more if the credentials were refused and there are newer ones. */
  async #exchange(request: KubeRequest, signal: AbortSignal): Promise<Response> {
    const { credentials } = this.#options;
    const used = await untilAborted(credentials.current(), signal);
    let refusal: { readonly response: Response } | { readonly error: unknown };
    try {
      const response = await this.#fetch(request, used, signal);
      if (response.status !== 401) return response;
      refusal = { response };
    } catch (error) {
      if (!isTlsFailure(error) || signal.aborted) throw error;
      refusal = { error };
    }
    const fresh = await untilAborted(credentials.refresh(used), signal);
    if (fresh.generation === used.generation) {
      if ("error" in refusal) throw refusal.error;
      return refusal.response;
    }
    if ("response" in refusal) await refusal.response.body?.cancel();
    return await this.#fetch(request, fresh, signal);
  }

  async #fetch(request: KubeRequest, material: Material, signal: AbortSignal): Promise<Response> {
    if (this.#closed) throw new Error("The client is closed");
    const headers = new Headers({ accept: "application/json", "user-agent": this.#options.userAgent });
    if (material.authorization !== null) headers.set("authorization", material.authorization);
    if (request.body !== undefined) headers.set("content-type", contentType(request.method));
    const query = request.query === undefined ? "" : `?${new URLSearchParams(request.query)}`;
    return await fetch(`${this.#options.server}${request.path}${query}`, {
      method: request.method,
      headers,
      // A stream can be sent only once. fetch repeats other requests by itself when a connection ends without an answer, also writes that
      // may have been carried out: the second then meets the first one's result and is told of a conflict.
      ...(request.body === undefined ? {} : { body: onceOnly(request.body) }),
      redirect: "manual",
      client: this.#client(material),
      signal,
    });
  }

  #client(material: Material): Deno.HttpClient {
    if (this.#pool !== null && this.#pool.tlsGeneration === material.tlsGeneration) return this.#pool.client;
    this.#dropPool();
    const client = createHttpClient(material);
    this.#pool = { tlsGeneration: material.tlsGeneration, client };
    return client;
  }

  /** Idle connections end; requests that run on one of the others go on. */
  #dropPool(): void {
    this.#pool?.client.close();
    this.#pool = null;
  }

  async #answer(
    response: Response,
    { path, signal }: { readonly path: string; readonly signal: AbortSignal },
  ): Promise<KubeAnswer<unknown>> {
    const { status } = response;
    if (status >= 300 && status < 400) {
      await response.body?.cancel();
      return { outcome: "unreachable", cause: `The server answers with a redirect (${status})` };
    }
    const text = await readText(response, signal);
    const body = parseJson(text);
    if (status >= 400) return refused(response, body);
    if (body !== undefined) return { outcome: "ok", status, body };
    // `/livez` and its like answer in words.
    if (!path.startsWith("/api") && response.headers.get("content-type")?.startsWith("text/plain")) {
      return { outcome: "ok", status, body: text };
    }
    return { outcome: "unreachable", cause: `The answer (${status}, ${text.length} characters) is no JSON` };
  }
}

/** Proxies of the environment are left out: whether an address is held may not depend on them, and the server is a local one. */
function createHttpClient(material: Material): Deno.HttpClient {
  return withoutProxies(() =>
    Deno.createHttpClient({
      caCerts: [...material.caCerts],
      ...(material.client ?? {}),
      http2: false,
      poolMaxIdlePerHost: MAX_IDLE,
      poolIdleTimeout: IDLE_MS,
    })
  );
}

function contentType(method: string): string {
  return method === "PATCH" ? "application/merge-patch+json" : "application/json";
}

function onceOnly(body: unknown): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return new ReadableStream({
    start(controller): void {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

/** The whole body. Throws when it is too large, cut off or late; the connection is then closed. */
async function readText(response: Response, signal: AbortSignal): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of bodyChunks(response.body, [signal])) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`The answer is larger than ${MAX_BODY_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Undefined for what is no JSON: messages of the parser quote the text, which may be secret. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refused(response: Response, body: unknown): Failure {
  const status: StatusObject = isRecord(body) ? body : {};
  const after = response.headers.get("retry-after") ?? "";
  return {
    outcome: "refused",
    status: response.status,
    reason: typeof status.reason === "string" ? status.reason : "",
    message: typeof status.message === "string" ? status.message : response.statusText,
    retryAfterMs: /^\d{1,6}$/.test(after) ? Number(after) * 1000 : null,
  };
}

function unreachable(error: unknown): Failure {
  return { outcome: "unreachable", cause: fetchFailure(error) };
}

/** The result of `work`, or the signal's reason as soon as it is aborted. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
