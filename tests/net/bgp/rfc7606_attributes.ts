/** What can be wrong with one attribute, and what RFC 7606 says of it. */
import { be16, be32, NEXT_HOP, OPTIONAL, TRANSITIVE } from "./octets.ts";

export type Action = "treat-as-withdraw" | "discard-attribute";
export type Peer = "external" | "internal";

/** One malformed attribute. */
export interface Malformation {
  readonly attribute: string;
  readonly fault: string;
  readonly type: number;
  readonly flags: number;
  readonly value: readonly number[];
  readonly action: Action;
  /** Of the NOTIFICATION when there is nothing to withdraw (RFC 7606 §5.2). */
  readonly subcode: number;
  readonly spec: string;
  /** Peers it is wrong from; all without. */
  readonly peers?: readonly Peer[];
  /** AS numbers of two octets were agreed on. */
  readonly old?: true;
  /** Only wrong beside destinations in the NLRI field. */
  readonly plainOnly?: true;
}

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** A good value. */
  readonly value: readonly number[];
}

const LENGTH = 5;
const FLAGS = 4;
const OPTIONAL_TRANSITIVE = OPTIONAL | TRANSITIVE;

const BOTH: readonly Attribute[] = [
  { name: "ORIGIN", type: 1, flags: TRANSITIVE, value: [0] },
  { name: "AS_PATH", type: 2, flags: TRANSITIVE, value: [2, 1, ...be32(65001)] },
  { name: "NEXT_HOP", type: 3, flags: TRANSITIVE, value: NEXT_HOP },
  { name: "MULTI_EXIT_DISC", type: 4, flags: OPTIONAL, value: be32(7) },
  { name: "LOCAL_PREF", type: 5, flags: TRANSITIVE, value: be32(100) },
  { name: "ATOMIC_AGGREGATE", type: 6, flags: TRANSITIVE, value: [] },
  { name: "AGGREGATOR", type: 7, flags: OPTIONAL_TRANSITIVE, value: [...be32(65001), 192, 0, 2, 1] },
  { name: "COMMUNITIES", type: 8, flags: OPTIONAL_TRANSITIVE, value: be32(0x00640001) },
  { name: "ORIGINATOR_ID", type: 9, flags: OPTIONAL, value: [192, 0, 2, 9] },
  { name: "CLUSTER_LIST", type: 10, flags: OPTIONAL, value: [192, 0, 2, 9] },
  { name: "EXTENDED_COMMUNITIES", type: 16, flags: OPTIONAL_TRANSITIVE, value: [0, 2, 0, 100, 0, 0, 0, 1] },
  {
    name: "IPV6_EXTENDED_COMMUNITIES",
    type: 25,
    flags: OPTIONAL_TRANSITIVE,
    value: [0, 2, ...new Array<number>(18).fill(1)],
  },
  { name: "LARGE_COMMUNITIES", type: 32, flags: OPTIONAL_TRANSITIVE, value: [...be32(64496), ...be32(1), ...be32(2)] },
  { name: "AS4_PATH", type: 17, flags: OPTIONAL_TRANSITIVE, value: [2, 1, ...be32(70000)] },
  { name: "AS4_AGGREGATOR", type: 18, flags: OPTIONAL_TRANSITIVE, value: [...be32(70000), 192, 0, 2, 1] },
];

