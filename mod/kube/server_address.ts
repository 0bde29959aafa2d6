/** The address of an API server as text: what is accepted, and how it is written afterwards. */

import { parseIp } from "../net/ip.ts";

/** A base URL without a slash at its end, or why there is none. `why` continues a sentence: "its server …". */
export type ServerAddress =
  | { readonly outcome: "valid"; readonly url: string }
  | { readonly outcome: "invalid"; readonly why: string };

/**
 * A base URL. Plain http is for this machine only: a token must not travel in the clear.
 */
export function parseServer(text: string): ServerAddress {
  if (!URL.canParse(text)) return invalid("is no URL");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return invalid("is neither an https nor an http URL");
  if (url.username !== "" || url.password !== "") return invalid("has credentials inside the URL");
  if (url.search !== "" || url.hash !== "") return invalid("has a query or a fragment");
  if (url.hostname === "") return invalid("has no host");
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    return invalid("is http and not on this machine: use https");
  }
  return { outcome: "valid", url: `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, "")}` };
}

/**
 * `kubernetes_addr`: a URL, or a host or address with or without a port.
 *
 * @param port of a host that comes without
 */
export function parseServerOverride(text: string, port: number): ServerAddress {
  const trimmed = text.trim();
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) return parseServer(trimmed);
  const address = parseIp(trimmed.replace(/^\[(.*)\]$/, "$1"));
  if (address !== null) return parseServer(serverAt(address.text, port));
  const [, host, given] = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i.exec(trimmed) ?? [];
  if (host === undefined) return invalid("is neither a URL nor host[:port]");
  return parseServer(`https://${host}:${given ?? port}`);
}

/** URL of a server at an address or name. */
export function serverAt(host: string, port: number): string {
  return `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function invalid(why: string): ServerAddress {
  return { outcome: "invalid", why };
}
