/** What a request must not ask of a proxy, though its syntax is right: expectations, TRACE with content, hops used up. */
import type { Framing } from "./http1_framing.ts";
import { type Field, type Refusal, refuse, valuesOf } from "./http1_fields.ts";

/** What the rules look at. */
export interface RuledRequest {
  readonly method: string;
  readonly minorVersion: 0 | 1;
  readonly fields: readonly Field[];
  readonly framing: Framing;
}

const FORWARDS = /^(?:0|[1-9][0-9]{0,8})$/;

/**
 * RFC 9110 §7.6.2: how often a TRACE or OPTIONS may still be forwarded; null where nothing limits it. For other methods the
 * field means nothing.
 */
export function forwardsLeft(method: string, fields: readonly Field[]): number | null | Refusal {
  if (method !== "TRACE" && method !== "OPTIONS") return null;
  const values = valuesOf(fields, "max-forwards");
  const [first] = values;
  if (first === undefined) return null;
  return values.length === 1 && FORWARDS.test(first) ? Number(first) : refuse("bad-max-forwards");
}

/**
 * RFC 9110 §10.1.1: the one expectation there is; with anything else beside it, one server waits where another answers. An
 * HTTP/1.0 client's is ignored.
 */
function hasBadExpectation({ minorVersion, fields }: RuledRequest): boolean {
  const values = valuesOf(fields, "expect");
  if (minorVersion === 0 || values.length === 0) return false;
  return values.length > 1 || values[0]?.toLowerCase() !== "100-continue";
}

/** Refuses what may not be passed on; null: nothing against it. */
export function checkRules(request: RuledRequest): Refusal | null {
  const { method, fields, framing } = request;
  if (hasBadExpectation(request)) return refuse("bad-expectation");
  // RFC 9110 §9.3.8; a server that reflects the content would also reflect what it says of other requests.
  const hasContent = framing.kind === "chunked" || (framing.kind === "length" && framing.bytes > 0);
  if (method === "TRACE" && hasContent) return refuse("content-in-trace");
  const left = forwardsLeft(method, fields);
  if (typeof left === "object") return left;
  // As the final recipient, which this proxy is then, it implements neither method.
  return left === 0 ? refuse("no-forwards-left") : null;
}