/** The good form of an attribute. */
export function good(name: string): Attribute {
  const found = BOTH.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no attribute ${name}`);
  return found;
}

type Outcome = Pick<Malformation, "action" | "spec"> & Partial<Malformation>;

function wrong(name: string, fault: string, rest: Outcome & Pick<Malformation, "value" | "subcode">): Malformation {
  const { type, flags } = good(name);
  return { attribute: name, fault, type, flags, ...rest };
}

/** Values one octet short, one octet long and empty, as far as that is wrong. */
function lengths(name: string, outcome: Outcome): Malformation[] {
  const { value } = good(name);
  const longer = [...value, 0];
  const values = new Map([["one octet longer", longer]]);
  if (value.length > 0) values.set("empty", []);
  if (value.length > 1) values.set("one octet shorter", value.slice(1));
  return [...values].map(([fault, bytes]) => wrong(name, fault, { subcode: LENGTH, value: bytes, ...outcome }));
}

/** Either of the two flags that are specified the other way round (RFC 7606 §3 c). */
function flags(attribute: Attribute): Malformation[] {
  const { name, value } = attribute;
  const rest = { action: "treat-as-withdraw", subcode: FLAGS, spec: "RFC 7606 §3 c", value } as const;
  const old = name.startsWith("AS4") ? { old: true } as const : {};
  return [["optional", OPTIONAL], ["transitive", TRANSITIVE]].map(([word, bit]) =>
    wrong(name, `${word} flag inverted`, { ...rest, ...old, flags: attribute.flags ^ Number(bit) })
  );
}

const WITHDRAW = "treat-as-withdraw";
const DISCARD = "discard-attribute";
const INTERNAL: readonly Peer[] = ["internal"];
const EXTERNAL: readonly Peer[] = ["external"];

const LENGTHS: readonly Malformation[] = [
  ...lengths("ORIGIN", { action: WITHDRAW, spec: "RFC 7606 §7.1" }),
  ...lengths("NEXT_HOP", { action: WITHDRAW, spec: "RFC 7606 §7.3" }),
  ...lengths("MULTI_EXIT_DISC", { action: WITHDRAW, spec: "RFC 7606 §7.4" }),
  ...lengths("LOCAL_PREF", { action: WITHDRAW, spec: "RFC 7606 §7.5", peers: INTERNAL }),
  ...lengths("LOCAL_PREF", { action: DISCARD, spec: "RFC 7606 §7.5", peers: EXTERNAL }),
  ...lengths("ATOMIC_AGGREGATE", { action: DISCARD, spec: "RFC 7606 §7.6" }),
  ...lengths("AGGREGATOR", { action: DISCARD, spec: "RFC 7606 §7.7" }),
  ...lengths("COMMUNITIES", { action: WITHDRAW, spec: "RFC 7606 §7.8" }),
  ...lengths("ORIGINATOR_ID", { action: WITHDRAW, spec: "RFC 7606 §7.9", peers: INTERNAL }),
  ...lengths("ORIGINATOR_ID", { action: DISCARD, spec: "RFC 7606 §7.9", peers: EXTERNAL }),
  ...lengths("CLUSTER_LIST", { action: WITHDRAW, spec: "RFC 7606 §7.10", peers: INTERNAL }),
  ...lengths("CLUSTER_LIST", { action: DISCARD, spec: "RFC 7606 §7.10", peers: EXTERNAL }),
  ...lengths("EXTENDED_COMMUNITIES", { action: WITHDRAW, spec: "RFC 7606 §7.14" }),
  ...lengths("IPV6_EXTENDED_COMMUNITIES", { action: WITHDRAW, spec: "RFC 7606 §7.15" }),
  ...lengths("LARGE_COMMUNITIES", { action: WITHDRAW, spec: "RFC 8092 §6" }),
  ...lengths("AS4_PATH", { action: DISCARD, spec: "RFC 6793 §6", old: true }),
  ...lengths("AS4_AGGREGATOR", { action: DISCARD, spec: "RFC 6793 §6", old: true }),
];

function origin(value: number): Malformation {
  const rest = { action: WITHDRAW, subcode: 6, spec: "RFC 7606 §7.1", value: [value] } as const;
  return wrong("ORIGIN", `value ${value}`, rest);
}

function path(fault: string, value: readonly number[], spec = "RFC 7606 §7.2"): Malformation {
  return wrong("AS_PATH", fault, { action: WITHDRAW, subcode: 11, spec, value });
}

function as4Path(fault: string, value: readonly number[], spec = "RFC 6793 §6"): Malformation {
  return wrong("AS4_PATH", fault, { action: DISCARD, subcode: 9, spec, value, old: true });
}

function nextHop(...value: number[]): Malformation {
  const rest = { action: WITHDRAW, subcode: 8, spec: "RFC 7606 §3 e", value, plainOnly: true } as const;
  return wrong("NEXT_HOP", value.join("."), rest);
}

const ONE = [2, 1, ...be32(65001)];

const VALUES: readonly Malformation[] = [
  origin(3),
  origin(255),
  path("segment type 0", [0, 1, ...be32(65001)]),
  path("segment type 5", [5, 1, ...be32(65001)]),
  path("second segment of type 9", [...ONE, 9, 1, ...be32(65001)]),
  path("overrun", [2, 2, ...be32(65001)]),
  path("overrun of the second segment", [...ONE, 1, 3, ...be32(65001)]),
  path("underrun: one octet left", [...ONE, 2]),
  path("empty segment", [2, 0]),
  path("empty segment behind a good one", [...ONE, 1, 0]),
  path("AS 0", [2, 2, ...be32(65001), ...be32(0)], "RFC 7607 §2"),
  path("AS 0 in a set", [...ONE, 1, 1, ...be32(0)], "RFC 7607 §2"),
  { ...path("confederation sequence", [3, 1, ...be32(65001)], "RFC 5065 §5"), peers: EXTERNAL },
  { ...path("confederation set", [4, 1, ...be32(65001)], "RFC 5065 §5"), peers: EXTERNAL },
  { ...path("overrun of AS numbers of two octets", [2, 2, ...be16(65001)]), old: true },
  { ...path("AS 0 of two octets", [2, 1, 0, 0], "RFC 7607 §2"), old: true },
  nextHop(0, 0, 0, 0),
  nextHop(127, 0, 0, 1),
  nextHop(224, 0, 0, 5),
  nextHop(255, 255, 255, 255),
  wrong("LOCAL_PREF", "external", {
    ...{ action: DISCARD, subcode: 9, spec: "RFC 7606 §7.5", peers: EXTERNAL },
    value: good("LOCAL_PREF").value,
  }),
  wrong("ORIGINATOR_ID", "external", {
    ...{ action: DISCARD, subcode: 9, spec: "RFC 7606 §7.9", peers: EXTERNAL },
    value: good("ORIGINATOR_ID").value,
  }),
  wrong("CLUSTER_LIST", "external", {
    ...{ action: DISCARD, subcode: 9, spec: "RFC 7606 §7.10", peers: EXTERNAL },
    value: good("CLUSTER_LIST").value,
  }),
  wrong("AGGREGATOR", "AS of two octets after four were agreed on", {
    ...{ action: DISCARD, subcode: LENGTH, spec: "RFC 7606 §7.7" },
    value: [...be16(65001), 192, 0, 2, 1],
  }),
  wrong("AGGREGATOR", "AS of four octets after two were agreed on", {
    ...{ action: DISCARD, subcode: LENGTH, spec: "RFC 7606 §7.7", old: true },
    value: [...be32(65001), 192, 0, 2, 1],
  }),
  wrong("AGGREGATOR", "AS 0", {
    ...{ action: DISCARD, subcode: 9, spec: "RFC 7607 §2" },
    value: [...be32(0), 192, 0, 2, 1],
  }),
  as4Path("segment type 0", [0, 1, ...be32(70000)]),
  as4Path("overrun", [2, 2, ...be32(70000)]),
  as4Path("empty segment", [2, 0]),
  as4Path("confederation sequence", [3, 1, ...be32(70000)]),
  as4Path("AS 0", [2, 1, ...be32(0)], "RFC 7607 §2"),
  wrong("AS4_AGGREGATOR", "AS 0", {
    ...{ action: DISCARD, subcode: 9, spec: "RFC 7607 §2", old: true },
    value: [...be32(0), 192, 0, 2, 1],
  }),
  wrong("AS4_PATH", "after four octets were agreed on", {
    ...{ action: DISCARD, subcode: 9, spec: "RFC 6793 §4.1" },
    value: good("AS4_PATH").value,
  }),
  wrong("AS4_AGGREGATOR", "after four octets were agreed on", {
    ...{ action: DISCARD, subcode: 9, spec: "RFC 6793 §4.1" },
    value: good("AS4_AGGREGATOR").value,
  }),
];

/** Every malformed attribute. */
export const MALFORMATIONS: readonly Malformation[] = [...BOTH.flatMap(flags), ...LENGTHS, ...VALUES];

/** Names of the attributes that have to appear. */
export const ATTRIBUTE_NAMES: readonly string[] = BOTH.map((one) => one.name);
