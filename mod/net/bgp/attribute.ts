/** Path attributes: their types, flags and octets (RFC 4271 §4.3), and what RFC 7606 §7 says of each that is wrong. */
import { checkAsPath } from "./as_path.ts";
import { readU16, readU32, u16 } from "./family.ts";
import type { Span } from "./nlri.ts";
import { UpdateSubcode } from "./notification.ts";
import type { UpdateFault, UpdateTraits } from "./types.ts";

/** Types of the registry that are known here. */
export const AttributeType = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReach: 14,
  mpUnreach: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  ipv6ExtendedCommunities: 25,
  largeCommunities: 32,
} as const;

/** Flag: not well-known. */
export const OPTIONAL = 0x80;
/** Flag: passed on by those who do not know it. */
export const TRANSITIVE = 0x40;
/** Flag: the length has two octets. */
export const EXTENDED_LENGTH = 0x10;

/** The flags that RFC 7606 §3 c looks at. */
const SPECIFIED_FLAGS = OPTIONAL | TRANSITIVE;
const WELL_KNOWN = TRANSITIVE;
const OPTIONAL_TRANSITIVE = OPTIONAL | TRANSITIVE;

/** One attribute; the length takes two octets where one is too short. */
export function encodeAttribute(flags: number, type: number, value: readonly number[]): number[] {
  const isLong = value.length > 0xff;
  const length = isLong ? u16(value.length) : [value.length];
  return [isLong ? flags | EXTENDED_LENGTH : flags, type, ...length, ...value];
}

/** The value of an attribute that was received, and what it depends on. */
export interface ReceivedAttribute extends Span {
  readonly flags: number;
  readonly type: number;
  readonly traits: UpdateTraits;
  /** The UPDATE has destinations in its own NLRI field, which NEXT_HOP is for. */
  readonly hasPlainNlri: boolean;
}

/** What is wrong with an attribute. */
export interface Finding {
  readonly action: UpdateFault["action"];
  /** Of the NOTIFICATION, should the session have to end (RFC 7606 §5.2). */
  readonly subcode: number;
  readonly got: string;
  readonly wanted: string;
  readonly spec: string;
}

type Check = (attribute: ReceivedAttribute) => Finding | null;

interface Rule {
  readonly name: string;
  readonly flags: number;
  readonly check: Check;
}

/** The name and number of an attribute, for people. */
export function attributeName(type: number): string {
  return `${RULES.get(type)?.name ?? "attribute"} (${type})`;
}

/** Whether the type is known here. */
export function isKnown(type: number): boolean {
  return RULES.has(type);
}

/** What is wrong with an attribute that is no MP_REACH_NLRI or MP_UNREACH_NLRI; null: nothing, or it is not known here. */
export function checkAttribute(attribute: ReceivedAttribute): Finding | null {
  const rule = RULES.get(attribute.type);
  if (rule === undefined) return null;
  return checkFlags(attribute) ?? rule.check(attribute);
}

/** RFC 7606 §3 c. */
export function checkFlags(attribute: ReceivedAttribute): Finding | null {
  const wanted = RULES.get(attribute.type)?.flags ?? attribute.flags;
  if (((attribute.flags ^ wanted) & SPECIFIED_FLAGS) === 0) return null;
  return {
    action: "treat-as-withdraw",
    subcode: UpdateSubcode.attributeFlags,
    got: `flags 0x${attribute.flags.toString(16)}`,
    wanted: `0x${wanted.toString(16)}`,
    spec: "RFC 7606 §3 c",
  };
}

function length(attribute: ReceivedAttribute): number {
  return attribute.end - attribute.at;
}

function badLength(attribute: ReceivedAttribute, rest: Pick<Finding, "action" | "wanted" | "spec">): Finding {
  return { subcode: UpdateSubcode.attributeLength, got: `length ${length(attribute)}`, ...rest };
}

function lengthIs(wanted: number, action: UpdateFault["action"], { spec }: { readonly spec: string }): Check {
  return (attribute) =>
    length(attribute) === wanted ? null : badLength(attribute, { action, wanted: String(wanted), spec });
}

function lengthIsMultipleOf(unit: number, spec: string): Check {
  const wanted = `a multiple of ${unit} that is not 0`;
  return (attribute) => {
    const got = length(attribute);
    if (got > 0 && got % unit === 0) return null;
    return badLength(attribute, { action: "treat-as-withdraw", wanted, spec });
  };
}

