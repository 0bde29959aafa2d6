/** BGP messages: the header (RFC 4271 §4.1, §6.1), from a stream and to it. */
import { assert, assertNever } from "../../base/assert.ts";
import { afiOf, familyOf, readU16, SAFI_UNICAST, u16 } from "./family.ts";
import { BgpError, type BgpFault, ErrorCode, FsmSubcode, HeaderSubcode, RouteRefreshSubcode } from "./notification.ts";
import { decodeOpenBody, encodeOpenBody } from "./open.ts";
import { decodeUpdateBody } from "./received_update.ts";
import type {
  Family,
  NotificationMessage,
  OpenMessage,
  ReceivedMessage,
  RouteRefreshMessage,
  UpdateTraits,
} from "./types.ts";

/** Octets of the header: marker, length, type. */
export const HEADER_BYTES = 19;
/** The longest message (RFC 4271 §4.1; RFC 8654 is not spoken). */
export const MESSAGE_MAX_BYTES = 4096;

const MARKER_BYTES = 16;

/** Type and shortest length of each message, header included (RFC 4271 §6.1, RFC 2918 §3). */
const KINDS = {
  "open": { type: 1, minBytes: 29 },
  "update": { type: 2, minBytes: 23 },
  "notification": { type: 3, minBytes: 21 },
  "keepalive": { type: 4, minBytes: HEADER_BYTES },
  "route-refresh": { type: 5, minBytes: 23 },
} as const satisfies Record<ReceivedMessage["is"], { type: number; minBytes: number }>;

const BY_TYPE: readonly (ReceivedMessage["is"] | null)[] = [
  null,
  "open",
  "update",
  "notification",
  "keepalive",
  "route-refresh",
];

/** A whole message whose header is good. */
export interface RawMessage {
  readonly is: ReceivedMessage["is"];
  /** Header and body; a view that is good until the reader is used again. */
  readonly bytes: Uint8Array;
}

/** Puts a header before the body. */
export function encodeMessage(is: ReceivedMessage["is"], body: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const length = HEADER_BYTES + body.length;
  assert(length <= MESSAGE_MAX_BYTES, `a BGP message of ${length} bytes`);
  const message = new Uint8Array(length);
  message.fill(0xff, 0, MARKER_BYTES);
  message.set([...u16(length), KINDS[is].type], MARKER_BYTES);
  message.set(body, HEADER_BYTES);
  return message;
}

/** RFC 4271 §4.2. */
export function encodeOpen(open: OpenMessage): Uint8Array<ArrayBuffer> {
  return encodeMessage("open", encodeOpenBody(open));
}

/** RFC 4271 §4.4. */
export function encodeKeepalive(): Uint8Array<ArrayBuffer> {
  return encodeMessage("keepalive", []);
}

/** RFC 4271 §4.5. */
export function encodeNotification(message: NotificationMessage): Uint8Array<ArrayBuffer> {
  return encodeMessage("notification", [message.code, message.subcode, ...message.data]);
}

/** RFC 2918 §3; `subtype` as RFC 7313 §3.2: 0 plain, 1 begin, 2 end. */
export function encodeRouteRefresh(family: Family, subtype: number): Uint8Array<ArrayBuffer> {
  return encodeMessage("route-refresh", [...u16(afiOf(family)), subtype, SAFI_UNICAST]);
}

/**
 * Cuts a stream into messages. What is pushed is only lent: take messages with `next` until it gives null before the
 * call that lent the bytes returns. Keeps the beginning of one message at most, 4096 bytes.
 */
export class MessageReader {
  /** The beginning of a message that has not come whole yet. */
  readonly #carry = new Uint8Array(MESSAGE_MAX_BYTES);
  #carried = 0;
  #chunk: Uint8Array = new Uint8Array();
  #at = 0;

