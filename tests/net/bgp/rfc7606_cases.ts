/** UPDATEs that are wrong, from external and internal peers, with and without destinations, and what becomes of each. */
import type { UpdateTraits } from "../../../mod/net/bgp/types.ts";
import {
  attribute,
  be16,
  EXTENDED,
  EXTERNAL,
  INTERNAL,
  LINK_LOCAL,
  mpReach,
  mpUnreach,
  NEXT_HOP,
  NEXT_HOP6,
  NLRI,
  NLRI6,
  OPTIONAL,
  TRANSITIVE,
  update,
} from "./octets.ts";
import { type Action, good, type Malformation, MALFORMATIONS, type Peer } from "./rfc7606_attributes.ts";

export type Outcome =
  | { readonly is: "survives"; readonly action: Action; readonly announced: number }
  /** Code 3 and this subcode. */
  | { readonly is: "reset"; readonly subcode: number };

export interface Case {
  readonly name: string;
  readonly spec: string;
  readonly traits: UpdateTraits;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly outcome: Outcome;
}

const PEERS: readonly Peer[] = ["external", "internal"];
/** Destinations in {@link NLRI}. */
const PLAIN = 2;

function traitsOf(peer: Peer, old = false): UpdateTraits {
  return { ...(peer === "external" ? EXTERNAL : INTERNAL), fourOctetAs: !old };
}

/** Good attributes for destinations, by type. */
function base(peer: Peer, old = false): Map<number, number[]> {
  const names = ["ORIGIN", "AS_PATH", "NEXT_HOP", ...(peer === "internal" ? ["LOCAL_PREF"] : [])];
  const attributes = names.map(good).map((one) => {
    const value = old && one.name === "AS_PATH" ? [2, 1, ...be16(65001)] : one.value;
    return [one.type, attribute(one.flags, one.type, value)] as const;
  });
  return new Map(attributes);
}

function withOne(peer: Peer, one: Malformation): number[] {
  const attributes = base(peer, one.old).set(one.type, attribute(one.flags, one.type, one.value));
  return [...attributes.keys()].sort((a, b) => a - b).flatMap((type) => attributes.get(type) ?? []);
}

/** A malformed attribute from each peer, beside destinations and without any (RFC 7606 §5.2). */
function attributeCases(one: Malformation): Case[] {
  return (one.peers ?? PEERS).flatMap((peer) => {
    const attributes = withOne(peer, one);
    const title = `${one.attribute}: ${one.fault}, ${peer}`;
    const rest = { spec: one.spec, traits: traitsOf(peer, one.old) };
    const action = one.action;
    const beside: Case = {
      ...rest,
      name: title,
      bytes: update({ attributes, nlri: NLRI }),
      outcome: { is: "survives", action, announced: PLAIN },
    };
    const alone: Case = {
      ...rest,
      name: `${title}, nothing reachable`,
      bytes: update({ attributes }),
      outcome: action === "treat-as-withdraw"
        ? { is: "reset", subcode: one.subcode }
        : { is: "survives", action, announced: 0 },
    };
    return one.plainOnly ? [beside] : [beside, alone];
  });
}

interface Framing {
  readonly name: string;
  readonly spec: string;
  readonly outcome: Outcome;
  readonly bytes: (good: readonly number[], peer: Peer) => Uint8Array<ArrayBuffer>;
  readonly traits?: Partial<UpdateTraits>;
}

function reset(subcode: number): Outcome {
  return { is: "reset", subcode };
}

function survives(action: Action, announced: number): Outcome {
  return { is: "survives", action, announced };
}

const REACH = attribute(OPTIONAL, 14, mpReach(2, NEXT_HOP6, NLRI6));
const UNREACH = attribute(OPTIONAL, 15, mpUnreach(2, NLRI6));

function reachWith(value: readonly number[]): Framing["bytes"] {
  return (others) => update({ attributes: [...attribute(OPTIONAL, 14, value), ...others] });
}

function unreachWith(value: readonly number[]): Framing["bytes"] {
  return () => update({ attributes: attribute(OPTIONAL, 15, value) });
}

function badReach(name: string, spec: string, value: readonly number[]): Framing {
  return { name: `MP_REACH_NLRI: ${name}`, spec, outcome: reset(9), bytes: reachWith(value) };
}

function badUnreach(name: string, spec: string, value: readonly number[]): Framing {
  return { name: `MP_UNREACH_NLRI: ${name}`, spec, outcome: reset(9), bytes: unreachWith(value) };
}

