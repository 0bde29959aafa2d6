/**
 * etcd's messages as its JSON gateway writes them (protobuf's JSON mapping): bytes in base64, 64-bit integers as decimal text, and fields
 * that are zero left out. Pure.
 */
import type { Compare, EtcdAnswer, EtcdWatchRequest, KeyValue, LeaseTtl, Operation, Txn, TxnResult } from "./types.ts";

/** gRPC codes with which etcd says that it could not tell: deadline exceeded, unknown, internal, unavailable, cancelled. */
const UNCERTAIN: ReadonlySet<number> = new Set([1, 2, 4, 13, 14]);

/** Thrown for an answer that is not etcd's. */
export class EtcdFormatError extends Error {
  override readonly name = "EtcdFormatError";
}

/** A request as the gateway takes it. */
export function txnJson(txn: Txn): unknown {
  return { compare: txn.compare.map(compareJson), success: txn.success.map(operationJson) };
}

function compareJson(compare: Compare): unknown {
  const key = toBase64(compare.key);
  return "createRevision" in compare
    ? { target: "CREATE", result: "EQUAL", key, create_revision: String(compare.createRevision) }
    : { target: "MOD", result: "EQUAL", key, mod_revision: String(compare.modRevision) };
}

function operationJson(operation: Operation): unknown {
  if (operation.do === "put") {
    const { key, value, lease } = operation;
    return { request_put: { key: toBase64(key), value: toBase64(value), lease } };
  }
  return { request_range: { ...prefixJson(operation.prefix), sort_order: "ASCEND", sort_target: "CREATE" } };
}

/** A watch that also reports progress. */
export function watchJson(request: EtcdWatchRequest): unknown {
  const { prefix, fromRevision } = request;
  return { create_request: { ...prefixJson(prefix), start_revision: String(fromRevision), progress_notify: true } };
}

/** The range of all keys that begin with the prefix: up to the prefix with its last byte raised. */
function prefixJson(prefix: string): { readonly key: string; readonly range_end: string } {
  const end = new TextEncoder().encode(prefix);
  const last = end.length - 1;
  end[last] = (end[last] ?? 0) + 1;
  return { key: toBase64(prefix), range_end: bytesToBase64(end) };
}

/** The result of a transaction. Throws {@link EtcdFormatError}. */
export function readTxnResult(body: unknown): TxnResult {
  const fields = record(body);
  const ranges = list(fields["responses"]).map(record).flatMap((response) => {
    const range = response["response_range"];
    return range === undefined ? [] : [list(record(range)["kvs"]).map(readKeyValue)];
  });
  const revision = integer(record(fields["header"])["revision"]);
  return { succeeded: fields["succeeded"] === true, revision, ranges };
}

function readKeyValue(json: unknown): KeyValue {
  const fields = record(json);
  return {
    key: fromBase64(fields["key"]),
    value: fromBase64(fields["value"]),
    lease: int64(fields["lease"]),
    createRevision: integer(fields["create_revision"]),
    modRevision: integer(fields["mod_revision"]),
  };
}

/** The time a new lease has. Throws {@link EtcdFormatError}. */
export function readGranted(body: unknown): LeaseTtl {
  return { ttlSeconds: integer(record(body)["TTL"]) };
}

/** The time a lease has that was kept alive: the one message of a stream. Throws {@link EtcdFormatError}. */
export function readKept(body: unknown): LeaseTtl {
  return readGranted(record(body)["result"]);
}

/** What one line of a watch says. Throws {@link EtcdFormatError}. */
export function readWatchLine(line: string): { readonly is: "quiet" | "changed" } | {
  readonly is: "ended";
  readonly cause: string;
} {
  const fields = record(parseJson(line));
  if (fields["error"] !== undefined) return { is: "ended", cause: errorText(fields["error"]) };
  const result = record(fields["result"]);
  if (result["canceled"] === true) {
    return { is: "ended", cause: String(result["cancel_reason"] ?? "cancelled by etcd") };
  }
  return { is: list(result["events"]).length > 0 ? "changed" : "quiet" };
}

function errorText(error: unknown): string {
  const fields = typeof error === "object" && error !== null ? record(error) : {};
  return String(fields["message"] ?? fields["error"] ?? error);
}

/** What an answer with an error status means; `text` is its body. */
export function readRefusal(status: number, text: string): Exclude<EtcdAnswer<never>, { outcome: "ok" }> {
  let fields: Record<string, unknown> = {};
  try {
    fields = record(JSON.parse(text));
  } catch {
    // Not etcd's own words: something between here and it answered.
  }
  const { code, message, error } = fields;
  const words = String(message ?? error ?? `HTTP status ${status}`);
  if (typeof code !== "number" || UNCERTAIN.has(code)) return { outcome: "unreachable", cause: words };
  return { outcome: "refused", code, message: words };
}

/** Parses text. Throws {@link EtcdFormatError}. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EtcdFormatError("the answer is not JSON");
  }
}

function record(json: unknown): Record<string, unknown> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new EtcdFormatError("the answer lacks an object");
  }
  return json as Record<string, unknown>;
}

function list(json: unknown): unknown[] {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json)) throw new EtcdFormatError("the answer lacks a list");
  return json;
}

function int64(json: unknown): string {
  const text = json === undefined ? "0" : String(json);
  if (!/^-?\d{1,19}$/.test(text)) throw new EtcdFormatError("the answer lacks an integer");
  return text;
}

function integer(json: unknown): number {
  const value = Number(int64(json));
  if (!Number.isSafeInteger(value)) throw new EtcdFormatError("the answer has an integer that is too large");
  return value;
}

function toBase64(text: string): string {
  return bytesToBase64(new TextEncoder().encode(text));
}

function bytesToBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(json: unknown): string {
  if (json === undefined) return "";
  if (typeof json !== "string") throw new EtcdFormatError("the answer lacks text");
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(json), (char) => char.charCodeAt(0)));
  } catch {
    throw new EtcdFormatError("the answer has text that is not base64");
  }
}
