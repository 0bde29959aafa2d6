/**
 * etcd's JSON gateway (`/v3/…`, part of every etcd ≥ 3.4) over fetch. HTTP/1.1 on purpose: Deno's reused HTTP/2 connections can stall.
 * Every request goes to one endpoint; when that fails, the next request goes to the next one.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { getLog } from "../../observe/log.ts";
import { Endpoints } from "./endpoints.ts";
import {
  EtcdFormatError,
  parseJson,
  readGranted,
  readKept,
  readRefusal,
  readTxnResult,
  readWatchLine,
  txnJson,
  watchJson,
} from "./json.ts";
import { CODE_NOT_FOUND } from "./types.ts";
import { bodyChunks } from "../../runtime/body_chunks.ts";
import { fetchFailure } from "../../runtime/fetch_failure.ts";
import { withoutProxies } from "../../runtime/no_proxy.ts";
import { keyPairFault } from "../../runtime/tls_check.ts";
import type {
  Etcd,
  EtcdAnswer,
  EtcdWatch,
  EtcdWatchListener,
  EtcdWatchRequest,
  LeaseId,
  LeaseTtl,
  Txn,
  TxnResult,
} from "./types.ts";

const log = getLog("election");

/** Longer answers, and longer lines of a watch, are not etcd's. */
const MOST_BYTES = 1 << 20;
/** A watch has to be confirmed within this time. */
const WATCH_BEGIN_MS = 3000;
/** A watch that said nothing for so long is begun again: its connection may be dead. */
const WATCH_SILENCE_MS = 60_000;
/** After a failure the files are read again, not more often than this: certificates are renewed while the program runs. */
const REREAD_MS = 10_000;

/** Thrown when the files that name keys and certificates cannot be used. */
export class EtcdTlsError extends Error {
  override readonly name = "EtcdTlsError";