const MULTIPROTOCOL: readonly Framing[] = [
  badReach("no octet", "RFC 7606 §5.3", []),
  badReach("four octets", "RFC 7606 §5.3", [0, 2, 1, 0]),
  badReach("next hop of 0 octets", "RFC 7606 §7.11", mpReach(2, [], NLRI6)),
  badReach("next hop of 4 octets for IPv6", "RFC 7606 §7.11", mpReach(2, NEXT_HOP, NLRI6)),
  badReach("next hop of 15 octets", "RFC 7606 §7.11", mpReach(2, NEXT_HOP6.slice(1), NLRI6)),
  badReach("next hop of 17 octets", "RFC 7606 §7.11", mpReach(2, [...NEXT_HOP6, 0], NLRI6)),
  badReach(
    "next hop of 24 octets",
    "RFC 7606 §7.11",
    mpReach(2, [...new Array<number>(8).fill(0), ...NEXT_HOP6], NLRI6),
  ),
  badReach("next hop of 31 octets", "RFC 7606 §7.11", mpReach(2, [...NEXT_HOP6, ...LINK_LOCAL.slice(1)], NLRI6)),
  badReach("IPv6 next hop for IPv4 not agreed on", "RFC 8950 §4", mpReach(1, NEXT_HOP6, NLRI)),
  badReach("IPv4 next hop of 5 octets", "RFC 7606 §7.11", mpReach(1, [...NEXT_HOP, 0], NLRI)),
  badReach("next hop beyond the attribute", "RFC 7606 §7.11", [...be16(2), 1, 16, ...NEXT_HOP6.slice(4)]),
  badReach("reserved octet missing", "RFC 7606 §5.3", [...be16(2), 1, 16, ...NEXT_HOP6]),
  badReach("prefix of 129 bits", "RFC 7606 §5.3", mpReach(2, NEXT_HOP6, [129, ...new Array<number>(17).fill(1)])),
  badReach("prefix of 33 bits for IPv4", "RFC 7606 §5.3", mpReach(1, NEXT_HOP, [33, 10, 0, 0, 0, 0])),
  badReach("last prefix cut short", "RFC 7606 §5.3", mpReach(2, NEXT_HOP6, NLRI6.slice(0, -1))),
  badUnreach("no octet", "RFC 7606 §5.3", []),
  badUnreach("two octets", "RFC 7606 §5.3", be16(2)),
  badUnreach("prefix of 129 bits", "RFC 7606 §5.3", mpUnreach(2, [129, ...new Array<number>(17).fill(1)])),
  badUnreach("prefix of 33 bits for IPv4", "RFC 7606 §5.3", mpUnreach(1, [33, 10, 0, 0, 0, 0])),
  badUnreach("last prefix cut short", "RFC 7606 §5.3", mpUnreach(2, NLRI6.slice(0, -1))),
  ...[TRANSITIVE, OPTIONAL | TRANSITIVE, 0].flatMap((flags): Framing[] => [
    {
      name: `MP_REACH_NLRI: flags 0x${flags.toString(16)}`,
      spec: "RFC 7606 §5.3",
      outcome: reset(9),
      bytes: (others) => update({ attributes: [...attribute(flags, 14, mpReach(2, NEXT_HOP6, NLRI6)), ...others] }),
    },
    {
      name: `MP_UNREACH_NLRI: flags 0x${flags.toString(16)}`,
      spec: "RFC 7606 §5.3",
      outcome: reset(9),
      bytes: () => update({ attributes: attribute(flags, 15, mpUnreach(2, NLRI6)) }),
    },
  ]),
  {
    name: "MP_REACH_NLRI twice",
    spec: "RFC 7606 §3 g",
    outcome: reset(1),
    bytes: (others) => update({ attributes: [...REACH, ...others, ...REACH] }),
  },
  {
    name: "MP_UNREACH_NLRI twice",
    spec: "RFC 7606 §3 g",
    outcome: reset(1),
    bytes: () => update({ attributes: [...UNREACH, ...UNREACH] }),
  },
  {
    name: "MP_REACH_NLRI longer than the attributes",
    spec: "RFC 7606 §3 j",
    outcome: reset(9),
    bytes: (others) => update({ attributes: [...others, ...REACH.slice(0, -1)], nlri: NLRI }),
  },
  {
    name: "MP_UNREACH_NLRI whose length is cut off",
    spec: "RFC 7606 §3 j",
    outcome: reset(9),
    bytes: (others) => update({ attributes: [...others, OPTIONAL, 15], nlri: NLRI }),
  },
  {
    name: "MP_REACH_NLRI of an unknown AFI",
    spec: "RFC 4760 §7",
    outcome: survives("discard-attribute", 0),
    bytes: reachWith([...be16(25), 70, 4, ...NEXT_HOP, 0, 1, 2, 3]),
  },
  {
    name: "MP_REACH_NLRI of multicast",
    spec: "RFC 4760 §7",
    outcome: survives("discard-attribute", 0),
    bytes: reachWith([...be16(1), 2, 4, ...NEXT_HOP, 0, ...NLRI]),
  },
  {
    name: "MP_UNREACH_NLRI of an unknown AFI",
    spec: "RFC 4760 §7",
    outcome: survives("discard-attribute", 0),
    bytes: unreachWith([...be16(16388), 71, 1, 2, 3]),
  },
  {
    name: "MP_REACH_NLRI of IPv6, which was not agreed on",
    spec: "RFC 4760 §7",
    outcome: survives("discard-attribute", 0),
    bytes: (others) => update({ attributes: [...REACH, ...others] }),
    traits: { families: new Set([4]) },
  },
  {
    name: "MP_UNREACH_NLRI of IPv6, which was not agreed on",
    spec: "RFC 4760 §7",
    outcome: survives("discard-attribute", 0),
    bytes: () => update({ attributes: UNREACH }),
    traits: { families: new Set([4]) },
  },
  {
    name: "MP_REACH_NLRI of an unknown AFI beside good destinations",
    spec: "RFC 4760 §7",
    outcome: survives("discard-attribute", PLAIN),
    bytes: (others) => update({ attributes: [...attribute(OPTIONAL, 14, mpReach(9, [], [])), ...others], nlri: NLRI }),
  },
  {
    name: "NEXT_HOP of a bad length beside MP_REACH_NLRI",
    spec: "RFC 7606 §7.3",
    outcome: survives("treat-as-withdraw", 1),
    bytes: (others) =>
      update({ attributes: [...REACH, ...without(others, 3), ...attribute(TRANSITIVE, 3, NEXT_HOP.slice(1))] }),
  },
];

