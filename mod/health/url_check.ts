/** The check that `control_plane_health_check_address` asks for: 200 is healthy. */

import type { Clock } from "../base/clock.ts";
import type { CheckResult } from "./threshold.ts";
import { fetchFailure } from "../runtime/fetch_failure.ts";

/** Thrown when a check cannot be set up; names the file. */
export class HealthCheckError extends Error {
  override readonly name = "HealthCheckError";
}

export interface UrlCheckOptions {
  readonly url: URL;
  /** The whole of redirects and answer has to come within this time. */
  readonly timeoutMs: number;
  /** PEM file, added to the authorities that are trusted anyway; null: none. */
  readonly caPath: string | null;
  readonly clock: Clock;
}

/** Asks a URL when it is told to, until it is closed. */
export class UrlCheck {
  readonly #options: UrlCheckOptions;
  readonly #http: Deno.HttpClient;
  readonly #closing = new AbortController();

  /** Reads the file of authorities. Throws {@link HealthCheckError}. */
  constructor(options: UrlCheckOptions) {
    this.#options = options;
    this.#http = makeClient(options.caPath);
  }

  /** Asks once; never throws. Redirects are followed and the body is not read. */
  async ask(): Promise<CheckResult> {
    const { url, timeoutMs, clock } = this.#options;
    const { signal } = this.#closing;
    const stop = new AbortController();
    const cut = (): void => stop.abort();
    const timer = clock.after(timeoutMs, cut);
    signal.addEventListener("abort", cut);
    const startMs = clock.now();
    try {
      const { target, headers } = splitLogin(url);
      const response = await fetch(target, { client: this.#http, headers, signal: stop.signal });
      await response.body?.cancel();
      if (response.status === 200) return { outcome: "good" };
      return { outcome: "ailing", why: `the health check ${shown(url)} answered ${response.status}` };
    } catch (error) {
      if (clock.now() - startMs >= timeoutMs) {
        return { outcome: "gone", why: `the health check ${shown(url)} had no answer within ${timeoutMs} ms` };
      }
      return { outcome: "gone", why: `the health check ${shown(url)} does not answer (${fetchFailure(error)})` };
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", cut);
    }
  }

  /** Cuts what is under way. Idempotent. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#http.close();
  }
}

/** `user:password@` of a URL is for the Authorization field; fetch refuses it where it stands. */
function splitLogin(url: URL): { target: URL; headers: Record<string, string> } {
  if (url.username === "" && url.password === "") return { target: url, headers: {} };
  const target = new URL(url);
  target.username = "";
  target.password = "";
  const login = new TextEncoder().encode(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`);
  return { target, headers: { Authorization: `Basic ${btoa(String.fromCharCode(...login))}` } };
}

/** A URL may carry a password or a token; neither is for a log. */
function shown(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

function makeClient(caPath: string | null): Deno.HttpClient {
  if (caPath === null) return Deno.createHttpClient({ http2: false });
  const pem = readPem(caPath);
  const certificates = certificatesIn(pem);
  try {
    if (certificates.length > 0) return Deno.createHttpClient({ http2: false, caCerts: certificates });
  } catch {
    // Told below: in upstream's words there is one kind of bad content.
  }
  throw new HealthCheckError(`health check CA cert "${caPath}" contains no valid certificates`);
}

function readPem(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HealthCheckError(`reading health check CA cert "${path}": ${reason}`, { cause });
  }
}

/** The blocks that may be certificates: base64 of a DER sequence (RFC 7468 §5). Other blocks, as of keys, are passed over. */
function certificatesIn(pem: string): string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.filter((block) => {
    try {
      return atob(block.replace(/-----[A-Z ]+-----|\s/g, "")).startsWith("0");
    } catch {
      return false;
    }
  });
}
