/**
 * Tables, sets, chains and rules of nftables (include/uapi/linux/netfilter/nf_tables.h). Every function gives one message for a batch, to
 * be committed as a whole; numbers are big endian. The header is struct nfgenmsg: u8 family, u8 version, be16 resource.
 */
import { assert } from "../../base/assert.ts";
import { attribute, decodeAttributes, nested } from "./attribute.ts";
import { be16, be32, be64, concat, text } from "./bytes.ts";
import { MessageFlag, type NetlinkRequest } from "./message.ts";
import {
  dataValue,
  encodeExpression,
  encodeExpressions,
  encodeVerdict,
  type Expression,
  type Verdict,
} from "./nft_expression.ts";
import {
  ChainAttribute,
  COUNTER_OBJECT,
  DESCRIPTION_SIZE,
  ElementAttribute,
  ElementListAttribute,
  HookAttribute,
  hooksOf,
  type KeyType,
  LIST_ELEMENT,
  type NftFamily,
  NftFamilyNumber,
  type NftHook,
  NftKey,
  NftMessage,
  NftPolicy,
  RuleAttribute,
  SetAttribute,
  SetFlag,
  TableAttribute,
} from "./nft_numbers.ts";

const NFNL_SUBSYS_NFTABLES = 10;
/** sizeof(struct nfgenmsg). */
const GENERIC_HEADER = 4;
/** A nest has at most 64 KiB; an IPv6 element with a timeout takes 40 bytes, one of a map at most some 60 and a name. */
const ELEMENTS_PER_MESSAGE = 1000;
const MAP_ELEMENTS_PER_MESSAGE = 200;

/** A table by family and name. */
export interface TableName {
  readonly family: NftFamily;
  readonly table: string;
}

/** A message that names no object: the frame of a batch. */
function frame(op: string, type: number): NetlinkRequest {
  return { op, subject: "", type, flags: 0, payload: concat([Uint8Array.of(0, 0), be16(NFNL_SUBSYS_NFTABLES)]) };
}

/** Opens a batch. */
export const batchBegin: NetlinkRequest = frame("begin nftables batch", 0x10);
/** Closes a batch: the kernel takes all of it, or nothing. */
export const batchEnd: NetlinkRequest = frame("end nftables batch", 0x11);

/** A message for a batch, its payload headed by struct nfgenmsg. */
export function nftRequest(
  op: string,
  type: number,
  about: { family: NftFamily; subject: string; flags?: number; attributes: readonly Uint8Array[] },
): NetlinkRequest {
  const header = Uint8Array.of(NftFamilyNumber[about.family], 0, 0, 0);
  return { op, subject: about.subject, type, flags: about.flags ?? 0, payload: concat([header, ...about.attributes]) };
}

/** Adds the table unless it is there. */
export function addTable({ family, table }: TableName): NetlinkRequest {
  return nftRequest("add table", NftMessage.NEWTABLE, {
    family,
    subject: `${family} ${table}`,
    flags: MessageFlag.CREATE,
    attributes: [attribute(TableAttribute.NAME, text(table))],
  });
}

/** Deletes the table with all that is in it; ENOENT if it is not there (so put {@link addTable} before it in the batch). */
export function deleteTable({ family, table }: TableName): NetlinkRequest {
  return nftRequest("delete table", NftMessage.DELTABLE, {
    family,
    subject: `${family} ${table}`,
    attributes: [attribute(TableAttribute.NAME, text(table))],
  });
}

/** A chain; without `hook` it only runs when a rule jumps to it. */
export interface Chain extends TableName {
  readonly chain: string;
  readonly hook?: {
    readonly at: NftHook;
    /** The lower runs first; -400 is before connection tracking and defragmentation. */
    readonly priority: number;
    /** @default {"filter"} */
    readonly type?: "filter" | "nat" | "route";
    /** What happens to packets no rule decided about. @default {"accept"} */
    readonly policy?: "accept" | "drop";
  };
}

/** Adds a chain. */
export function addChain(chain: Chain): NetlinkRequest {
  const { family, hook } = chain;
  return nftRequest("add chain", NftMessage.NEWCHAIN, {
    family,
    subject: `${family} ${chain.table} ${chain.chain}`,
    flags: MessageFlag.CREATE,
    attributes: [
      attribute(ChainAttribute.TABLE, text(chain.table)),
      attribute(ChainAttribute.NAME, text(chain.chain)),
      ...(hook === undefined ? [] : encodeHook(family, hook)),
    ],
  });
}

function encodeHook(family: NftFamily, hook: NonNullable<Chain["hook"]>): Uint8Array[] {
  const number = hooksOf(family).indexOf(hook.at);
  assert(number >= 0, `hook ${hook.at} in family ${family}`);
  return [
    nested(ChainAttribute.HOOK, [
      attribute(HookAttribute.NUMBER, be32(number)),
      attribute(HookAttribute.PRIORITY, be32(hook.priority)),
    ]),
    attribute(ChainAttribute.POLICY, be32(NftPolicy[hook.policy ?? "accept"])),
    attribute(ChainAttribute.TYPE, text(hook.type ?? "filter")),
  ];
}