/** Good attributes but the one of this type. */
function without(attributes: readonly number[], type: number): number[] {
  const rest: number[] = [];
  for (let at = 0; at < attributes.length;) {
    const end = at + 3 + (attributes[at + 2] ?? 0);
    if (attributes[at + 1] !== type) rest.push(...attributes.slice(at, end));
    at = end;
  }
  return rest;
}

function missing(name: string, type: number): Framing {
  return {
    name: `${name} is missing`,
    spec: "RFC 7606 §3 d",
    outcome: survives("treat-as-withdraw", PLAIN),
    bytes: (others) => update({ attributes: without(others, type), nlri: NLRI }),
  };
}

function missingBesideMp(name: string, type: number): Framing {
  return {
    name: `${name} is missing beside MP_REACH_NLRI`,
    spec: "RFC 7606 §3 d",
    outcome: survives("treat-as-withdraw", 1),
    bytes: (others) => update({ attributes: [...REACH, ...without(others, type)] }),
  };
}

function twice(name: string): Framing {
  const { type, flags, value } = good(name);
  return {
    name: `${name} twice`,
    spec: "RFC 7606 §3 g",
    outcome: survives("discard-attribute", PLAIN),
    // The second one is broken: only the first counts.
    bytes: (others) =>
      update({
        attributes: [
          ...without(others, type),
          ...attribute(flags, type, value),
          ...attribute(flags, type, [...value, 0]),
        ],
        nlri: NLRI,
      }),
  };
}

function tail(name: string, octets: readonly number[]): Framing[] {
  const bytes = (nlri: readonly number[]): Framing["bytes"] => (others) =>
    update({ attributes: [...others, ...octets], nlri });
  const spec = "RFC 7606 §4";
  return [
    { name, spec, outcome: survives("treat-as-withdraw", PLAIN), bytes: bytes(NLRI) },
    { name: `${name}, nothing reachable`, spec: "RFC 7606 §5.2", outcome: reset(1), bytes: bytes([]) },
  ];
}

/** A message whose two lengths say so much. */
function lengthFields(withdrawn: number, attributes: number, rest: readonly number[]): Framing["bytes"] {
  return () => {
    const bytes = update({ nlri: rest.slice() });
    bytes.set(be16(withdrawn), 19);
    bytes.set(be16(attributes), 21 + (withdrawn <= rest.length ? withdrawn : 0));
    return bytes;
  };
}

