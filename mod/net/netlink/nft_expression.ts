/**
 * What a rule of nftables is made of (include/uapi/linux/netfilter/nf_tables.h). A rule runs its expressions in order; one that does not
 * match ends the rule. Data goes through registers; 1 to 4 hold sixteen bytes each.
 *
 * To add an expression: a member of {@link Expression}, a case in `encodeBody`, a reader in `readers`. Those that balance and translate are
 * in `nft_balance.ts`.
 */
import { attribute, attributeMap, type Attributes, decodeAttributes, nested, optional } from "./attribute.ts";
import { be64, readBe32, readBe64, readBeI32, readText, text } from "./bytes.ts";
import { type BalanceExpression, balanceReaders, encodeBalance } from "./nft_balance.ts";
import { LIST_ELEMENT } from "./nft_numbers.ts";
import { type ExpressionBody, expressionBody as body, int, number } from "./nft_parts.ts";

const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;
const NFTA_META_DREG = 1;
const NFTA_META_KEY = 2;
const NFTA_META_SREG = 3;
const NFTA_PAYLOAD_DREG = 1;
const NFTA_PAYLOAD_BASE = 2;
const NFTA_PAYLOAD_OFFSET = 3;
const NFTA_PAYLOAD_LEN = 4;
const NFTA_CMP_SREG = 1;
const NFTA_CMP_OP = 2;
const NFTA_CMP_DATA = 3;
const NFTA_LOOKUP_SET = 1;
const NFTA_LOOKUP_SREG = 2;
const NFTA_LOOKUP_DREG = 3;
const NFTA_LOOKUP_FLAGS = 5;
const NFT_LOOKUP_F_INV = 1;
const NFTA_BITWISE_SREG = 1;
const NFTA_BITWISE_DREG = 2;
const NFTA_BITWISE_LEN = 3;
const NFTA_BITWISE_MASK = 4;
const NFTA_BITWISE_XOR = 5;
const NFTA_IMMEDIATE_DREG = 1;
const NFTA_IMMEDIATE_DATA = 2;
const NFTA_COUNTER_BYTES = 1;
const NFTA_COUNTER_PACKETS = 2;
/** NFT_REG_VERDICT. */
const REGISTER_VERDICT = 0;

/** Where a payload offset counts from (NFT_PAYLOAD_*). */
export type PayloadBase = "link" | "network" | "transport";
const BASES: readonly PayloadBase[] = ["link", "network", "transport"];

/** Comparisons (NFT_CMP_*), of big-endian bytes. */
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";
const COMPARISONS: readonly Comparison[] = ["==", "!=", "<", "<=", ">", ">="];

/** What `meta` can load (NFT_META_*); numbers are in host order, `iifname` in sixteen bytes. */
export const MetaKey = {
  length: 0,
  protocol: 1,
  mark: 3,
  iif: 4,
  oif: 5,
  iifname: 6,
  oifname: 7,
  nfproto: 15,
  l4proto: 16,
  pkttype: 20,
} as const;

/** What becomes of the packet. `drop` ends everything, `accept` this hook's chain only; the rest moves between chains. */
export type Verdict =
  | { readonly verdict: "accept" | "drop" | "continue" | "break" | "return" }
  | { readonly verdict: "jump" | "goto"; readonly chain: string };

const VERDICTS: readonly (readonly [Verdict["verdict"], number])[] = [
  ["drop", 0],
  ["accept", 1],
  ["continue", -1],
  ["break", -2],
  ["jump", -3],
  ["goto", -4],
  ["return", -5],
];

/** One step of a rule. */
export type Expression =
  /** Loads a property of the packet. */
  | { readonly type: "meta"; readonly key: number; readonly register: number }
  /** Sets a property of the packet, e.g. its mark. */
  | { readonly type: "meta-set"; readonly key: number; readonly register: number }
  /** Loads bytes of the packet. */
  | {
    readonly type: "payload";
    readonly base: PayloadBase;
    readonly offset: number;
    readonly length: number;
    readonly register: number;
  }
  /** Goes on only if the comparison holds. */
  | { readonly type: "cmp"; readonly register: number; readonly op: Comparison; readonly value: Uint8Array }
  /** Goes on only if the register is in the set, or with `inverted` only if it is not; with `target` it loads what a map gives. */
  | {
    readonly type: "lookup";
    readonly set: string;
    readonly register: number;
    readonly inverted: boolean;
    readonly target?: number;
  }
  /** target = (register & mask) ^ xor. */
  | {
    readonly type: "bitwise";
    readonly register: number;
    readonly target: number;
    readonly mask: Uint8Array;
    readonly xor: Uint8Array;
  }
  /** Loads a constant. */
  | { readonly type: "immediate"; readonly register: number; readonly value: Uint8Array }
  /** Decides. */
  | ({ readonly type: "verdict" } & Verdict)
  /** Counts; zero to begin with. */
  | { readonly type: "counter"; readonly packets: number; readonly bytes: number }
  | BalanceExpression
  /** One that this file does not know; only ever read. `data` is its undecoded body. */
  | { readonly type: "other"; readonly name: string; readonly data: Uint8Array };