  /** Takes the next bytes of the stream. */
  push(bytes: Uint8Array): void {
    assert(this.#at === this.#chunk.length, "bytes are pushed before all messages of the last ones were taken");
    this.#chunk = bytes;
    this.#at = 0;
  }

  /**
   * The next whole message; null: more bytes are needed. Throws {@link BgpError} 1/x for a bad header, and then every
   * time: a stream that has lost its rhythm does not find it again.
   */
  next(): RawMessage | null {
    return this.#carried > 0 ? this.#nextCarried() : this.#nextInChunk();
  }

  #nextInChunk(): RawMessage | null {
    const rest = this.#chunk.length - this.#at;
    const header = rest < HEADER_BYTES ? null : readHeader(this.#chunk, this.#at);
    if (header === null || rest < header.length) {
      this.#fill(rest);
      return null;
    }
    const bytes = this.#chunk.subarray(this.#at, this.#at + header.length);
    this.#at += header.length;
    return { is: header.is, bytes };
  }

  #nextCarried(): RawMessage | null {
    this.#fill(HEADER_BYTES);
    if (this.#carried < HEADER_BYTES) return null;
    const header = readHeader(this.#carry, 0);
    this.#fill(header.length);
    if (this.#carried < header.length) return null;
    this.#carried = 0;
    return { is: header.is, bytes: this.#carry.subarray(0, header.length) };
  }

  /** Moves bytes of the chunk until so many are carried or none is left. */
  #fill(wanted: number): void {
    const count = Math.max(0, Math.min(wanted - this.#carried, this.#chunk.length - this.#at));
    this.#carry.set(this.#chunk.subarray(this.#at, this.#at + count), this.#carried);
    this.#carried += count;
    this.#at += count;
  }
}

/** RFC 4271 §6.1, in its order. */
function readHeader(bytes: Uint8Array, at: number): { is: ReceivedMessage["is"]; length: number } {
  for (let i = at; i < at + MARKER_BYTES; i++) {
    if (bytes[i] === 0xff) continue;
    throw headerError(HeaderSubcode.notSynchronized, { where: "marker", got: bytes[i] ?? 0, wanted: 0xff, data: [] });
  }
  const length = readU16(bytes, at + MARKER_BYTES);
  const type = bytes[at + MARKER_BYTES + 2] ?? 0;
  if (length < HEADER_BYTES || length > MESSAGE_MAX_BYTES) throw badLength(length, "19 to 4096");
  const is = BY_TYPE[type] ?? null;
  if (is === null) {
    throw headerError(HeaderSubcode.badType, { where: "type", got: type, wanted: "1 to 5", data: [type] });
  }
  const { minBytes } = KINDS[is];
  if (length < minBytes) throw badLength(length, `at least ${minBytes} for ${is}`);
  if (is === "keepalive" && length !== minBytes) throw badLength(length, `${minBytes} for keepalive`);
  return { is, length };
}

function badLength(length: number, wanted: string): BgpError {
  return headerError(HeaderSubcode.badLength, { where: "length", got: length, wanted, data: u16(length) });
}

function headerError(subcode: number, fault: Omit<BgpFault, "unit">): BgpError {
  return new BgpError(ErrorCode.header, subcode, { unit: "BGP header", ...fault });
}

/**
 * Reads a message. `traits` is what the session agreed on, null as long as it has not: an UPDATE is an error then.
 * Throws {@link BgpError} only. Nothing in the result is a view into the message.
 */
export function decodeMessage(raw: RawMessage, traits: UpdateTraits | null): ReceivedMessage {
  const body = raw.bytes.subarray(HEADER_BYTES);
  switch (raw.is) {
    case "open":
      return decodeOpenBody(body);
    case "update":
      if (traits !== null) return decodeUpdateBody(body, traits);
      throw unexpectedUpdate();
    case "notification":
      return { is: "notification", code: body[0] ?? 0, subcode: body[1] ?? 0, data: body.slice(2) };
    case "keepalive":
      return { is: "keepalive" };
    case "route-refresh":
      return decodeRouteRefresh(raw.bytes);
    default:
      return assertNever(raw.is);
  }
}

/** RFC 6608 §3: which state it was is for the session to say. */
function unexpectedUpdate(): BgpError {
  const fault = { unit: "BGP UPDATE", where: "session", got: "not established", wanted: "established" };
  return new BgpError(ErrorCode.fsm, FsmSubcode.unspecific, fault);
}

/** RFC 2918 §3 and RFC 7313 §5: a wrong length is answered with the whole message when it marks a begin or an end. */
function decodeRouteRefresh(bytes: Uint8Array): RouteRefreshMessage {
  const [subtype = 0, safi = 0] = bytes.subarray(HEADER_BYTES + 2);
  if (bytes.length !== KINDS["route-refresh"].minBytes) {
    if (subtype !== 1 && subtype !== 2) throw badLength(bytes.length, "23 for route-refresh");
    const fault = { unit: "BGP ROUTE-REFRESH", where: "length", got: bytes.length, wanted: 23, data: bytes };
    throw new BgpError(ErrorCode.routeRefresh, RouteRefreshSubcode.badLength, fault);
  }
  return { is: "route-refresh", family: familyOf(readU16(bytes, HEADER_BYTES), safi), subtype };
}