/** From an external peer the attribute is dropped, whatever it holds. */
function internalOnly(check: Check, spec: string): Check {
  return (attribute) => {
    if (!attribute.traits.isExternal) return check(attribute);
    return {
      action: "discard-attribute",
      subcode: UpdateSubcode.optionalAttribute,
      got: "been sent by an external peer",
      wanted: "it from internal peers only",
      spec,
    };
  };
}

/** RFC 7606 §7.1. */
function checkOrigin(attribute: ReceivedAttribute): Finding | null {
  const fault = { action: "treat-as-withdraw", spec: "RFC 7606 §7.1" } as const;
  if (length(attribute) !== 1) return badLength(attribute, { ...fault, wanted: "1" });
  const origin = attribute.bytes[attribute.at] ?? 0;
  return origin <= 2 ? null : { ...fault, subcode: UpdateSubcode.invalidOrigin, got: `${origin}`, wanted: "0, 1 or 2" };
}

/** RFC 7606 §7.2; AS 0 by RFC 7607 §2, segments of a confederation from outside of it by RFC 5065 §5. */
function checkReceivedAsPath(attribute: ReceivedAttribute): Finding | null {
  const fault = checkAsPath(attribute, attribute.traits.fourOctetAs ? 4 : 2);
  if (fault === null || (fault.is === "confederation" && !attribute.traits.isExternal)) return null;
  const specs = { "segment": "RFC 7606 §7.2", "as-zero": "RFC 7607 §2", "confederation": "RFC 5065 §5" };
  return {
    action: "treat-as-withdraw",
    subcode: UpdateSubcode.malformedAsPath,
    got: fault.got,
    wanted: "whole segments of AS numbers",
    spec: specs[fault.is],
  };
}

/**
 * RFC 7606 §7.3 for the length; an address that no host can have is an error by RFC 4271 §6.3, whose answer is now that
 * of RFC 7606 §3 e. Without destinations of its own the attribute means nothing (RFC 4760 §3).
 */
function checkNextHop(attribute: ReceivedAttribute): Finding | null {
  const action = "treat-as-withdraw";
  if (length(attribute) !== 4) return badLength(attribute, { action, wanted: "4", spec: "RFC 7606 §7.3" });
  const first = attribute.bytes[attribute.at] ?? 0;
  // This network, loopback (RFC 1122 §3.2.1.3), multicast and reserved (RFC 1112 §4).
  if (!attribute.hasPlainNlri || (first !== 0 && first !== 127 && first < 224)) return null;
  const got = attribute.bytes.subarray(attribute.at, attribute.end).join(".");
  const subcode = UpdateSubcode.invalidNextHop;
  return { action, subcode, got, wanted: "the address of a host", spec: "RFC 7606 §3 e" };
}

/** RFC 7606 §7.7; AS 0 by RFC 7607 §2. */
function checkAggregator(attribute: ReceivedAttribute): Finding | null {
  const asOctets = attribute.traits.fourOctetAs ? 4 : 2;
  const fault = { action: "discard-attribute", spec: "RFC 7606 §7.7" } as const;
  if (length(attribute) !== asOctets + 4) return badLength(attribute, { ...fault, wanted: `${asOctets + 4}` });
  const as = asOctets === 4 ? readU32(attribute.bytes, attribute.at) : readU16(attribute.bytes, attribute.at);
  return as === 0 ? discardZero() : null;
}

function discardZero(): Finding {
  const subcode = UpdateSubcode.optionalAttribute;
  return { action: "discard-attribute", subcode, got: "AS 0", wanted: "an AS number", spec: "RFC 7607 §2" };
}

/** RFC 6793 §4.1: a peer with AS numbers of four octets has no use for it. */
function fromOldSpeakersOnly(check: Check): Check {
  return (attribute) => {
    if (!attribute.traits.fourOctetAs) return check(attribute);
    return {
      action: "discard-attribute",
      subcode: UpdateSubcode.optionalAttribute,
      got: "been sent by a peer with AS numbers of four octets",
      wanted: "it from others only",
      spec: "RFC 6793 §4.1",
    };
  };
}

/** RFC 6793 §6; AS 0 by RFC 7607 §2. */
function checkAs4Path(attribute: ReceivedAttribute): Finding | null {
  const fault = checkAsPath(attribute, 4);
  if (fault?.is === "as-zero") return discardZero();
  if (fault === null && length(attribute) > 0) return null;
  return {
    action: "discard-attribute",
    subcode: UpdateSubcode.optionalAttribute,
    got: fault?.got ?? "length 0",
    wanted: "whole segments of AS numbers",
    spec: "RFC 6793 §6",
  };
}

