/** How the published cases are written down. */

/** What a strict proxy makes of the bytes. */
export type Must =
  /** Answered with this status and closed; no complete message reaches a backend, and nothing that comes behind is read. */
  | { readonly outcome: "refused"; readonly status: number }
  /** Reaches the backend as exactly this. */
  | { readonly outcome: "passed"; readonly head: string; readonly content: string };

/** One published case. */
export interface SmugglingCase {
  /** Unique. */
  readonly name: string;
  /** The paper, tool, RFC or CVE it is from. */
  readonly source: string;
  /** Latin-1: one character is one byte. */
  readonly bytes: string;
  readonly must: Must;
}

/** Of the client in all cases. */
export const CLIENT_IP = "127.0.0.1";

/** A head that names its host `a`, with these lines, and the content. */
export function post(lines: string, content = ""): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${content}`;
}

/** The same without content. */
export function get(lines: string): string {
  return `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n`;
}

/** A request line with a Host below it. */
export function line(requestLine: string): string {
  return `${requestLine}\r\nHost: a\r\n\r\n`;
}

/** A request with this content in chunks, as it is. */
export function chunked(content: string): string {
  return post("Transfer-Encoding: chunked", content);
}

/** Cases that are refused with one status. */
export function refused(
  status: number,
  source: string,
  rows: readonly (readonly [name: string, bytes: string])[],
): SmugglingCase[] {
  return rows.map(([name, bytes]) => ({ name, source, bytes, must: { outcome: "refused", status } }));
}

/** How a passed case reaches the backend. */
export interface Passed {
  readonly start?: string;
  readonly host?: string;
  /** Lines between Host and those of the proxy's own. */
  readonly kept?: readonly string[];
  /** What the client's X-Forwarded-For said, with its comma. */
  readonly hops?: string;
  /** Lines behind those of the proxy's own. */
  readonly after?: readonly string[];
  readonly content?: string;
  /** The client named no host: the backend's is sent. */
  readonly isHostless?: boolean;
}

/** The Host of a request whose client named none; a test with a real backend puts its own there. */
export const BACKEND_HOST = "backend.example:8080";

/** A case that is passed on, with what the proxy makes of it. */
export function passed(source: string, name: string, request: Passed & { readonly bytes: string }): SmugglingCase {
  const { start = "GET / HTTP/1.1", host = "a", kept = [], hops = "", after = [], content = "" } = request;
  const isHostless = request.isHostless ?? false;
  const lines = [
    start,
    `Host: ${isHostless ? BACKEND_HOST : host}`,
    ...kept,
    `X-Forwarded-For: ${hops}${CLIENT_IP}`,
    ...(isHostless ? [] : [`X-Forwarded-Host: ${host}`]),
    "X-Forwarded-Proto: http",
    ...after,
  ];
  const head = `${lines.join("\r\n")}\r\n\r\n`;
  return { name, source, bytes: request.bytes, must: { outcome: "passed", head, content } };
}