const FRAMING: readonly Framing[] = [
  missing("ORIGIN", 1),
  missing("AS_PATH", 2),
  missing("NEXT_HOP", 3),
  missingBesideMp("ORIGIN", 1),
  missingBesideMp("AS_PATH", 2),
  ...["ORIGIN", "AS_PATH", "NEXT_HOP", "MULTI_EXIT_DISC", "ATOMIC_AGGREGATE", "AGGREGATOR", "COMMUNITIES"].map(twice),
  {
    name: "an unknown optional attribute twice",
    spec: "RFC 7606 §3 g",
    outcome: survives("discard-attribute", PLAIN),
    bytes: (others) => {
      const unknown = attribute(OPTIONAL | TRANSITIVE, 200, [1, 2, 3]);
      return update({ attributes: [...others, ...unknown, ...unknown], nlri: NLRI });
    },
  },
  {
    name: "an unknown well-known attribute",
    spec: "RFC 4271 §6.3",
    outcome: reset(2),
    bytes: (others) => update({ attributes: [...others, ...attribute(TRANSITIVE, 200, [1])], nlri: NLRI }),
  },
  ...tail("one octet after the last attribute", [OPTIONAL]),
  ...tail("two octets after the last attribute", [OPTIONAL, 4]),
  ...tail("three octets of an attribute with an extended length", [OPTIONAL | EXTENDED, 4, 0]),
  ...tail("an attribute longer than what is left", [OPTIONAL, 4, 4, 0, 0, 0]),
  ...tail("an extended length longer than what is left", [OPTIONAL | EXTENDED, 4, 0x10, 0, 0, 0, 0]),
  {
    name: "NLRI of 33 bits",
    spec: "RFC 7606 §5.3",
    outcome: reset(10),
    bytes: (others) => update({ attributes: others, nlri: [33, 10, 0, 0, 0, 0] }),
  },
  {
    name: "NLRI cut short",
    spec: "RFC 7606 §5.3",
    outcome: reset(10),
    bytes: (others) => update({ attributes: others, nlri: NLRI.slice(0, -1) }),
  },
  {
    name: "withdrawn routes of 33 bits",
    spec: "RFC 7606 §3 i",
    outcome: reset(10),
    bytes: () => update({ withdrawn: [33, 10, 0, 0, 0, 0] }),
  },
  {
    name: "withdrawn routes cut short",
    spec: "RFC 7606 §3 i",
    outcome: reset(10),
    bytes: () => update({ withdrawn: NLRI.slice(0, -1) }),
  },
  {
    name: "withdrawn routes longer than the message",
    spec: "RFC 7606 §3 b",
    outcome: reset(1),
    bytes: lengthFields(1, 0, []),
  },
  {
    name: "attributes longer than the message",
    spec: "RFC 7606 §3 b",
    outcome: reset(1),
    bytes: lengthFields(0, NLRI.length + 1, NLRI),
  },
  {
    name: "both lengths at their greatest",
    spec: "RFC 7606 §3 b",
    outcome: reset(1),
    bytes: lengthFields(0xffff, 0xffff, NLRI),
  },
  {
    name: "IPv4 routes, which were not agreed on",
    spec: "RFC 4760 §8",
    outcome: survives("treat-as-withdraw", PLAIN),
    bytes: (others) => update({ attributes: others, nlri: NLRI }),
    traits: { families: new Set([6]) },
  },
  {
    name: "a discard and a withdrawal at once",
    spec: "RFC 7606 §3 h",
    outcome: survives("treat-as-withdraw", PLAIN),
    bytes: (others) =>
      update({
        attributes: [...others, ...attribute(TRANSITIVE, 6, [1]), ...attribute(OPTIONAL, 4, [1])],
        nlri: NLRI,
      }),
  },
  {
    name: "a withdrawal and a reset at once",
    spec: "RFC 7606 §3 h",
    outcome: reset(9),
    bytes: (others) =>
      update({ attributes: [...others, ...attribute(OPTIONAL, 4, [1]), ...attribute(OPTIONAL, 15, [])], nlri: NLRI }),
  },
];

function framingCases(one: Framing): Case[] {
  return PEERS.map((peer) => ({
    name: `${one.name}, ${peer}`,
    spec: one.spec,
    traits: { ...traitsOf(peer), ...one.traits },
    bytes: one.bytes([...base(peer).values()].flat(), peer),
    outcome: one.outcome,
  }));
}

/** LOCAL_PREF is owed by internal peers only. */
const LOCAL_PREF_MISSING: Case = {
  name: "LOCAL_PREF is missing, internal",
  spec: "RFC 7606 §3 d",
  traits: INTERNAL,
  bytes: update({ attributes: without([...base("internal").values()].flat(), 5), nlri: NLRI }),
  outcome: survives("treat-as-withdraw", PLAIN),
};

export const CASES: readonly Case[] = [
  ...MALFORMATIONS.flatMap(attributeCases),
  ...[...MULTIPROTOCOL, ...FRAMING].flatMap(framingCases),
  LOCAL_PREF_MISSING,
];

/** An UPDATE with nothing wrong, for each peer. */
export function sentinel(traits: UpdateTraits): Uint8Array<ArrayBuffer> {
  const peer = traits.isExternal ? "external" : "internal";
  return update({ attributes: [...base(peer, !traits.fourOctetAs).values()].flat(), nlri: NLRI });
}
