/** Asking nftables what there is, and reading the answers. A caller can so compare its own table with what it put there. */
import { attribute, attributeMap, type Attributes, decodeAttributes, optional } from "./attribute.ts";
import { concat, readBe32, readBe64, readBeI32, readText, text } from "./bytes.ts";
import { MessageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { decodeExpression, decodeExpressions, type Expression, readDataValue, readVerdict } from "./nft_expression.ts";
import {
  ChainAttribute,
  DESCRIPTION_SIZE,
  ElementAttribute,
  ElementListAttribute,
  GENERATION_ID,
  HookAttribute,
  hooksOf,
  type NftFamily,
  NftFamilyNumber,
  type NftHook,
  NftMessage,
  NftPolicy,
  RuleAttribute,
  SetAttribute,
  TableAttribute,
} from "./nft_numbers.ts";
import type { Chain, NftSet, SetElement, SetName, TableName } from "./nftables.ts";

/** struct nfgenmsg. */
const HEADER = 4;

function ask(
  type: number,
  subject: string,
  about: { family: number; flags: number; names: Uint8Array[] },
): NetlinkRequest {
  const payload = concat([Uint8Array.of(about.family, 0, 0, 0), ...about.names]);
  return { op: "read nftables", subject, type, flags: about.flags, payload };
}

/** Asks for the number of the ruleset's generation; every commit of anybody adds one. */
export function getGeneration(): NetlinkRequest {
  return ask(NftMessage.GETGEN, "generation", { family: 0, flags: 0, names: [] });
}

/** Asks for every table of all families. */
export function dumpTables(): NetlinkRequest {
  return ask(NftMessage.GETTABLE, "tables", { family: 0, flags: MessageFlag.DUMP, names: [] });
}

/** Asks for the chains of a family; the kernel takes no table here, so the reader must look at it. */
export function dumpChains(family: NftFamily): NetlinkRequest {
  const flags = MessageFlag.DUMP;
  return ask(NftMessage.GETCHAIN, `${family} chains`, { family: NftFamilyNumber[family], flags, names: [] });
}

/** Asks for the rules of a table in their order. */
export function dumpRules({ family, table }: TableName): NetlinkRequest {
  return ask(NftMessage.GETRULE, `${family} ${table} rules`, {
    family: NftFamilyNumber[family],
    flags: MessageFlag.DUMP,
    names: [attribute(RuleAttribute.TABLE, text(table))],
  });
}

/** Asks for the sets of a table. */
export function dumpSets({ family, table }: TableName): NetlinkRequest {
  return ask(NftMessage.GETSET, `${family} ${table} sets`, {
    family: NftFamilyNumber[family],
    flags: MessageFlag.DUMP,
    names: [attribute(SetAttribute.TABLE, text(table))],
  });
}

/** Asks for the elements of a set; ENOENT if there is no such set. */
export function dumpElements({ family, table, set }: SetName): NetlinkRequest {
  return ask(NftMessage.GETSETELEM, `${family} ${table} ${set}`, {
    family: NftFamilyNumber[family],
    flags: MessageFlag.DUMP,
    names: [attribute(ElementListAttribute.TABLE, text(table)), attribute(ElementListAttribute.SET, text(set))],
  });
}

/** Reads the answer to {@link getGeneration}. */
export function decodeGeneration(message: NetlinkMessage): number {
  return optional(body(message).get(GENERATION_ID), readBe32, 0);
}

/** A table as the kernel lists it. */
export interface TableRecord extends TableName {
  /** NFT_TABLE_F_*; 1 is dormant: none of its chains sees a packet. */
  readonly flags: number;
}

/** Reads a table; null for a family without a word in {@link NftFamily}. */
export function decodeTable(message: NetlinkMessage): TableRecord | null {
  const family = familyOf(message);
  if (family === null) return null;
  const attributes = body(message);
  const flags = optional(attributes.get(TableAttribute.FLAGS), readBe32, 0);
  return { family, table: name(attributes, TableAttribute.NAME), flags };
}

/** Reads a chain; null for one this program could not have made (other family, hook or type). */
export function decodeChain(message: NetlinkMessage): Chain | null {
  const family = familyOf(message);
  if (family === null) return null;
  const attributes = body(message);
  const names = { family, table: name(attributes, ChainAttribute.TABLE), chain: name(attributes, ChainAttribute.NAME) };
  if (!attributes.has(ChainAttribute.HOOK)) return names;
  const hook = readHook(family, attributes);
  return hook === null ? null : { ...names, hook };
}

function readHook(family: NftFamily, attributes: Attributes): Required<NonNullable<Chain["hook"]>> | null {
  const where = attributeMap(attributes.get(ChainAttribute.HOOK));
  const at: NftHook | undefined = hooksOf(family)[optional(where.get(HookAttribute.NUMBER), readBe32, -1)];
  const type = name(attributes, ChainAttribute.TYPE);
  if (at === undefined || (type !== "filter" && type !== "nat" && type !== "route")) return null;
  const policy = optional(attributes.get(ChainAttribute.POLICY), readBe32, NftPolicy.accept);
  return {
    at,
    type,
    priority: optional(where.get(HookAttribute.PRIORITY), readBeI32, 0),
    policy: policy === NftPolicy.drop ? "drop" : "accept",
  };
}

/** A rule as the kernel keeps it. */
export interface RuleRecord extends TableName {
  readonly chain: string;
  /** For `deleteRules`. */
  readonly handle: number;
  readonly expressions: readonly Expression[];
  /** What was stored with it; empty for nothing. */
  readonly userData: Uint8Array;
}

/** Reads a rule; null for a family without a word. */
export function decodeRule(message: NetlinkMessage): RuleRecord | null {
  const family = familyOf(message);
  if (family === null) return null;
  const attributes = body(message);
  return {
    family,
    table: name(attributes, RuleAttribute.TABLE),
    chain: name(attributes, RuleAttribute.CHAIN),
    handle: optional(attributes.get(RuleAttribute.HANDLE), readBe64, 0),
    expressions: optional(attributes.get(RuleAttribute.EXPRESSIONS), decodeExpressions, []),
    userData: (attributes.get(RuleAttribute.USERDATA) ?? new Uint8Array()).slice(),
  };
}

/** Reads a set or map; null for a family without a word. */
export function decodeSet(message: NetlinkMessage): NftSet | null {
  const family = familyOf(message);
  if (family === null) return null;
  const attributes = body(message);
  const int = (type: number): number => optional(attributes.get(type), readBe32, 0);
  const data = { type: int(SetAttribute.DATA_TYPE), length: int(SetAttribute.DATA_LENGTH) };
  const size = attributeMap(attributes.get(SetAttribute.DESCRIPTION)).get(DESCRIPTION_SIZE);
  const each = decodeExpression(attributes.get(SetAttribute.EXPRESSION) ?? new Uint8Array());
  return {
    family,
    table: name(attributes, SetAttribute.TABLE),
    set: name(attributes, SetAttribute.NAME),
    key: { type: int(SetAttribute.KEY_TYPE), length: int(SetAttribute.KEY_LENGTH) },
    flags: int(SetAttribute.FLAGS),
    ...(attributes.has(SetAttribute.DATA_TYPE) ? { data } : {}),
    ...(size === undefined ? {} : { size: readBe32(size) }),
    ...(each.type === "counter" ? { counting: true } : {}),
  };
}

/** An element as the kernel keeps it. Expired ones are not shown. */
export interface ElementRecord extends SetElement {
  /** Milliseconds until it stops matching, Infinity when it stays. */
  readonly expiresInMs: number;
  /** How often it was found, in a set that counts. */
  readonly counted?: { readonly packets: number; readonly bytes: number };
}

/** Reads the elements of one message of a dump. */
export function decodeElements(message: NetlinkMessage): ElementRecord[] {
  return decodeAttributes(body(message).get(ElementListAttribute.ELEMENTS) ?? new Uint8Array())
    .map(({ value }) => decodeElement(attributeMap(value)));
}

function decodeElement(attributes: Attributes): ElementRecord {
  const counter = attributes.get(ElementAttribute.OBJECT);
  const timeout = attributes.get(ElementAttribute.TIMEOUT);
  const expression = attributes.get(ElementAttribute.EXPRESSION);
  const found = expression === undefined ? null : decodeExpression(expression);
  return {
    key: readDataValue(attributes.get(ElementAttribute.KEY)),
    expiresInMs: optional(attributes.get(ElementAttribute.EXPIRATION), readBe64, Infinity),
    ...decodeData(attributes.get(ElementAttribute.DATA)),
    ...(counter === undefined ? {} : { counter: readText(counter) }),
    ...(timeout === undefined ? {} : { timeoutMs: readBe64(timeout) }),
    ...(found?.type === "counter" ? { counted: { packets: found.packets, bytes: found.bytes } } : {}),
  };
}

function decodeData(data: Uint8Array | undefined): Pick<SetElement, "data" | "verdict"> {
  if (data === undefined) return {};
  const verdict = readVerdict(attributeMap(data));
  return verdict === null ? { data: readDataValue(data) } : { verdict };
}

function body(message: NetlinkMessage): Attributes {
  return attributeMap(message.payload.subarray(HEADER));
}

function name(attributes: Attributes, type: number): string {
  return optional(attributes.get(type), readText, "");
}

function familyOf(message: NetlinkMessage): NftFamily | null {
  for (const family of ["inet", "ip", "arp", "netdev", "bridge", "ip6"] as const) {
    if (NftFamilyNumber[family] === message.payload[0]) return family;
  }
  return null;
}