  constructor(what: string, path: string, cause: unknown) {
    super(`Cannot use the ${what} ${path}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** PEM files; null: not given. */
export interface EtcdTlsFiles {
  readonly caPath: string | null;
  readonly certPath: string | null;
  readonly keyPath: string | null;
}

export interface EtcdGatewayOptions {
  /** URLs, or `host:port`. */
  readonly endpoints: readonly string[];
  readonly tls: EtcdTlsFiles;
  readonly clock: Clock;
}

/** See the head of this file. */
export class EtcdGateway implements Etcd {
  readonly #endpoints: Endpoints;
  readonly #tls: EtcdTlsFiles;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #http: Deno.HttpClient;
  #readAt: number;
  #isSuspect = false;

  /** Reads the files. Throws {@link EtcdTlsError} or EtcdEndpointError. */
  constructor(options: EtcdGatewayOptions) {
    const { endpoints, tls, clock } = options;
    this.#endpoints = new Endpoints(endpoints, isSecured(tls));
    this.#tls = tls;
    this.#clock = clock;
    this.#http = httpClient(tls);
    this.#readAt = clock.now();
  }

  txn(txn: Txn, limitMs: number): Promise<EtcdAnswer<TxnResult>> {
    return this.#post("kv/txn", txnJson(txn), { limitMs, read: readTxnResult });
  }

  grantLease(
    lease: { readonly id: LeaseId; readonly ttlSeconds: number },
    limitMs: number,
  ): Promise<EtcdAnswer<LeaseTtl>> {
    return this.#post("lease/grant", { ID: lease.id, TTL: String(lease.ttlSeconds) }, { limitMs, read: readGranted });
  }

  keepLease(id: LeaseId, limitMs: number): Promise<EtcdAnswer<LeaseTtl>> {
    return this.#post("lease/keepalive", { ID: id }, { limitMs, read: readKept });
  }

  async revokeLease(id: LeaseId, limitMs: number): Promise<EtcdAnswer<null>> {
    const answer = await this.#post("lease/revoke", { ID: id }, { limitMs, read: () => null });
    return answer.outcome === "refused" && answer.code === CODE_NOT_FOUND ? { outcome: "ok", body: null } : answer;
  }

  watch(request: EtcdWatchRequest, listener: EtcdWatchListener): EtcdWatch {
    const stopping = new AbortController();
    const url = this.#endpoints.current;
    this.#follow(url, request, { listener, stopping }).then((end) => {
      if (stopping.signal.aborted) return;
      if (end.is === "broken") this.#failed(url);
      listener.ended(end.cause);
    }).catch((error) => log.error("The end of an etcd watch was not taken in", { error: fetchFailure(error) }));
    return { stop: () => stopping.abort() };
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#http.close();
  }

  async #post<T>(
    path: string,
    body: unknown,
    options: { readonly limitMs: number; readonly read: (body: unknown) => T },
  ): Promise<EtcdAnswer<T>> {
    if (this.#closing.signal.aborted) return { outcome: "unreachable", cause: "closed" };
    const url = this.#endpoints.current;
    const late = new AbortController();
    const timer = this.#clock.after(options.limitMs, () => late.abort(`no answer within ${options.limitMs} ms`));
    const answer = await this.#exchange(`${url}/v3/${path}`, body, { late, read: options.read });
    timer.cancel();
    if (answer.outcome === "unreachable") {
      this.#failed(url);
      return { outcome: "unreachable", cause: `${url}: ${late.signal.aborted ? late.signal.reason : answer.cause}` };
    }
    return answer;
  }

  async #exchange<T>(
    url: string,
    body: unknown,
    options: { readonly late: AbortController; readonly read: (body: unknown) => T },
  ): Promise<EtcdAnswer<T>> {
    try {
      const { signal } = options.late;
      const response = await this.#fetch(url, body, signal);
      const text = await readText(response, [signal, this.#closing.signal]);
      if (!response.ok) return readRefusal(response.status, text);
      return { outcome: "ok", body: options.read(parseJson(text)) };
    } catch (error) {
      return { outcome: "unreachable", cause: fetchFailure(error) };
    }
  }

  #fetch(url: string, body: unknown, signal: AbortSignal): Promise<Response> {
    this.#renewClient();
    return fetch(url, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
      redirect: "error",
      signal: AbortSignal.any([signal, this.#closing.signal]),
      client: this.#http,
    });
  }

  /** Follows until something ends it. */
  async #follow(
    url: string,
    request: EtcdWatchRequest,
    options: { readonly listener: EtcdWatchListener; readonly stopping: AbortController },
  ): Promise<WatchEnd> {
    const { listener, stopping } = options;
    const silence = new Silence(this.#clock);
    silence.rearm(WATCH_BEGIN_MS);
    const signals = [stopping.signal, silence.signal, this.#closing.signal];
    let begun = false;
    try {
      const response = await this.#fetch(`${url}/v3/watch`, watchJson(request), AbortSignal.any(signals));
      if (!response.ok || response.body === null) {
        const refusal = readRefusal(response.status, await readText(response, signals));
        return { is: "broken", cause: refusal.outcome === "refused" ? refusal.message : refusal.cause };
      }
      for await (const line of lines(response.body, signals)) {
        const said = readWatchLine(line);
        if (said.is === "ended") return { is: "broken", cause: said.cause };
        begun = true;
        silence.rearm(WATCH_SILENCE_MS);
        if (said.is === "changed" && !stopping.signal.aborted) listener.changed();
      }
      return { is: "broken", cause: "etcd ended the watch" };
    } catch (error) {
      if (silence.signal.aborted) return { is: begun ? "silent" : "broken", cause: "the watch was silent" };
      return { is: "broken", cause: fetchFailure(error) };
    } finally {
      silence.stop();
    }
  }

  #failed(url: string): void {
    this.#endpoints.failed(url);
    this.#isSuspect = true;
  }

  /** Something failed: perhaps because the certificates are not those of the files any more. */
  #renewClient(): void {
    const now = this.#clock.now();
    if (!this.#isSuspect || !isSecured(this.#tls) || now < this.#readAt + REREAD_MS) return;
    this.#readAt = now;
    this.#isSuspect = false;
    try {
      const renewed = httpClient(this.#tls);
      this.#http.close();
      this.#http = renewed;
    } catch (error) {
      // Half written, perhaps: the old ones are still as good as they were.
      if (!(error instanceof EtcdTlsError)) throw error;
    }
  }
}

/** Why a watch ended: it, or the endpoint, failed; or nothing was heard for long, which is well if there was nothing to say. */
interface WatchEnd {
  readonly is: "broken" | "silent";
  readonly cause: string;
}

/** A time-out that is set anew again and again. */
class Silence {
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #timer: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  rearm(limitMs: number): void {
    this.stop();
    this.#timer = this.#clock.after(limitMs, () => this.#over.abort("silent"));
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

function isSecured(tls: EtcdTlsFiles): boolean {
  return tls.caPath !== null || tls.certPath !== null || tls.keyPath !== null;
}

function httpClient(tls: EtcdTlsFiles): Deno.HttpClient {
  const ca = readPem("certificate authority", tls.caPath);
  const cert = readPem("client certificate", tls.certPath);
  const key = readPem("client key", tls.keyPath);
  if ((cert === null) !== (key === null)) {
    const [has, lacks] = cert === null ? ["key", "certificate"] : ["certificate", "key"];
    throw new EtcdTlsError(`client ${has}`, tls.certPath ?? tls.keyPath ?? "", `there is no client ${lacks} with it`);
  }
  if (cert !== null && key !== null) {
    const fault = keyPairFault({ cert, key });
    if (fault !== null) throw new EtcdTlsError("client certificate and key", `${tls.certPath}, ${tls.keyPath}`, fault);
  }
  try {
    return withoutProxies(() =>
      Deno.createHttpClient({
        http2: false,
        ...(ca === null ? {} : { caCerts: [ca] }),
        ...(cert === null || key === null ? {} : { cert, key }),
      })
    );
  } catch (error) {
    throw new EtcdTlsError("certificates", [tls.caPath, tls.certPath, tls.keyPath].filter(Boolean).join(", "), error);
  }
}

function readPem(what: string, path: string | null): string | null {
  if (path === null) return null;
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new EtcdTlsError(what, path, error);
  }
}

async function readText(response: Response, signals: readonly AbortSignal[]): Promise<string> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of bodyChunks(response.body, signals)) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MOST_BYTES) throw new EtcdFormatError("the answer is too long");
  }
  return text + decoder.decode();
}

async function* lines(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  signals: readonly AbortSignal[],
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of bodyChunks(body, signals)) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    if (rest.length > MOST_BYTES) throw new EtcdFormatError("a line of the watch is too long");
    yield* parts.filter((line) => line !== "");
  }
}
