import assert from "node:assert/strict";
import { AssertionError } from "../../../mod/base/assert.ts";
import { encodeMessage, MessageFlag, type NetlinkRequest } from "../../../mod/net/netlink/message.ts";
import { MetaKey } from "../../../mod/net/netlink/nft_expression.ts";
import { NftKey, NftMessage, SetFlag } from "../../../mod/net/netlink/nft_numbers.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  batchBegin,
  batchEnd,
  deleteChain,
  deleteElements,
  deleteRules,
  deleteSet,
  deleteTable,
  flushSet,
} from "../../../mod/net/netlink/nftables.ts";
import { bytes } from "./fixtures.ts";

const g = { family: "inet", table: "g" } as const;
const live = { ...g, set: "live" };
const vip = bytes("0a6200c8");
const TABLE_ATTRIBUTE = "06000100 67000000";
const SET_ATTRIBUTE = "09000200 6c697665 00000000";

/** What nft 1.0.6 sends inside its batch, taken with strace; where it adds something of its own, that is left out here. */
const TABLE: [NetlinkRequest, number, number, string][] = [
  [batchBegin, 0x10, 0, "0000000a"],
  [batchEnd, 0x11, 0, "0000000a"],
  [addTable(g), NftMessage.NEWTABLE, MessageFlag.CREATE, `01000000 ${TABLE_ATTRIBUTE}`],
  [deleteTable(g), NftMessage.DELTABLE, 0, `01000000 ${TABLE_ATTRIBUTE}`],
  [
    addChain({ ...g, chain: "in", hook: { at: "input", priority: -400 } }),
    NftMessage.NEWCHAIN,
    MessageFlag.CREATE,
    `01000000 ${TABLE_ATTRIBUTE} 07000300 696e0000 14000480 08000100 00000001 08000200 fffffe70
     08000500 00000001 0b000700 66696c74657200 00`,
  ],
  [
    addChain({ ...g, chain: "sub" }),
    NftMessage.NEWCHAIN,
    MessageFlag.CREATE,
    `01000000 ${TABLE_ATTRIBUTE} 08000300 73756200`,
  ],
  [
    addSet({ ...live, key: NftKey.ipv4Address, flags: SetFlag.TIMEOUT }),
    NftMessage.NEWSET,
    MessageFlag.CREATE,
    `01000000 ${TABLE_ATTRIBUTE} ${SET_ATTRIBUTE} 08000300 00000010 08000400 00000007 08000500 00000004
     08000a00 00000001`,
  ],
  [
    addRule({ ...g, chain: "in", expressions: [{ type: "meta", key: MetaKey.nfproto, register: 1 }] }),
    NftMessage.NEWRULE,
    MessageFlag.CREATE | MessageFlag.APPEND,
    `01000000 ${TABLE_ATTRIBUTE} 07000200 696e0000
     28000480 24000180 09000100 6d65746100000000 14000280 08000200 0000000f 08000100 00000001`,
  ],
  [deleteRules({ ...g, chain: "in" }), NftMessage.DELRULE, 0, `01000000 ${TABLE_ATTRIBUTE} 07000200 696e0000`],
  [
    deleteRules({ ...g, chain: "in", handle: 5 }),
    NftMessage.DELRULE,
    0,
    `01000000 ${TABLE_ATTRIBUTE} 07000200 696e0000 0c000300 0000000000000005`,
  ],
  [deleteChain({ ...g, chain: "sub" }), NftMessage.DELCHAIN, 0, `01000000 ${TABLE_ATTRIBUTE} 08000300 73756200`],
  [deleteSet(live), NftMessage.DELSET, 0, `01000000 ${TABLE_ATTRIBUTE} ${SET_ATTRIBUTE}`],
  [flushSet(live), NftMessage.DELSETELEM, 0, `01000000 ${TABLE_ATTRIBUTE} ${SET_ATTRIBUTE}`],
];

Deno.test("messages of a batch are written as nft writes them", () => {
  for (const [request, type, flags, wanted] of TABLE) {
    assert.deepEqual([request.type, request.flags], [type, flags], request.op);
    assert.deepEqual(request.payload, bytes(wanted), request.op);
  }
});

Deno.test("a table message is, with its header, nft's own bytes", () => {
  const request = addTable(g);
  const flags = request.flags | MessageFlag.REQUEST;
  const nft = "1c000000 000a 0104 01000000 00000000 01000000 06000100 67000000";
  assert.deepEqual(encodeMessage({ ...request, flags, sequence: 1, portId: 0 }), bytes(nft));
});

Deno.test("elements carry key and timeout in milliseconds", () => {
  const list = `01000000 ${TABLE_ATTRIBUTE} ${SET_ATTRIBUTE}`;
  assert.deepEqual(
    addElements(live, [{ key: vip, timeoutMs: 3_600_000 }]).map(({ payload }) => payload),
    [bytes(`${list} 20000380 1c000180 0c000180 08000100 0a6200c8 0c000400 000000000036ee80`)],
  );
  assert.deepEqual(
    deleteElements(live, [vip]).map(({ payload }) => payload),
    [bytes(`${list} 14000380 10000180 0c000180 08000100 0a6200c8`)],
  );
  const map = { ...g, set: "live" };
  assert.deepEqual(
    addElements(map, [{ key: vip, data: bytes("0050") }]).map(({ payload }) => payload),
    [bytes(`${list} 20000380 1c000180 0c000180 08000100 0a6200c8 0c000280 06000100 00500000`)],
  );
});

Deno.test("many elements are spread over messages, none of them too long", () => {
  const key = new Uint8Array(16);
  const messages = addElements(live, Array.from({ length: 2500 }, () => ({ key, timeoutMs: 1 })));
  assert.equal(messages.length, 3);
  assert.ok(messages.every(({ payload }) => payload.length < 65536));
  assert.deepEqual(addElements(live, []), []);
});

Deno.test("requests say in words what they are about", () => {
  assert.deepEqual(TABLE.map(([{ op, subject }]) => `${op} ${subject}`.trim()), [
    "begin nftables batch",
    "end nftables batch",
    "add table inet g",
    "delete table inet g",
    "add chain inet g in",
    "add chain inet g sub",
    "add set inet g live",
    "add rule inet g in",
    "delete rule inet g in",
    "delete rule inet g in",
    "delete chain inet g sub",
    "delete set inet g live",
    "flush set inet g live",
  ]);
});

Deno.test("ARP has no prerouting hook", () => {
  const hook = { at: "prerouting", priority: 0 } as const;
  assert.throws(() => addChain({ family: "arp", table: "g", chain: "pre", hook }), AssertionError);
});
