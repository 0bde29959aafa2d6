/**
 * The expressions of nftables that balance and translate: NAT, number generators, hashes, connection tracking, routes, named counters
 * (include/uapi/linux/netfilter/nf_tables.h). Part of the union in `nft_expression.ts`; to add one: a member of
 * {@link BalanceExpression}, a case in `encodeBalance`, a reader in `balanceReaders`.
 *
 * Registers 1 to 4 hold sixteen bytes each; 8 to 23 are the same memory in pieces of four. The kernel lists a piece that begins one of
 * the large ones under the large one's number: {@link piece} gives the numbers it gives.
 */
import { assertNever } from "../../base/assert.ts";
import { attribute, type Attributes, optional } from "./attribute.ts";
import { readText, readU8, text, u8 } from "./bytes.ts";
import { COUNTER_OBJECT, TIME_LIMITS_OBJECT } from "./nft_numbers.ts";
import { type ExpressionBody, expressionBody, int, intOrZero, number, numberIf } from "./nft_parts.ts";

const NFTA_NAT_TYPE = 1;
const NFTA_NAT_FAMILY = 2;
const NFTA_NAT_REG_ADDR_MIN = 3;
const NFTA_NAT_REG_ADDR_MAX = 4;
const NFTA_NAT_REG_PROTO_MIN = 5;
const NFTA_NAT_REG_PROTO_MAX = 6;
const NFTA_NAT_FLAGS = 7;
const NFTA_MASQ_FLAGS = 1;
const NFTA_MASQ_REG_PROTO_MIN = 2;
const NFTA_NG_DREG = 1;
const NFTA_NG_MODULUS = 2;
const NFTA_NG_TYPE = 3;
const NFTA_NG_OFFSET = 4;
const NFTA_HASH_SREG = 1;
const NFTA_HASH_DREG = 2;
const NFTA_HASH_LEN = 3;
const NFTA_HASH_MODULUS = 4;
const NFTA_HASH_SEED = 5;
const NFTA_HASH_OFFSET = 6;
const NFTA_HASH_TYPE = 7;
const NFT_HASH_JENKINS = 0;
const NFTA_CT_DREG = 1;
const NFTA_CT_KEY = 2;
const NFTA_CT_DIRECTION = 3;
const NFTA_CT_SREG = 4;
const NFTA_FIB_DREG = 1;
const NFTA_FIB_RESULT = 2;
const NFTA_FIB_FLAGS = 3;
const NFTA_REJECT_TYPE = 1;
const NFTA_REJECT_ICMP_CODE = 2;
const NFTA_OBJREF_IMM_TYPE = 1;
const NFTA_OBJREF_IMM_NAME = 2;
const NFTA_OBJREF_SET_SREG = 3;
const NFTA_OBJREF_SET_NAME = 4;
/** NF_NAT_RANGE_MAP_IPS and _PROTO_SPECIFIED, which the kernel sets by itself where registers are given. */
const NAT_IMPLIED = 0x3;
const NFPROTO_IPV4 = 2;
const NFPROTO_IPV6 = 10;

/** Number of the register that begins with the four bytes `index` (0 to 15), as the kernel lists it. */
export function piece(index: number): number {
  return index % 4 === 0 ? 1 + index / 4 : 8 + index;
}

/** What NAT does with ports and clients (NF_NAT_RANGE_*). */
export const NatFlag = { RANDOM: 0x4, PERSISTENT: 0x8, FULLY_RANDOM: 0x10 } as const;

/**
 * What `ct` can load (NFT_CT_*). State, direction (one byte), status and mark are in host order; addresses and ports as on the wire.
 * Addresses and ports need a direction.
 */
export const CtKey = {
  state: 0,
  direction: 1,
  status: 2,
  mark: 3,
  protocol: 10,
  sourcePort: 11,
  destinationPort: 12,
  sourceIp4: 19,
  destinationIp4: 20,
  sourceIp6: 21,
  destinationIp6: 22,
  id: 23,
} as const;

