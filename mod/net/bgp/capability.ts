/** Capabilities (RFC 5492 §4): a list of code, length and value inside an optional parameter of OPEN. */
import { assert, assertNever } from "../../base/assert.ts";
import { afiOf, familyOf, familyOfAfi, readU16, readU32, SAFI_UNICAST, u16, u32 } from "./family.ts";
import { BgpError, ErrorCode, OpenSubcode } from "./notification.ts";
import type { Capability, Family } from "./types.ts";

/** Codes of the registry that are known here. */
export const CapabilityCode = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  gracefulRestart: 64,
  fourOctetAs: 65,
  enhancedRouteRefresh: 70,
} as const;

/** RFC 4724 §3: R in the four flag bits; RFC 8538 §2: N beside it. */
const RESTARTING = 0x8;
const KEEPS_ON_NOTIFICATION = 0x4;
/** RFC 4724 §3: F, the forwarding state was preserved. */
const FORWARDING = 0x80;
/** RFC 4724 §3: twelve bits of seconds. */
const RESTART_TIME_MAX_S = 0xfff;

/** One capability: code, length, value. */
export function encodeCapability(capability: Capability): number[] {
  const { code, value } = codeAndValue(capability);
  assert(value.length <= 0xff, `a capability of ${value.length} bytes`);
  return [code, value.length, ...value];
}

function codeAndValue(capability: Capability): { code: number; value: ArrayLike<number> & Iterable<number> } {
  switch (capability.is) {
    case "multiprotocol":
      return { code: CapabilityCode.multiprotocol, value: [...u16(afiOf(capability.family)), 0, SAFI_UNICAST] };
    case "route-refresh":
      return { code: CapabilityCode.routeRefresh, value: [] };
    case "extended-next-hop":
      return { code: CapabilityCode.extendedNextHop, value: capability.pairs.flatMap(extendedNextHopPair) };
    case "graceful-restart":
      return { code: CapabilityCode.gracefulRestart, value: gracefulRestartValue(capability) };
    case "four-octet-as":
      return { code: CapabilityCode.fourOctetAs, value: u32(capability.as) };
    case "enhanced-route-refresh":
      return { code: CapabilityCode.enhancedRouteRefresh, value: [] };
    case "other":
      return { code: capability.code, value: capability.value };
    default:
      return assertNever(capability);
  }
}

/** RFC 8950 §4: AFI, SAFI in two octets, AFI of the next hop. */
function extendedNextHopPair(pair: { readonly family: Family; readonly nextHopFamily: Family }): number[] {
  return [...u16(afiOf(pair.family)), ...u16(SAFI_UNICAST), ...u16(afiOf(pair.nextHopFamily))];
}

/** RFC 4724 §3. */
function gracefulRestartValue(capability: Capability & { is: "graceful-restart" }): number[] {
  const { restartTimeS, families } = capability;
  assert(restartTimeS >= 0 && restartTimeS <= RESTART_TIME_MAX_S, `a restart time of ${restartTimeS} s`);
  const flags = (capability.restarting ? RESTARTING : 0) | (capability.notification ? KEEPS_ON_NOTIFICATION : 0);
  const list = families.flatMap((entry) => [
    ...u16(afiOf(entry.family)),
    SAFI_UNICAST,
    entry.forwarding ? FORWARDING : 0,
  ]);
  return [...u16((flags << 12) | restartTimeS), ...list];
}

/** Reads the capabilities of one optional parameter. Throws {@link BgpError} 2/0 for a malformed one, 2/2 for AS 0. */
export function decodeCapabilities(bytes: Uint8Array): Capability[] {
  const capabilities: Capability[] = [];
  let at = 0;
  while (at < bytes.length) {
    const code = bytes[at] ?? 0;
    const end = at + 2 + (bytes[at + 1] ?? 0);
    if (at + 2 > bytes.length || end > bytes.length) throw malformed(code, bytes.length - at, "a whole capability");
    capabilities.push(decodeCapability(code, bytes.subarray(at + 2, end)));
    at = end;
  }
  return capabilities;
}

