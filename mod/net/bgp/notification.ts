/** NOTIFICATION messages (RFC 4271 §4.5, §6): their codes, the error that carries one, and their words. */
import { assert } from "../../base/assert.ts";
import { WireError, type WireFault } from "../errors.ts";
import type { NotificationMessage } from "./types.ts";

/** Error codes (RFC 4271 §4.5, RFC 7313 §5, RFC 9687 §3.2). */
export const ErrorCode = {
  header: 1,
  open: 2,
  update: 3,
  holdTimer: 4,
  fsm: 5,
  cease: 6,
  routeRefresh: 7,
  sendHoldTimer: 8,
} as const;

/** Subcodes of a header error (RFC 4271 §6.1). */
export const HeaderSubcode = { notSynchronized: 1, badLength: 2, badType: 3 } as const;

/** Subcodes of an OPEN error (RFC 4271 §6.2, RFC 5492 §5, RFC 9234 §4.2). */
export const OpenSubcode = {
  unspecific: 0,
  unsupportedVersion: 1,
  badPeerAs: 2,
  badIdentifier: 3,
  unsupportedParameter: 4,
  unacceptableHoldTime: 6,
  unsupportedCapability: 7,
  roleMismatch: 11,
} as const;

/** Subcodes of an UPDATE error (RFC 4271 §6.3). */
export const UpdateSubcode = {
  malformedAttributes: 1,
  unrecognizedWellKnown: 2,
  missingWellKnown: 3,
  attributeFlags: 4,
  attributeLength: 5,
  invalidOrigin: 6,
  invalidNextHop: 8,
  optionalAttribute: 9,
  invalidNetwork: 10,
  malformedAsPath: 11,
} as const;

/** Subcodes of an error of the state machine (RFC 6608 §3). */
export const FsmSubcode = { unspecific: 0, inOpenSent: 1, inOpenConfirm: 2, inEstablished: 3 } as const;

/** Subcodes of Cease (RFC 4486 §4, RFC 8538 §3.1, RFC 9384 §3). */
export const CeaseSubcode = {
  maximumPrefixes: 1,
  shutdown: 2,
  deconfigured: 3,
  reset: 4,
  rejected: 5,
  configChange: 6,
  collision: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10,
} as const;

/** Subcodes of a ROUTE-REFRESH error (RFC 7313 §5). */
export const RouteRefreshSubcode = { badLength: 1 } as const;

/** What a {@link BgpError} is made of. */
export interface BgpFault extends WireFault {
  /** The unit that was being decoded, such as `BGP OPEN`. */
  readonly unit: string;
  /** Data of the NOTIFICATION; none without. It is copied, and cut to what fits a message. */
  readonly data?: ArrayLike<number>;
}

/** What a message of 4096 octets has left after the header, code and subcode (RFC 4271 §4.5). */
const DATA_MAX_BYTES = 4096 - 21;

/** A fault of the peer that ends the session, with the NOTIFICATION to send. */
export class BgpError extends WireError {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;

  /** `code` and `subcode` are of the NOTIFICATION, `fault` says what was wrong and where. */
  constructor(code: number, subcode: number, fault: BgpFault) {
    super(fault.unit, fault);
    this.code = code;
    this.subcode = subcode;
    this.data = Uint8Array.from(fault.data ?? []).slice(0, DATA_MAX_BYTES);
  }
}

/** A NOTIFICATION; `data` is taken as it is. */
export function notification(code: number, subcode: number, data: Uint8Array = new Uint8Array()): NotificationMessage {
  return { is: "notification", code, subcode, data };
}

/** Longest text of a shutdown communication, in bytes (RFC 9003 §2). */
const SHUTDOWN_TEXT_BYTES = 255;

/**
 * The data of an administrative shutdown or reset: one octet of length and UTF-8 text (RFC 9003 §2). Text of more than
 * 255 bytes is cut between two characters. An empty text gives no data at all, as peers know it from before RFC 8203.
 */
export function shutdownData(text: string): Uint8Array {
  if (text === "") return new Uint8Array();
  const data = new Uint8Array(1 + SHUTDOWN_TEXT_BYTES);
  const { written } = new TextEncoder().encodeInto(text, data.subarray(1));
  assert(written <= SHUTDOWN_TEXT_BYTES, `a shutdown text of ${written} bytes`);
  data[0] = written;
  return data.slice(0, 1 + written);
}

