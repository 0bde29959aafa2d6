/** Requests to an API server, as a user with a certificate. */

import type { Identity } from "./certificates.ts";
import { TextLineStream } from "./lines.ts";

/** How a server answered; a body that is not JSON is text. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What may be said about a request. */
export interface RequestOptions {
  readonly body?: unknown;
  /** `application/json` if not named; a patch needs another. */
  readonly contentType?: string;
  readonly deadlineMs?: number;
}

/** One line of a watch. */
export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

const DEADLINE_MS = 10_000;

/** A user of one API server. Whoever made it closes it. */
export class ApiClient {
  readonly #base: string;
  readonly #http: Deno.HttpClient;

  /** Talks to `base`, such as `https://127.0.0.1:6443`, and trusts only what `authority` (a PEM certificate) signed. */
  constructor(base: string, user: Identity, trust: { authority: string }) {
    this.#base = base;
    this.#http = Deno.createHttpClient({
      caCerts: [trust.authority],
      cert: user.certificate,
      key: user.key,
      http2: false,
    });
  }

  /** Asks once. Throws when there is no answer within the deadline, 10 s if not named. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const response = await fetch(this.#base + path, {
      method,
      client: this.#http,
      signal: AbortSignal.timeout(options.deadlineMs ?? DEADLINE_MS),
      ...(options.body === undefined ? {} : {
        body: JSON.stringify(options.body),
        headers: { "content-type": options.contentType ?? "application/json" },
      }),
    });
    return { status: response.status, body: parsed(await response.text()) };
  }

  /** Like {@link request}; an answer other than 2xx is an error that shows it. Gives the body. */
  async demand(method: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    const { status, body } = await this.request(method, path, options);
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** Watches what `path` (with `watch=1` in its query) lists, until the signal; gives each event as it comes. */
  async *watch(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const response = await fetch(this.#base + path, { client: this.#http, signal });
    if (!response.ok || response.body === null) {
      throw new Error(`watch ${path}: ${response.status} ${await response.text()}`);
    }
    const lines = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
    try {
      for await (const line of lines) {
        const event: WatchEvent = JSON.parse(line);
        yield event;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  close(): void {
    this.#http.close();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