/** Bits of CtKey.state (NF_CT_STATE_BIT of enum ip_conntrack_info). */
export const CtState = { INVALID: 1, ESTABLISHED: 2, RELATED: 4, NEW: 8, UNTRACKED: 64 } as const;
/** Bits of CtKey.status (enum ip_conntrack_status). */
export const CtStatus = {
  SEEN_REPLY: 2,
  ASSURED: 4,
  CONFIRMED: 8,
  SRC_NAT: 0x10,
  DST_NAT: 0x20,
  DYING: 0x200,
} as const;

/** Directions of a connection, in the order of their numbers. */
export type CtDirection = "original" | "reply";
const DIRECTIONS: readonly CtDirection[] = ["original", "reply"];

/** What a route look-up goes by (NFTA_FIB_F_*); exactly one of the addresses. */
export const FibFlag = { SOURCE: 1, DESTINATION: 2, MARK: 4, IIF: 8, OIF: 16 } as const;
/** What it gives (NFT_FIB_RESULT_*). */
export const FibResult = { oif: 1, oifname: 2, addressType: 3 } as const;
/** What FibResult.addressType loads, 32 bits in host order (RTN_*). */
export const AddressType = { unicast: 1, local: 2, broadcast: 3, multicast: 5 } as const;

const REFUSALS = ["icmp", "tcp-reset", "icmpx"] as const;
/** NFT_REJECT_ICMPX_*, the codes of `icmpx`: one word for both families. */
export const IcmpxCode = { noRoute: 0, portUnreachable: 1, hostUnreachable: 2, adminProhibited: 3 } as const;

/** One step of a rule that balances or translates. */
export type BalanceExpression =
  /** Translates to the address and port in these registers, for the whole connection; only in chains of type nat. */
  | {
    readonly type: "nat";
    readonly kind: "snat" | "dnat";
    readonly family: 4 | 6;
    readonly address?: number;
    readonly port?: number;
    /** {@link NatFlag} bits. */
    readonly flags: number;
  }
  /** Source becomes the address of the link the packet leaves by; only in postrouting. */
  | { readonly type: "masquerade"; readonly flags: number }
  /** Loads offset … offset + modulus - 1 in host order: one after the other, or at random. */
  | {
    readonly type: "numgen";
    readonly mode: "inc" | "random";
    readonly modulus: number;
    readonly offset: number;
    readonly register: number;
  }
  /** Loads offset + hash modulo modulus in host order. Without `seed` the kernel takes a random one for each rule. */
  | {
    readonly type: "jhash";
    readonly source: number;
    /** Bytes. */
    readonly length: number;
    readonly register: number;
    readonly modulus: number;
    readonly offset: number;
    readonly seed?: number;
  }
  /** Loads a property of the connection; breaks where there is none. */
  | { readonly type: "ct"; readonly key: number; readonly register: number; readonly direction?: CtDirection }
  /** Sets a property of the connection, e.g. its mark. */
  | { readonly type: "ct-set"; readonly key: number; readonly register: number }
  /** Asks the routes. */
  | { readonly type: "fib"; readonly flags: number; readonly result: number; readonly register: number }
  /** Drops the packet and says so to its sender. `tcp-reset` breaks for what is not TCP; `code` does not matter to it. */
  | { readonly type: "reject"; readonly with: (typeof REFUSALS)[number]; readonly code: number }
  /** Counts on a named counter. */
  | { readonly type: "count-on"; readonly counter: string }
  /** Gives a new connection the named time-outs, if it is of their protocol; goes on in any case. */
  | { readonly type: "limit-times"; readonly limits: string }
  /** Counts on the named counter that a map gives; goes on in any case when it gives one, and breaks when not. */
  | { readonly type: "count-by"; readonly set: string; readonly register: number };