/** Deletes an empty chain that no rule jumps to. */
export function deleteChain({ family, table, chain }: TableName & { chain: string }): NetlinkRequest {
  return nftRequest("delete chain", NftMessage.DELCHAIN, {
    family,
    subject: `${family} ${table} ${chain}`,
    attributes: [attribute(ChainAttribute.TABLE, text(table)), attribute(ChainAttribute.NAME, text(chain))],
  });
}

/** A rule to append to a chain. */
export interface Rule extends TableName {
  readonly chain: string;
  readonly expressions: readonly Expression[];
  /** Kept by the kernel with the rule and given back in dumps. */
  readonly userData?: Uint8Array;
}

/** Appends a rule. Chain and sets may come from the same batch, before it. */
export function addRule(rule: Rule): NetlinkRequest {
  return nftRequest("add rule", NftMessage.NEWRULE, {
    family: rule.family,
    subject: `${rule.family} ${rule.table} ${rule.chain}`,
    flags: MessageFlag.CREATE | MessageFlag.APPEND,
    attributes: [
      attribute(RuleAttribute.TABLE, text(rule.table)),
      attribute(RuleAttribute.CHAIN, text(rule.chain)),
      nested(RuleAttribute.EXPRESSIONS, encodeExpressions(rule.expressions)),
      ...(rule.userData === undefined ? [] : [attribute(RuleAttribute.USERDATA, rule.userData)]),
    ],
  });
}

/** Deletes the rule with this handle, or every rule of the chain. */
export function deleteRules(rules: TableName & { chain: string; handle?: number }): NetlinkRequest {
  return nftRequest("delete rule", NftMessage.DELRULE, {
    family: rules.family,
    subject: `${rules.family} ${rules.table} ${rules.chain}`,
    attributes: [
      attribute(RuleAttribute.TABLE, text(rules.table)),
      attribute(RuleAttribute.CHAIN, text(rules.chain)),
      ...(rules.handle === undefined ? [] : [attribute(RuleAttribute.HANDLE, be64(rules.handle))]),
    ],
  });
}

/** A set, or with `data` a map, or with OBJECT among the flags a map of named counters. */
export interface NftSet extends TableName {
  readonly set: string;
  readonly key: KeyType;
  /** {@link SetFlag} bits; MAP is added where there is `data`. */
  readonly flags: number;
  /** What a map gives; NftKey.verdict for a verdict map. */
  readonly data?: KeyType;
  /** The most elements it takes. With it the kernel can choose a faster table; more elements are refused with ENFILE. */
  readonly size?: number;
  /** Whether each element counts the packets that find it (Linux 5.7). */
  readonly counting?: boolean;
}

/** What nft keeps with a set whose keys are in host order, and prints them wrongly without: type, length and value of a note of its own. */
const HOST_ORDER_KEY = Uint8Array.of(0, 4, 1, 0, 0, 0);
const NEW_COUNTER: Expression = { type: "counter", packets: 0, bytes: 0 };

/** Adds a set unless it is there. */
export function addSet(set: NftSet): NetlinkRequest {
  const { family, table, key, data } = set;
  return nftRequest("add set", NftMessage.NEWSET, {
    family,
    subject: `${family} ${table} ${set.set}`,
    flags: MessageFlag.CREATE,
    attributes: [
      attribute(SetAttribute.TABLE, text(table)),
      attribute(SetAttribute.NAME, text(set.set)),
      attribute(SetAttribute.FLAGS, be32(data === undefined ? set.flags : set.flags | SetFlag.MAP)),
      attribute(SetAttribute.KEY_TYPE, be32(key.type)),
      attribute(SetAttribute.KEY_LENGTH, be32(key.length)),
      ...(data === undefined
        ? []
        : [attribute(SetAttribute.DATA_TYPE, be32(data.type)), attribute(SetAttribute.DATA_LENGTH, be32(data.length))]),
      ...((set.flags & SetFlag.OBJECT) === 0 ? [] : [attribute(SetAttribute.OBJECT_TYPE, be32(COUNTER_OBJECT))]),
      ...(set.size === undefined
        ? []
        : [nested(SetAttribute.DESCRIPTION, [attribute(DESCRIPTION_SIZE, be32(set.size))])]),
      ...(set.counting === true ? [encodeExpression(SetAttribute.EXPRESSION, NEW_COUNTER)] : []),
      ...(key.type === NftKey.mark.type ? [attribute(SetAttribute.USERDATA, HOST_ORDER_KEY)] : []),
      // Only tells anonymous sets of one batch apart; the kernel demands it of all.
      attribute(SetAttribute.ID, be32(1)),
    ],
  });
}