interface Words {
  readonly name: string;
  readonly subcodes: Readonly<Record<number, string>>;
}

const WORDS: Readonly<Record<number, Words>> = {
  [ErrorCode.header]: {
    name: "Message header error",
    subcodes: { 1: "connection not synchronized", 2: "bad message length", 3: "bad message type" },
  },
  [ErrorCode.open]: {
    name: "OPEN error",
    subcodes: {
      1: "unsupported version number",
      2: "bad peer AS",
      3: "bad BGP identifier",
      4: "unsupported optional parameter",
      5: "authentication failure",
      6: "unacceptable hold time",
      7: "unsupported capability",
      11: "role mismatch",
    },
  },
  [ErrorCode.update]: {
    name: "UPDATE error",
    subcodes: {
      1: "malformed attribute list",
      2: "unrecognized well-known attribute",
      3: "missing well-known attribute",
      4: "attribute flags error",
      5: "attribute length error",
      6: "invalid ORIGIN attribute",
      7: "AS routing loop",
      8: "invalid NEXT_HOP attribute",
      9: "optional attribute error",
      10: "invalid network field",
      11: "malformed AS_PATH",
    },
  },
  [ErrorCode.holdTimer]: { name: "Hold timer expired", subcodes: {} },
  [ErrorCode.fsm]: {
    name: "State machine error",
    subcodes: {
      1: "unexpected message in OpenSent",
      2: "unexpected message in OpenConfirm",
      3: "unexpected message in Established",
    },
  },
  [ErrorCode.cease]: {
    name: "Cease",
    subcodes: {
      1: "maximum number of prefixes reached",
      2: "administrative shutdown",
      3: "peer de-configured",
      4: "administrative reset",
      5: "connection rejected",
      6: "other configuration change",
      7: "connection collision resolution",
      8: "out of resources",
      9: "hard reset",
      10: "BFD down",
    },
  },
  [ErrorCode.routeRefresh]: { name: "ROUTE-REFRESH error", subcodes: { 1: "invalid message length" } },
  [ErrorCode.sendHoldTimer]: { name: "Send hold timer expired", subcodes: {} },
};

/**
 * A NOTIFICATION in plain words, such as `Cease: administrative shutdown: maintenance`. Text of the peer (RFC 9003) is
 * safe to print: characters that steer a terminal, or that are no UTF-8, are replaced.
 */
export function describeNotification(message: NotificationMessage): string {
  const words = WORDS[message.code];
  const name = words?.name ?? `Error ${message.code}`;
  // Subcode 0 is "unspecific" in every code (RFC 4271 §4.5).
  const subcode = words?.subcodes[message.subcode] ?? (message.subcode === 0 ? "" : `subcode ${message.subcode}`);
  return [name, subcode, detail(message)].filter((part) => part !== "").join(": ");
}

function detail(message: NotificationMessage): string {
  if (message.code !== ErrorCode.cease) return "";
  if (message.subcode === CeaseSubcode.shutdown || message.subcode === CeaseSubcode.reset) {
    return shutdownText(message.data);
  }
  if (message.subcode !== CeaseSubcode.hardReset || message.data.length < 2) return "";
  // RFC 8538 §3.1: the NOTIFICATION that would have been sent; one hard reset inside another is not followed.
  const [code = 0, subcode = 0] = message.data;
  const inner = notification(code, subcode, message.data.subarray(2));
  const nested = code === ErrorCode.cease && subcode === CeaseSubcode.hardReset;
  return describeNotification(nested ? notification(code, subcode) : inner);
}

/** RFC 9003 §2; data that is not as its length octet says has no text (§3: it is not an error of the session). */
function shutdownText(data: Uint8Array): string {
  const length = data[0] ?? 0;
  if (length > data.length - 1) return "";
  return printable(new TextDecoder().decode(data.subarray(1, 1 + length)));
}

/** Control, format and unassigned characters and line separators become U+FFFD: they could forge lines of a log. */
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\ufffd");
}