/** The value of NFTA_RULE_EXPRESSIONS, as attributes to nest. */
export function encodeExpressions(expressions: readonly Expression[]): Uint8Array[] {
  return expressions.map((expression) => encodeExpression(LIST_ELEMENT, expression));
}

/** One expression in an attribute of this type. */
export function encodeExpression(type: number, expression: Expression): Uint8Array {
  const { name, body } = encodeBody(expression);
  return nested(type, [attribute(NFTA_EXPR_NAME, text(name)), nested(NFTA_EXPR_DATA, body)]);
}

/** Data in its NFTA_DATA_VALUE nest, as set elements carry it too. */
export function dataValue(type: number, value: Uint8Array): Uint8Array {
  return nested(type, [attribute(NFTA_DATA_VALUE, value)]);
}

/** Reads what {@link dataValue} wrote; empty where there is none. */
export function readDataValue(bytes: Uint8Array | undefined): Uint8Array {
  return (attributeMap(bytes).get(NFTA_DATA_VALUE) ?? new Uint8Array()).slice();
}

function encodeBody(expression: Expression): ExpressionBody {
  switch (expression.type) {
    case "meta":
      return body("meta", [number(NFTA_META_KEY, expression.key), number(NFTA_META_DREG, expression.register)]);
    case "meta-set":
      return body("meta", [number(NFTA_META_KEY, expression.key), number(NFTA_META_SREG, expression.register)]);
    case "payload":
      return body("payload", [
        number(NFTA_PAYLOAD_DREG, expression.register),
        number(NFTA_PAYLOAD_BASE, BASES.indexOf(expression.base)),
        number(NFTA_PAYLOAD_OFFSET, expression.offset),
        number(NFTA_PAYLOAD_LEN, expression.length),
      ]);
    case "cmp":
      return body("cmp", [
        number(NFTA_CMP_SREG, expression.register),
        number(NFTA_CMP_OP, COMPARISONS.indexOf(expression.op)),
        dataValue(NFTA_CMP_DATA, expression.value),
      ]);
    case "lookup":
      return encodeLookup(expression);
    case "bitwise":
      return encodeBitwise(expression);
    case "immediate":
      return body("immediate", [
        number(NFTA_IMMEDIATE_DREG, expression.register),
        dataValue(NFTA_IMMEDIATE_DATA, expression.value),
      ]);
    case "verdict":
      return body("immediate", [
        number(NFTA_IMMEDIATE_DREG, REGISTER_VERDICT),
        nested(NFTA_IMMEDIATE_DATA, [encodeVerdict(expression)]),
      ]);
    case "counter":
      return body("counter", [
        attribute(NFTA_COUNTER_BYTES, be64(expression.bytes)),
        attribute(NFTA_COUNTER_PACKETS, be64(expression.packets)),
      ]);
    case "other":
      return body(expression.name, [expression.data]);
    default:
      return encodeBalance(expression);
  }
}

function encodeLookup(expression: Extract<Expression, { type: "lookup" }>): ExpressionBody {
  const { set, register, inverted, target } = expression;
  return body("lookup", [
    number(NFTA_LOOKUP_SREG, register),
    ...(target === undefined ? [] : [number(NFTA_LOOKUP_DREG, target)]),
    attribute(NFTA_LOOKUP_SET, text(set)),
    ...(inverted ? [number(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV)] : []),
  ]);
}

function encodeBitwise(expression: Extract<Expression, { type: "bitwise" }>): ExpressionBody {
  return body("bitwise", [
    number(NFTA_BITWISE_SREG, expression.register),
    number(NFTA_BITWISE_DREG, expression.target),
    number(NFTA_BITWISE_LEN, expression.mask.length),
    dataValue(NFTA_BITWISE_MASK, expression.mask),
    dataValue(NFTA_BITWISE_XOR, expression.xor),
  ]);
}

/** A verdict in its NFTA_DATA_VERDICT nest, for the data of a verdict map's element. */
export function encodeVerdict(verdict: Verdict): Uint8Array {
  const code = VERDICTS.find(([name]) => name === verdict.verdict)?.[1] ?? 0;
  const chain = "chain" in verdict ? [attribute(NFTA_VERDICT_CHAIN, text(verdict.chain))] : [];
  return nested(NFTA_DATA_VERDICT, [number(NFTA_VERDICT_CODE, code), ...chain]);
}