/** Deletes a set that no rule uses. */
export function deleteSet({ family, table, set }: TableName & { set: string }): NetlinkRequest {
  return nftRequest("delete set", NftMessage.DELSET, {
    family,
    subject: `${family} ${table} ${set}`,
    attributes: [attribute(SetAttribute.TABLE, text(table)), attribute(SetAttribute.NAME, text(set))],
  });
}

/** An element of a set or map. */
export interface SetElement {
  readonly key: Uint8Array;
  /** What a map gives for the key. */
  readonly data?: Uint8Array;
  /** What a verdict map gives for the key. Chains may come from the same batch, before it. */
  readonly verdict?: Verdict;
  /** The named counter that a map of them gives for the key. */
  readonly counter?: string;
  /** Milliseconds from the commit until it no longer matches; needs SetFlag.TIMEOUT. Without it the element stays. */
  readonly timeoutMs?: number;
  /** What is left of the timeout, at most all of it. From kernel 6.12 on this renews an element that exists. */
  readonly expiresInMs?: number;
}

/** Which set. */
export type SetName = TableName & { readonly set: string };

/**
 * Adds elements. One that exists (and has not expired) stays as it is before kernel 6.12, its timeout too; from then on it takes both times
 * if `expiresInMs` is given. One of a map that exists with other data refuses the batch with EEXIST: delete it before, in the same batch.
 */
export function addElements(set: SetName, elements: readonly SetElement[]): NetlinkRequest[] {
  return elementMessages("add element", set, {
    type: NftMessage.NEWSETELEM,
    flags: MessageFlag.CREATE,
    elements,
  });
}

/** Deletes elements; ENOENT for one that is not there or has expired refuses the whole batch. */
export function deleteElements(set: SetName, keys: readonly Uint8Array[]): NetlinkRequest[] {
  const elements = keys.map((key) => ({ key }));
  return elementMessages("delete element", set, { type: NftMessage.DELSETELEM, flags: 0, elements });
}

/** Where the times of the elements stand in the payload of {@link addElements}: eight bytes each, big endian, views for writing. */
export function elementTimes(payload: Uint8Array<ArrayBuffer>): DataView[] {
  const lists = inside(payload.subarray(GENERIC_HEADER), ElementListAttribute.ELEMENTS);
  const elements = lists.flatMap((list) => inside(list, LIST_ELEMENT));
  return elements.flatMap((element) => [
    ...inside(element, ElementAttribute.TIMEOUT),
    ...inside(element, ElementAttribute.EXPIRATION),
  ]).map((value) => new DataView(value.buffer, value.byteOffset, value.byteLength));
}

function inside(bytes: Uint8Array, type: number): Uint8Array[] {
  return decodeAttributes(bytes).filter((each) => each.type === type).map((each) => each.value);
}

/** Deletes every element. */
export function flushSet(set: SetName): NetlinkRequest {
  return nftRequest("flush set", NftMessage.DELSETELEM, {
    family: set.family,
    subject: `${set.family} ${set.table} ${set.set}`,
    attributes: setName(set),
  });
}

function elementMessages(
  op: string,
  set: SetName,
  message: { type: number; flags: number; elements: readonly SetElement[] },
): NetlinkRequest[] {
  const messages: NetlinkRequest[] = [];
  const plain = message.elements.every(({ data, verdict, counter }) => (data ?? verdict ?? counter) === undefined);
  const step = plain ? ELEMENTS_PER_MESSAGE : MAP_ELEMENTS_PER_MESSAGE;
  for (let start = 0; start < message.elements.length; start += step) {
    const part = message.elements.slice(start, start + step).map(encodeElement);
    messages.push(nftRequest(op, message.type, {
      family: set.family,
      subject: `${set.family} ${set.table} ${set.set}`,
      flags: message.flags,
      attributes: [...setName(set), nested(ElementListAttribute.ELEMENTS, part)],
    }));
  }
  return messages;
}

function setName(set: SetName): Uint8Array[] {
  return [attribute(ElementListAttribute.TABLE, text(set.table)), attribute(ElementListAttribute.SET, text(set.set))];
}

function encodeElement({ key, data, verdict, counter, timeoutMs, expiresInMs }: SetElement): Uint8Array {
  return nested(LIST_ELEMENT, [
    dataValue(ElementAttribute.KEY, key),
    ...(data === undefined ? [] : [dataValue(ElementAttribute.DATA, data)]),
    ...(verdict === undefined ? [] : [nested(ElementAttribute.DATA, [encodeVerdict(verdict)])]),
    ...(counter === undefined ? [] : [attribute(ElementAttribute.OBJECT, text(counter))]),
    ...(timeoutMs === undefined ? [] : [attribute(ElementAttribute.TIMEOUT, be64(timeoutMs))]),
    ...(expiresInMs === undefined ? [] : [attribute(ElementAttribute.EXPIRATION, be64(expiresInMs))]),
  ]);
}
