/**
 * A small server of read-only pages over HTTP: GET and HEAD, a few requests at a time, each with a deadline, so that whoever asks
 * cannot hold up what this process is there for.
 */

import type { Clock } from "../base/clock.ts";
import { withDeadline } from "../runtime/deadline.ts";

/** Requests at a time; the next is refused with 503. */
const MAX_AT_A_TIME = 16;
/** A page that takes longer is given up. */
const PAGE_LIMIT_MS = 5000;
/** On a close, requests under way get this long. */
const CLOSE_LIMIT_MS = 500;

/** Where to listen; `host` is empty for every address. */
export interface ListenPlace {
  readonly host: string;
  readonly port: number;
}

/** Thrown when a place cannot be listened on; names the setting and the place. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** One page. */
export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

export interface PageServerOptions {
  readonly listen: ListenPlace;
  /** The setting that says where to listen, for messages. */
  readonly setting: string;
  readonly clock: Clock;
  /** Gives the page at a path, which begins with `/`. What it throws becomes a 500. */
  readonly page: (path: string) => Page | Promise<Page>;
}

/** Serves until it is closed by its owner. */
export class PageServer {
  readonly #options: PageServerOptions;
  readonly #abort = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #atATime = 0;
  readonly #idle = Promise.withResolvers<void>();
  #closing: Promise<void> | null = null;

  /** Listens. Throws {@link ListenError}. */
  constructor(options: PageServerOptions) {
    this.#options = options;
    this.#server = listen(options, {
      signal: this.#abort.signal,
      handler: (request) => this.#answer(request),
    });
  }

  /** The port that is listened on. */
  get port(): number {
    return this.#server.addr.port;
  }

  /** Accepts no more, lets requests under way end for half a second, then cuts them. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  /** Deno's own graceful end waits for whoever asks slowly, and cannot be cut short. */
  async #end(): Promise<void> {
    const { clock } = this.#options;
    if (this.#atATime > 0) {
      const cut = clock.after(CLOSE_LIMIT_MS, () => this.#idle.resolve());
      await this.#idle.promise;
      cut.cancel();
    }
    this.#abort.abort();
    await this.#server.finished;
  }

  async #answer(request: Request): Promise<Response> {
    await request.body?.cancel();
    if (request.method !== "GET" && request.method !== "HEAD") {
      return respond({ status: 405, contentType: PLAIN, text: "Only GET and HEAD\n" }, { Allow: "GET, HEAD" });
    }
    if (this.#closing !== null || this.#atATime >= MAX_AT_A_TIME) {
      return respond({ status: 503, contentType: PLAIN, text: "Too many requests\n" });
    }
    this.#atATime += 1;
    try {
      return respond(await this.#makePage(new URL(request.url).pathname));
    } finally {
      this.#atATime -= 1;
      if (this.#closing !== null && this.#atATime === 0) this.#idle.resolve();
    }
  }

  async #makePage(path: string): Promise<Page> {
    const { clock, page } = this.#options;
    try {
      const work = Promise.resolve(page(path));
      return await withDeadline(work, { clock, limitMs: PAGE_LIMIT_MS, what: `the page ${path}` });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return { status: 500, contentType: PLAIN, text: `${text}\n` };
    }
  }
}

/** The type of plain text. */
export const PLAIN = "text/plain; charset=utf-8";

function respond({ status, contentType, text }: Page, more: Record<string, string> = {}): Response {
  return new Response(text, {
    status,
    headers: { "Content-Type": contentType, "X-Content-Type-Options": "nosniff", ...more },
  });
}

interface Serving {
  readonly signal: AbortSignal;
  readonly handler: (request: Request) => Promise<Response>;
}

/** "Every address" is both families through one socket, or IPv4 where this machine has no IPv6. */
function listen(
  { listen: { host, port }, setting }: PageServerOptions,
  { signal, handler }: Serving,
): Deno.HttpServer<Deno.NetAddr> {
  const problems: string[] = [];
  for (const hostname of host === "" ? ["::", "0.0.0.0"] : [host]) {
    try {
      return Deno.serve({ hostname, port, signal, onListen: () => {} }, handler);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
      if (error instanceof Deno.errors.AddrInUse) break;
    }
  }
  throw new ListenError(`Cannot listen on ${showPlace({ host, port })} (${setting}): ${problems.join("; ")}`);
}

/** `:2112`, `127.0.0.1:2112` or `[::1]:2112`. */
export function showPlace({ host, port }: ListenPlace): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