/** Reads the value of NFTA_RULE_EXPRESSIONS; throws WireError. */
export function decodeExpressions(bytes: Uint8Array): Expression[] {
  return decodeAttributes(bytes).map(({ value }) => decodeExpression(value));
}

/** Reads the value of an attribute that {@link encodeExpression} wrote; throws WireError. */
export function decodeExpression(value: Uint8Array): Expression {
  const attributes = attributeMap(value);
  const name = optional(attributes.get(NFTA_EXPR_NAME), readText, "");
  const data = attributes.get(NFTA_EXPR_DATA) ?? new Uint8Array();
  return readers.get(name)?.(attributeMap(data)) ?? { type: "other", name, data: data.slice() };
}

/** Reads the body of an expression; null when it uses something the union above has no member for. */
type Reader = (attributes: Attributes) => Expression | null;

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["meta", (found) => {
    const key = int(found, NFTA_META_KEY);
    return found.has(NFTA_META_SREG)
      ? { type: "meta-set", key, register: int(found, NFTA_META_SREG) }
      : { type: "meta", key, register: int(found, NFTA_META_DREG) };
  }],
  ["payload", (found) => {
    const base = BASES[int(found, NFTA_PAYLOAD_BASE)];
    if (base === undefined || !found.has(NFTA_PAYLOAD_DREG)) return null;
    const place = { offset: int(found, NFTA_PAYLOAD_OFFSET), length: int(found, NFTA_PAYLOAD_LEN) };
    return { type: "payload", base, ...place, register: int(found, NFTA_PAYLOAD_DREG) };
  }],
  ["cmp", (found) => {
    const op = COMPARISONS[int(found, NFTA_CMP_OP)];
    if (op === undefined) return null;
    return { type: "cmp", register: int(found, NFTA_CMP_SREG), op, value: readDataValue(found.get(NFTA_CMP_DATA)) };
  }],
  ["lookup", (found) => {
    const target = found.has(NFTA_LOOKUP_DREG) ? { target: int(found, NFTA_LOOKUP_DREG) } : {};
    return {
      type: "lookup",
      set: optional(found.get(NFTA_LOOKUP_SET), readText, ""),
      register: int(found, NFTA_LOOKUP_SREG),
      inverted: (optional(found.get(NFTA_LOOKUP_FLAGS), readBe32, 0) & NFT_LOOKUP_F_INV) !== 0,
      ...target,
    };
  }],
  ["bitwise", (found) => {
    // The other operations of newer kernels (shifts) carry no mask.
    if (!found.has(NFTA_BITWISE_MASK)) return null;
    return {
      type: "bitwise",
      register: int(found, NFTA_BITWISE_SREG),
      target: int(found, NFTA_BITWISE_DREG),
      mask: readDataValue(found.get(NFTA_BITWISE_MASK)),
      xor: readDataValue(found.get(NFTA_BITWISE_XOR)),
    };
  }],
  ["immediate", (found) => {
    const data = attributeMap(found.get(NFTA_IMMEDIATE_DATA));
    if (data.has(NFTA_DATA_VERDICT)) {
      const verdict = readVerdict(data);
      return verdict === null ? null : { type: "verdict", ...verdict };
    }
    const value = (data.get(NFTA_DATA_VALUE) ?? new Uint8Array()).slice();
    return { type: "immediate", register: int(found, NFTA_IMMEDIATE_DREG), value };
  }],
  ["counter", (found) => ({
    type: "counter",
    packets: optional(found.get(NFTA_COUNTER_PACKETS), readBe64, 0),
    bytes: optional(found.get(NFTA_COUNTER_BYTES), readBe64, 0),
  })],
  ...balanceReaders,
]);

/** Reads the data of a verdict map's element; null for plain data or an unknown verdict. */
export function readVerdict(data: Attributes): Verdict | null {
  const verdictData = data.get(NFTA_DATA_VERDICT);
  if (verdictData === undefined) return null;
  const attributes = attributeMap(verdictData);
  const code = optional(attributes.get(NFTA_VERDICT_CODE), readBeI32, 0);
  const verdict = VERDICTS.find(([, value]) => value === code)?.[0];
  if (verdict === undefined) return null;
  if (verdict !== "jump" && verdict !== "goto") return { verdict };
  return { verdict, chain: optional(attributes.get(NFTA_VERDICT_CHAIN), readText, "") };
}