function decodeCapability(code: number, value: Uint8Array): Capability {
  switch (code) {
    case CapabilityCode.multiprotocol:
      return multiprotocol(value);
    case CapabilityCode.routeRefresh:
      expectBytes(code, value, 0);
      return { is: "route-refresh" };
    case CapabilityCode.extendedNextHop:
      return extendedNextHop(value);
    case CapabilityCode.gracefulRestart:
      return gracefulRestart(value);
    case CapabilityCode.fourOctetAs:
      return fourOctetAs(value);
    case CapabilityCode.enhancedRouteRefresh:
      expectBytes(code, value, 0);
      return { is: "enhanced-route-refresh" };
    default:
      return { is: "other", code, value: value.slice() };
  }
}

/** RFC 4760 §8; the reserved octet is not looked at. */
function multiprotocol(value: Uint8Array): Capability {
  const code = CapabilityCode.multiprotocol;
  expectBytes(code, value, 4);
  const family = familyOf(readU16(value, 0), value[3] ?? 0);
  return family === null ? { is: "other", code, value: value.slice() } : { is: "multiprotocol", family };
}

/** RFC 8950 §4; pairs with a family that is not known here are left out. */
function extendedNextHop(value: Uint8Array): Capability {
  if (value.length % 6 !== 0) throw malformed(CapabilityCode.extendedNextHop, value.length, "a multiple of 6 bytes");
  const pairs: { family: Family; nextHopFamily: Family }[] = [];
  for (let at = 0; at < value.length; at += 6) {
    const family = familyOf(readU16(value, at), readU16(value, at + 2));
    const nextHopFamily = familyOfAfi(readU16(value, at + 4));
    if (family !== null && nextHopFamily !== null) pairs.push({ family, nextHopFamily });
  }
  return { is: "extended-next-hop", pairs };
}

/** RFC 4724 §3; families that are not known here are left out. */
function gracefulRestart(value: Uint8Array): Capability {
  if (value.length % 4 !== 2) throw malformed(CapabilityCode.gracefulRestart, value.length, "2 bytes and 4 a family");
  const flags = (value[0] ?? 0) >> 4;
  const families: { family: Family; forwarding: boolean }[] = [];
  for (let at = 2; at < value.length; at += 4) {
    const family = familyOf(readU16(value, at), value[at + 2] ?? 0);
    if (family !== null) families.push({ family, forwarding: ((value[at + 3] ?? 0) & FORWARDING) !== 0 });
  }
  return {
    is: "graceful-restart",
    restarting: (flags & RESTARTING) !== 0,
    notification: (flags & KEEPS_ON_NOTIFICATION) !== 0,
    restartTimeS: readU16(value, 0) & RESTART_TIME_MAX_S,
    families,
  };
}

/** RFC 6793 §3; AS 0 is refused (RFC 7607 §2). */
function fourOctetAs(value: Uint8Array): Capability {
  expectBytes(CapabilityCode.fourOctetAs, value, 4);
  const as = readU32(value, 0);
  if (as !== 0) return { is: "four-octet-as", as };
  const fault = { unit: "BGP OPEN", where: "four-octet AS", got: 0, wanted: "an AS number" };
  throw new BgpError(ErrorCode.open, OpenSubcode.badPeerAs, fault);
}

function expectBytes(code: number, value: Uint8Array, wanted: number): void {
  if (value.length !== wanted) throw malformed(code, value.length, `${wanted} bytes`);
}

function malformed(code: number, gotBytes: number, wanted: string): BgpError {
  const fault = { unit: "BGP OPEN", where: `capability ${code}`, got: `${gotBytes} bytes`, wanted };
  return new BgpError(ErrorCode.open, OpenSubcode.unspecific, fault);
}
