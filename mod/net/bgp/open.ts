/** The body of OPEN (RFC 4271 §4.2, §6.2), with optional parameters of either length (RFC 9072). */
import { assert } from "../../base/assert.ts";
import { formatIp, parseIp4 } from "../ip.ts";
import { decodeCapabilities, encodeCapability } from "./capability.ts";
import { readU16, readU32, u16 } from "./family.ts";
import { BgpError, ErrorCode, OpenSubcode } from "./notification.ts";
import type { Capability, OpenMessage } from "./types.ts";

/** The version of the protocol. */
export const BGP_VERSION = 4;

/** Stands in a field of two octets for an AS number that needs four (RFC 6793 §4.2.2). */
export const AS_TRANS = 23456;

/** RFC 4271 §4.2: seconds; a hold time is 0 or at least this. */
const HOLD_TIME_MIN_S = 3;

/** RFC 5492 §4: the parameter that holds capabilities. */
const CAPABILITIES = 2;
/** RFC 9072 §2: says, as the type of the first parameter, that lengths have two octets. */
const EXTENDED = 255;
/** Octets of the body before the parameters. */
const FIXED_BYTES = 10;

/** The body of an OPEN; all capabilities go into one parameter (RFC 5492 §4). */
export function encodeOpenBody(open: OpenMessage): number[] {
  const identifier = parseIp4(open.identifier);
  assert(identifier !== null, `the BGP identifier ${open.identifier}`);
  assert(open.as <= 0xffff, `AS ${open.as} in the field of two octets`);
  const fixed = [open.version, ...u16(open.as), ...u16(open.holdTimeS), ...identifier.bytes];
  const capabilities = open.capabilities.flatMap(encodeCapability);
  return [...fixed, ...encodeParameters(capabilities)];
}

function encodeParameters(capabilities: readonly number[]): number[] {
  if (capabilities.length === 0) return [0];
  // 255 as the length of all parameters would read as the extended form to some.
  if (capabilities.length + 2 < EXTENDED) {
    return [capabilities.length + 2, CAPABILITIES, capabilities.length, ...capabilities];
  }
  const parameter = [CAPABILITIES, ...u16(capabilities.length), ...capabilities];
  return [EXTENDED, EXTENDED, ...u16(parameter.length), ...parameter];
}

/**
 * Reads the body of an OPEN of at least 10 octets, in the order of RFC 4271 §6.2. Throws {@link BgpError} 2/x.
 * Whether AS and identifier are those that were expected is for the session to say.
 */
export function decodeOpenBody(body: Uint8Array): OpenMessage {
  const version = body[0] ?? 0;
  if (version !== BGP_VERSION) {
    throw refuse(OpenSubcode.unsupportedVersion, { ...wrong("version", version, BGP_VERSION), data: u16(BGP_VERSION) });
  }
  const as = readU16(body, 1);
  if (as === 0) throw refuse(OpenSubcode.badPeerAs, wrong("AS", as, "an AS number (RFC 7607 §2)"));
  const holdTimeS = readU16(body, 3);
  if (holdTimeS !== 0 && holdTimeS < HOLD_TIME_MIN_S) {
    throw refuse(OpenSubcode.unacceptableHoldTime, wrong("hold time", holdTimeS, "0 or at least 3"));
  }
  // RFC 6286 §2.2: any number but 0.
  if (readU32(body, 5) === 0) throw refuse(OpenSubcode.badIdentifier, wrong("identifier", "0.0.0.0", "not 0.0.0.0"));
  const identifier = formatIp(body.subarray(5, 9));
  return { is: "open", version, as, holdTimeS, identifier, capabilities: decodeParameters(body) };
}

function decodeParameters(body: Uint8Array): Capability[] {
  const total = body[FIXED_BYTES - 1] ?? 0;
  // RFC 9072 §2: it is the type of the first parameter that tells, not the length before it.
  if (total !== 0 && body[FIXED_BYTES] === EXTENDED) {
    if (body.length < FIXED_BYTES + 3) throw malformed(body.length, "two octets of length");
    return parameters(body.subarray(FIXED_BYTES + 3), readU16(body, FIXED_BYTES + 1), 2);
  }
  return parameters(body.subarray(FIXED_BYTES), total, 1);
}

function parameters(bytes: Uint8Array, total: number, lengthOctets: 1 | 2): Capability[] {
  if (bytes.length !== total) throw malformed(bytes.length, `${total} octets of parameters`);
  const capabilities: Capability[] = [];
  let at = 0;
  while (at < total) {
    const start = at + 1 + lengthOctets;
    if (start > total) throw malformed(total - at, "a whole parameter");
    const end = start + (lengthOctets === 1 ? bytes[at + 1] ?? 0 : readU16(bytes, at + 1));
    if (end > total) throw malformed(total - at, `a parameter of ${end - start} octets`);
    const type = bytes[at] ?? 0;
    if (type !== CAPABILITIES) throw refuse(OpenSubcode.unsupportedParameter, wrong("parameter", type, CAPABILITIES));
    capabilities.push(...decodeCapabilities(bytes.subarray(start, end)));
    at = end;
  }
  return capabilities;
}

interface Fault {
  readonly where: string;
  readonly got: number | string;
  readonly wanted: number | string;
  readonly data?: readonly number[];
}

function wrong(where: string, got: number | string, wanted: number | string): Fault {
  return { where, got, wanted };
}

function malformed(gotBytes: number, wanted: string): BgpError {
  return refuse(OpenSubcode.unspecific, wrong("optional parameters", `${gotBytes} octets`, wanted));
}

function refuse(subcode: number, fault: Fault): BgpError {
  return new BgpError(ErrorCode.open, subcode, { unit: "BGP OPEN", ...fault });
}
