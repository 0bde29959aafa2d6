/** What changes in a head on its way through (RFC 9110 §7.6): hop-by-hop fields go, the forwarded ones come. */
import type { RequestHead, ResponseHead } from "../net/http1.ts";
import { type Field, field, listMembers, undisguised, valuesOf } from "../net/http1_fields.ts";
import { forwardsLeft } from "../net/http1_rules.ts";

/** Fields that concern one connection only, whether or not Connection names them. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** A head ready to be encoded. */
export interface OutgoingHead {
  readonly startLine: string;
  readonly fields: readonly Field[];
}

/** Where a request goes and whom it comes from. */
export interface RequestRoute {
  readonly clientIp: string;
  readonly backendHost: string;
  readonly pathPrefix: string;
  /** The protocol asked for, null: none. */
  readonly upgrade: string | null;
  /** The client came by TLS. @default {false} */
  readonly isSecure?: boolean;
}

/**
 * The protocol a client asks to change to, or null. Only without content, where the change has one moment; and never to
 * HTTP/2, which would carry requests past this proxy unread (h2c smuggling): a server may ignore Upgrade, so it is left out.
 */
export function requestedUpgrade(head: RequestHead): string | null {
  if (head.minorVersion === 0 || !head.options.has("upgrade") || head.framing.kind !== "none") return null;
  const protocols = valuesOf(head.fields, "upgrade");
  const names = listMembers(protocols);
  if (names.length === 0 || names.some((name) => name.startsWith("h2") || name.startsWith("http/"))) return null;
  return protocols.join(", ");
}

/** Whether a 101 changes to what was asked for (RFC 9110 §7.8: never to anything else). */
export function grantsUpgrade(asked: string | null, answer: ResponseHead): boolean {
  if (asked === null) return false;
  const offered = new Set(listMembers([asked]));
  const taken = listMembers(valuesOf(answer.fields, "upgrade"));
  return taken.length > 0 && taken.every((name) => offered.has(name));
}

/** A path of `.` and `..`, also when written with escapes or backslashes. */
function hasDotSegments(target: string): boolean {
  const [path = ""] = target.split("?", 1);
  const plain = path.replace(/%2e/gi, ".").replace(/%2f|%5c|\\/gi, "/");
  return plain.split("/").some((segment) => /^\.\.(?:;|$)/.test(segment));
}

/** The path of a backend's URL before the request's; null when the request would climb out of it. */
export function joinTarget(pathPrefix: string, target: string): string | null {
  if (pathPrefix === "" || target === "*") return target;
  return hasDotSegments(target) ? null : pathPrefix + target;
}

function keptFields(head: RequestHead | ResponseHead, without: ReadonlySet<string>): Field[] {
  return head.fields.filter(({ key }) => !HOP_BY_HOP.has(key) && !head.options.has(key) && !without.has(key));
}

const ONLY_PLAIN = /^[-0-9a-z]*$/;

/** A forwarded field in disguise: to some backends it would be the one that this proxy vouches for. */
function isForgedHop({ key }: Field): boolean {
  return key.startsWith("x") && !ONLY_PLAIN.test(key) && undisguised(key).startsWith("x-forwarded-");
}

const REPLACED_IN_REQUEST: ReadonlySet<string> = new Set([
  "host",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);
const REPLACED_AND_EXPECT: ReadonlySet<string> = new Set([...REPLACED_IN_REQUEST, "expect"]);

/**
 * RFC 9110 §10.1.1: the expectation of an HTTP/1.0 client is ignored, as it could not read the interim answer; one without
 * content to hold back must not be sent, and makes some servers wait for content.
 */
function isExpectationKept(head: RequestHead): boolean {
  const { framing, minorVersion } = head;
  return minorVersion > 0 && framing.kind !== "none" && !(framing.kind === "length" && framing.bytes === 0);
}

/** RFC 9110 §7.6.2: each proxy counts Max-Forwards of OPTIONS and TRACE down; the parser refuses what has no hop left. */
function countedDown(head: RequestHead, fields: Field[]): Field[] {
  const left = forwardsLeft(head.method, head.fields);
  if (typeof left !== "number") return fields;
  return fields.map((one) => one.key === "max-forwards" ? field(one.name, String(left - 1)) : one);
}

/**
 * A request as the backend gets it: always HTTP/1.1, with the client's Host. X-Forwarded-For is appended to; Host and
 * Proto say what this proxy itself saw, so that a client cannot claim something else. Null when the path climbs out of
 * the backend's prefix.
 */
export function forwardedRequest(head: RequestHead, route: RequestRoute): OutgoingHead | null {
  const target = joinTarget(route.pathPrefix, head.target);
  if (target === null) return null;
  const kept = keptFields(head, isExpectationKept(head) ? REPLACED_IN_REQUEST : REPLACED_AND_EXPECT);
  const isNamed = head.options.has("x-forwarded-for");
  const hops = [...(isNamed ? [] : valuesOf(head.fields, "x-forwarded-for")), route.clientIp].filter((hop) =>
    hop !== ""
  );
  const fields = [
    field("Host", head.authority ?? route.backendHost),
    ...countedDown(head, kept.filter((one) => !isForgedHop(one))),
  ];
  fields.push(field("X-Forwarded-For", hops.join(", ")));
  if (head.authority !== null) fields.push(field("X-Forwarded-Host", head.authority));
  fields.push(field("X-Forwarded-Proto", route.isSecure ? "https" : "http"));
  if (head.framing.kind === "chunked") fields.push(field("Transfer-Encoding", "chunked"));
  if (route.upgrade !== null) fields.push(field("Connection", "Upgrade"), field("Upgrade", route.upgrade));
  return { startLine: `${head.method} ${target} HTTP/1.1`, fields };
}

/** How a response reaches the client. */
export interface ResponseRoute {
  /** Of the client's request. */
  readonly minorVersion: 0 | 1;
  /** The client's connection can be used again afterwards. */
  readonly persistent: boolean;
  /** The content leaves in chunks, whether or not it came so. */
  readonly chunked: boolean;
}

const LENGTH: ReadonlySet<string> = new Set(["content-length"]);
const NOTHING: ReadonlySet<string> = new Set();

/** A final response as the client gets it. */
export function forwardedResponse(head: ResponseHead, route: ResponseRoute): OutgoingHead {
  // RFC 9110 §8.6: no Content-Length with 204; a backend that sends one is not followed.
  const fields = keptFields(head, head.status === 204 ? LENGTH : NOTHING);
  if (route.chunked) fields.push(field("Transfer-Encoding", "chunked"));
  if (!route.persistent) fields.push(field("Connection", "close"));
  else if (route.minorVersion === 0) fields.push(field("Connection", "keep-alive"));
  return { startLine: `HTTP/1.1 ${head.status} ${head.reason}`, fields };
}

/** An interim response (1xx); with 101 the fields that tell the new protocol stay. */
export function forwardedInterim(head: ResponseHead): OutgoingHead {
  const fields = keptFields(head, LENGTH);
  if (head.status === 101) {
    fields.push(field("Connection", "Upgrade"), field("Upgrade", valuesOf(head.fields, "upgrade").join(", ")));
  }
  return { startLine: `HTTP/1.1 ${head.status} ${head.reason}`, fields };
}