/** RFC 6793 §6; AS 0 by RFC 7607 §2. */
function checkAs4Aggregator(attribute: ReceivedAttribute): Finding | null {
  const fault = { action: "discard-attribute", wanted: "8", spec: "RFC 6793 §6" } as const;
  if (length(attribute) !== 8) return badLength(attribute, fault);
  return readU32(attribute.bytes, attribute.at) === 0 ? discardZero() : null;
}

const WITHDRAW = "treat-as-withdraw";
const DISCARD = "discard-attribute";
const SPEC_75 = { spec: "RFC 7606 §7.5" };
const SPEC_79 = { spec: "RFC 7606 §7.9" };

/** MP_REACH_NLRI and MP_UNREACH_NLRI are read by mp_nlri.ts. */
const NO_CHECK: Check = () => null;

const RULES: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [AttributeType.origin, { name: "ORIGIN", flags: WELL_KNOWN, check: checkOrigin }],
  [AttributeType.asPath, { name: "AS_PATH", flags: WELL_KNOWN, check: checkReceivedAsPath }],
  [AttributeType.nextHop, { name: "NEXT_HOP", flags: WELL_KNOWN, check: checkNextHop }],
  [AttributeType.med, {
    name: "MULTI_EXIT_DISC",
    flags: OPTIONAL,
    check: lengthIs(4, WITHDRAW, { spec: "RFC 7606 §7.4" }),
  }],
  [AttributeType.localPref, {
    name: "LOCAL_PREF",
    flags: WELL_KNOWN,
    check: internalOnly(lengthIs(4, WITHDRAW, SPEC_75), SPEC_75.spec),
  }],
  [AttributeType.atomicAggregate, {
    name: "ATOMIC_AGGREGATE",
    flags: WELL_KNOWN,
    check: lengthIs(0, DISCARD, { spec: "RFC 7606 §7.6" }),
  }],
  [AttributeType.aggregator, { name: "AGGREGATOR", flags: OPTIONAL_TRANSITIVE, check: checkAggregator }],
  [AttributeType.communities, {
    name: "COMMUNITIES",
    flags: OPTIONAL_TRANSITIVE,
    check: lengthIsMultipleOf(4, "RFC 7606 §7.8"),
  }],
  [AttributeType.originatorId, {
    name: "ORIGINATOR_ID",
    flags: OPTIONAL,
    check: internalOnly(lengthIs(4, WITHDRAW, SPEC_79), SPEC_79.spec),
  }],
  [AttributeType.clusterList, {
    name: "CLUSTER_LIST",
    flags: OPTIONAL,
    check: internalOnly(lengthIsMultipleOf(4, "RFC 7606 §7.10"), "RFC 7606 §7.10"),
  }],
  [AttributeType.mpReach, { name: "MP_REACH_NLRI", flags: OPTIONAL, check: NO_CHECK }],
  [AttributeType.mpUnreach, { name: "MP_UNREACH_NLRI", flags: OPTIONAL, check: NO_CHECK }],
  [AttributeType.extendedCommunities, {
    name: "EXTENDED_COMMUNITIES",
    flags: OPTIONAL_TRANSITIVE,
    check: lengthIsMultipleOf(8, "RFC 7606 §7.14"),
  }],
  [AttributeType.as4Path, { name: "AS4_PATH", flags: OPTIONAL_TRANSITIVE, check: fromOldSpeakersOnly(checkAs4Path) }],
  [AttributeType.as4Aggregator, {
    name: "AS4_AGGREGATOR",
    flags: OPTIONAL_TRANSITIVE,
    check: fromOldSpeakersOnly(checkAs4Aggregator),
  }],
  [AttributeType.ipv6ExtendedCommunities, {
    name: "IPV6_EXTENDED_COMMUNITIES",
    flags: OPTIONAL_TRANSITIVE,
    check: lengthIsMultipleOf(20, "RFC 7606 §7.15"),
  }],
  [AttributeType.largeCommunities, {
    name: "LARGE_COMMUNITIES",
    flags: OPTIONAL_TRANSITIVE,
    check: lengthIsMultipleOf(12, "RFC 8092 §6"),
  }],
]);