/** Writes one of them. */
export function encodeBalance(expression: BalanceExpression): ExpressionBody {
  switch (expression.type) {
    case "nat":
      return encodeNat(expression);
    case "masquerade":
      return expressionBody("masq", flags(NFTA_MASQ_FLAGS, expression.flags));
    case "numgen":
      return expressionBody("numgen", [
        number(NFTA_NG_DREG, expression.register),
        number(NFTA_NG_MODULUS, expression.modulus),
        number(NFTA_NG_TYPE, expression.mode === "inc" ? 0 : 1),
        number(NFTA_NG_OFFSET, expression.offset),
      ]);
    case "jhash":
      return encodeHash(expression);
    case "ct":
    case "ct-set":
      return encodeCt(expression);
    case "fib":
      return expressionBody("fib", [
        number(NFTA_FIB_FLAGS, expression.flags),
        number(NFTA_FIB_RESULT, expression.result),
        number(NFTA_FIB_DREG, expression.register),
      ]);
    case "reject":
      return expressionBody("reject", [
        number(NFTA_REJECT_TYPE, REFUSALS.indexOf(expression.with)),
        attribute(NFTA_REJECT_ICMP_CODE, u8(expression.code)),
      ]);
    case "count-on":
      return expressionBody("objref", [
        number(NFTA_OBJREF_IMM_TYPE, COUNTER_OBJECT),
        attribute(NFTA_OBJREF_IMM_NAME, text(expression.counter)),
      ]);
    case "limit-times":
      return expressionBody("objref", [
        number(NFTA_OBJREF_IMM_TYPE, TIME_LIMITS_OBJECT),
        attribute(NFTA_OBJREF_IMM_NAME, text(expression.limits)),
      ]);
    case "count-by":
      return expressionBody("objref", [
        number(NFTA_OBJREF_SET_SREG, expression.register),
        attribute(NFTA_OBJREF_SET_NAME, text(expression.set)),
      ]);
    default:
      return assertNever(expression);
  }
}

function flags(type: number, value: number): Uint8Array[] {
  return value === 0 ? [] : [number(type, value)];
}

function encodeNat(nat: Extract<BalanceExpression, { type: "nat" }>): ExpressionBody {
  return expressionBody("nat", [
    number(NFTA_NAT_TYPE, nat.kind === "snat" ? 0 : 1),
    number(NFTA_NAT_FAMILY, nat.family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6),
    ...numberIf(NFTA_NAT_REG_ADDR_MIN, nat.address),
    ...numberIf(NFTA_NAT_REG_PROTO_MIN, nat.port),
    ...flags(NFTA_NAT_FLAGS, nat.flags),
  ]);
}

function encodeHash(hash: Extract<BalanceExpression, { type: "jhash" }>): ExpressionBody {
  return expressionBody("hash", [
    number(NFTA_HASH_SREG, hash.source),
    number(NFTA_HASH_DREG, hash.register),
    number(NFTA_HASH_LEN, hash.length),
    number(NFTA_HASH_MODULUS, hash.modulus),
    ...numberIf(NFTA_HASH_SEED, hash.seed),
    number(NFTA_HASH_OFFSET, hash.offset),
    number(NFTA_HASH_TYPE, NFT_HASH_JENKINS),
  ]);
}

function encodeCt(ct: Extract<BalanceExpression, { type: "ct" | "ct-set" }>): ExpressionBody {
  const key = number(NFTA_CT_KEY, ct.key);
  if (ct.type === "ct-set") return expressionBody("ct", [key, number(NFTA_CT_SREG, ct.register)]);
  const direction = ct.direction === undefined
    ? []
    : [attribute(NFTA_CT_DIRECTION, u8(DIRECTIONS.indexOf(ct.direction)))];
  return expressionBody("ct", [key, number(NFTA_CT_DREG, ct.register), ...direction]);
}

type Reader = (attributes: Attributes) => BalanceExpression | null;

