/** Named counters of nftables: objects of a table that rules count on and that can be read, and given an amount to begin with. */
import { attribute, attributeMap, nested, optional } from "./attribute.ts";
import { be32, be64, concat, readBe32, readBe64, readText, text } from "./bytes.ts";
import { MessageFlag, type NetlinkMessage, type NetlinkRequest } from "./message.ts";
import { COUNTER_OBJECT, NftFamilyNumber, NftMessage, ObjectAttribute } from "./nft_numbers.ts";
import { nftRequest, type TableName } from "./nftables.ts";

const NFTA_COUNTER_BYTES = 1;
const NFTA_COUNTER_PACKETS = 2;
/** struct nfgenmsg. */
const HEADER = 4;

/** Which counter. */
export type CounterName = TableName & { readonly counter: string };

/** What a counter has counted. */
export interface Counted {
  readonly packets: number;
  readonly bytes: number;
}

/** A counter as the kernel lists it. */
export interface CounterRecord extends Counted {
  readonly counter: string;
  /** Rules and elements that count on it; only an unused one can be deleted. */
  readonly uses: number;
}

/** Adds the counter unless it is there; one that is there keeps its amount. */
export function addCounter(name: CounterName, from: Counted = { packets: 0, bytes: 0 }): NetlinkRequest {
  return nftRequest("add counter", NftMessage.NEWOBJ, {
    family: name.family,
    subject: subjectOf(name),
    flags: MessageFlag.CREATE,
    attributes: [
      ...nameOf(name),
      nested(ObjectAttribute.DATA, [
        attribute(NFTA_COUNTER_BYTES, be64(from.bytes)),
        attribute(NFTA_COUNTER_PACKETS, be64(from.packets)),
      ]),
    ],
  });
}

/** Deletes the counter; ENOENT if it is not there, EBUSY if something counts on it. */
export function deleteCounter(name: CounterName): NetlinkRequest {
  return nftRequest("delete counter", NftMessage.DELOBJ, {
    family: name.family,
    subject: subjectOf(name),
    attributes: nameOf(name),
  });
}

/** Asks for the named counters of a table; none if there is no such table. */
export function dumpCounters({ family, table }: TableName): NetlinkRequest {
  return {
    op: "read nftables",
    subject: `${family} ${table} counters`,
    type: NftMessage.GETOBJ,
    flags: MessageFlag.DUMP,
    payload: concat([
      Uint8Array.of(NftFamilyNumber[family], 0, 0, 0),
      attribute(ObjectAttribute.TABLE, text(table)),
      attribute(ObjectAttribute.TYPE, be32(COUNTER_OBJECT)),
    ]),
  };
}

/** Reads an object of the answer; null for one that is not a counter. */
export function decodeCounter(message: NetlinkMessage): CounterRecord | null {
  const found = attributeMap(message.payload.subarray(HEADER));
  if (optional(found.get(ObjectAttribute.TYPE), readBe32, 0) !== COUNTER_OBJECT) return null;
  const amounts = attributeMap(found.get(ObjectAttribute.DATA));
  return {
    counter: optional(found.get(ObjectAttribute.NAME), readText, ""),
    packets: optional(amounts.get(NFTA_COUNTER_PACKETS), readBe64, 0),
    bytes: optional(amounts.get(NFTA_COUNTER_BYTES), readBe64, 0),
    uses: optional(found.get(ObjectAttribute.USE), readBe32, 0),
  };
}

function nameOf(name: CounterName): Uint8Array[] {
  return [
    attribute(ObjectAttribute.TABLE, text(name.table)),
    attribute(ObjectAttribute.NAME, text(name.counter)),
    attribute(ObjectAttribute.TYPE, be32(COUNTER_OBJECT)),
  ];
}

function subjectOf({ family, table, counter }: CounterName): string {
  return `${family} ${table} ${counter}`;
}