/** Readers by the kernel's name for the expression; null for one that uses something the union has no member for. */
export const balanceReaders: readonly (readonly [string, Reader])[] = [
  ["nat", readNat],
  ["masq", (found) => {
    if (found.has(NFTA_MASQ_REG_PROTO_MIN)) return null;
    return { type: "masquerade", flags: intOrZero(found, NFTA_MASQ_FLAGS) };
  }],
  ["numgen", (found) => ({
    type: "numgen",
    mode: int(found, NFTA_NG_TYPE) === 0 ? "inc" : "random",
    modulus: int(found, NFTA_NG_MODULUS),
    offset: intOrZero(found, NFTA_NG_OFFSET),
    register: int(found, NFTA_NG_DREG),
  })],
  ["hash", readHash],
  ["ct", readCt],
  ["fib", (found) => ({
    type: "fib",
    flags: int(found, NFTA_FIB_FLAGS),
    result: int(found, NFTA_FIB_RESULT),
    register: int(found, NFTA_FIB_DREG),
  })],
  ["reject", (found) => {
    const refusal = REFUSALS[int(found, NFTA_REJECT_TYPE)];
    if (refusal === undefined) return null;
    return { type: "reject", with: refusal, code: optional(found.get(NFTA_REJECT_ICMP_CODE), readU8, 0) };
  }],
  ["objref", readReference],
];

function readNat(found: Attributes): BalanceExpression | null {
  const family = int(found, NFTA_NAT_FAMILY);
  const type = int(found, NFTA_NAT_TYPE);
  const address = register(found, NFTA_NAT_REG_ADDR_MIN, NFTA_NAT_REG_ADDR_MAX);
  const port = register(found, NFTA_NAT_REG_PROTO_MIN, NFTA_NAT_REG_PROTO_MAX);
  if (address === null || port === null || type > 1) return null;
  if (family !== NFPROTO_IPV4 && family !== NFPROTO_IPV6) return null;
  return {
    type: "nat",
    kind: type === 0 ? "snat" : "dnat",
    family: family === NFPROTO_IPV4 ? 4 : 6,
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
    flags: intOrZero(found, NFTA_NAT_FLAGS) & ~NAT_IMPLIED,
  };
}

/** The one register of a range that is none, undefined where there is none, null where it is a range. */
function register(found: Attributes, min: number, max: number): number | undefined | null {
  if (!found.has(min)) return undefined;
  const value = int(found, min);
  return found.has(max) && int(found, max) !== value ? null : value;
}

function readHash(found: Attributes): BalanceExpression | null {
  if (intOrZero(found, NFTA_HASH_TYPE) !== NFT_HASH_JENKINS) return null;
  return {
    type: "jhash",
    source: int(found, NFTA_HASH_SREG),
    length: int(found, NFTA_HASH_LEN),
    register: int(found, NFTA_HASH_DREG),
    modulus: int(found, NFTA_HASH_MODULUS),
    offset: intOrZero(found, NFTA_HASH_OFFSET),
    ...(found.has(NFTA_HASH_SEED) ? { seed: int(found, NFTA_HASH_SEED) } : {}),
  };
}

function readCt(found: Attributes): BalanceExpression | null {
  const key = int(found, NFTA_CT_KEY);
  if (found.has(NFTA_CT_SREG)) {
    return found.has(NFTA_CT_DIRECTION) ? null : { type: "ct-set", key, register: int(found, NFTA_CT_SREG) };
  }
  const given = found.get(NFTA_CT_DIRECTION);
  const direction = given === undefined ? undefined : DIRECTIONS[readU8(given)];
  if (given !== undefined && direction === undefined) return null;
  return { type: "ct", key, register: int(found, NFTA_CT_DREG), ...(direction === undefined ? {} : { direction }) };
}

function readReference(found: Attributes): BalanceExpression | null {
  const set = found.get(NFTA_OBJREF_SET_NAME);
  if (set !== undefined) return { type: "count-by", set: readText(set), register: int(found, NFTA_OBJREF_SET_SREG) };
  const name = optional(found.get(NFTA_OBJREF_IMM_NAME), readText, "");
  switch (int(found, NFTA_OBJREF_IMM_TYPE)) {
    case COUNTER_OBJECT:
      return { type: "count-on", counter: name };
    case TIME_LIMITS_OBJECT:
      return { type: "limit-times", limits: name };
    default:
      return null;
  }
}
