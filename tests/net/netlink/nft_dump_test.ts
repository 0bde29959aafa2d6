import assert from "node:assert/strict";
import { WireError } from "../../../mod/net/errors.ts";
import { concat } from "../../../mod/net/netlink/bytes.ts";
import { MessageFlag, type NetlinkRequest } from "../../../mod/net/netlink/message.ts";
import {
  decodeChain,
  decodeElements,
  decodeGeneration,
  decodeRule,
  decodeSet,
  decodeTable,
  dumpChains,
  dumpElements,
  dumpRules,
  dumpSets,
  dumpTables,
  getGeneration,
} from "../../../mod/net/netlink/nft_dump.ts";
import { NftKey, NftMessage, SetFlag } from "../../../mod/net/netlink/nft_numbers.ts";
import { addChain, addElements, addRule, addSet, addTable } from "../../../mod/net/netlink/nftables.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes, echo, message } from "./fixtures.ts";

const g = { family: "inet", table: "g" } as const;

/** Answers of Linux 6.18 to `nft list ruleset`, taken with strace. */
const GENERATION = "00000002 08000100 00000002 08000200 00007fb5 08000300 6e667400";
const TABLE = "01000002 06000100 67000000 08000300 00000003 0c000400 0000000000000001 08000200 00000000";
const CHAIN = `01000002 06000100 67000000 07000300 696e0000 0c000200 0000000000000001 14000400 08000100 00000001
  08000200 fffffe70 08000500 00000001 0b000700 66696c74657200 00 08000a00 00000001 08000600 00000002`;
const PLAIN_CHAIN = "01000002 06000100 67000000 08000300 73756200 0c000200 0000000000000002 08000600 00000001";
const SET = `01000002 06000100 67000000 09000200 6c69766500000000 0c001000 0000000000000003 08000300 00000010
  08000400 00000007 08000500 00000004 0a000d00 000402000000 0000 08001400 00000001`;
const ELEMENTS = `01000003 06000100 67000000 09000200 6c69766500000000 2c000300 28000100 0c000100 08000100 0a6200c8
  0c000400 000000000036ee80 0c000500 0000000000369248`;
const RULE = `01000003 06000100 67000000 07000200 696e0000 0c000300 0000000000000004 28000400 24000100
  09000100 6d65746100000000 14000200 08000200 0000000f 08000100 00000001`;

Deno.test("what the kernel lists is read", () => {
  assert.equal(decodeGeneration(message(NftMessage.NEWGEN, bytes(GENERATION))), 2);
  assert.deepEqual(decodeTable(message(NftMessage.NEWTABLE, bytes(TABLE))), { ...g, flags: 0 });
  assert.deepEqual(decodeChain(message(NftMessage.NEWCHAIN, bytes(CHAIN))), {
    ...g,
    chain: "in",
    hook: { at: "input", priority: -400, type: "filter", policy: "accept" },
  });
  assert.deepEqual(decodeChain(message(NftMessage.NEWCHAIN, bytes(PLAIN_CHAIN))), { ...g, chain: "sub" });
  assert.deepEqual(decodeSet(message(NftMessage.NEWSET, bytes(SET))), {
    ...g,
    set: "live",
    key: NftKey.ipv4Address,
    flags: SetFlag.TIMEOUT,
  });
  assert.deepEqual(decodeElements(message(NftMessage.NEWSETELEM, bytes(ELEMENTS))), [
    { key: bytes("0a6200c8"), timeoutMs: 3_600_000, expiresInMs: 3_576_392 },
  ]);
  assert.deepEqual(decodeRule(message(NftMessage.NEWRULE, bytes(RULE))), {
    ...g,
    chain: "in",
    handle: 4,
    expressions: [{ type: "meta", key: 15, register: 1 }],
    userData: new Uint8Array(),
  });
});

Deno.test("what is written is read", () => {
  assert.deepEqual(decodeTable(echo(addTable({ family: "arp", table: "t" }))), { family: "arp", table: "t", flags: 0 });
  const hook = { at: "output", priority: 5, type: "nat", policy: "drop" } as const;
  for (const family of ["arp", "inet"] as const) {
    const chain = { family, table: "t", chain: "out", hook };
    assert.deepEqual(decodeChain(echo(addChain(chain))), chain);
  }
  const map = { ...g, set: "m", key: NftKey.ipv6Address, flags: SetFlag.MAP, data: NftKey.inetService };
  assert.deepEqual(decodeSet(echo(addSet(map))), map);
  const elements = [{ key: bytes("01"), data: bytes("0050") }, { key: bytes("02"), timeoutMs: 7 }];
  assert.deepEqual(addElements(map, elements).flatMap((request) => decodeElements(echo(request))), [
    { key: bytes("01"), data: bytes("0050"), expiresInMs: Infinity },
    { key: bytes("02"), timeoutMs: 7, expiresInMs: Infinity },
  ]);
  const rule = {
    ...g,
    chain: "in",
    expressions: [{ type: "verdict", verdict: "drop" }],
    userData: bytes("0102"),
  } as const;
  assert.deepEqual(decodeRule(echo(addRule(rule))), { ...rule, handle: 0 });
});

Deno.test("questions name table and set", () => {
  const name = "06000100 67000000";
  const table: [NetlinkRequest, number, number, string][] = [
    [getGeneration(), NftMessage.GETGEN, 0, "00000000"],
    [dumpTables(), NftMessage.GETTABLE, MessageFlag.DUMP, "00000000"],
    [dumpChains("arp"), NftMessage.GETCHAIN, MessageFlag.DUMP, "03000000"],
    [dumpRules(g), NftMessage.GETRULE, MessageFlag.DUMP, `01000000 ${name}`],
    [dumpSets(g), NftMessage.GETSET, MessageFlag.DUMP, `01000000 ${name}`],
    [
      dumpElements({ ...g, set: "live" }),
      NftMessage.GETSETELEM,
      MessageFlag.DUMP,
      `01000000 ${name} 09000200 6c69766500000000`,
    ],
  ];
  for (const [request, type, flags, wanted] of table) {
    assert.deepEqual([request.type, request.flags], [type, flags], request.subject);
    assert.deepEqual(request.payload, bytes(wanted), request.subject);
  }
});

Deno.test("what belongs to no family, hook or type of ours is left alone", () => {
  assert.equal(decodeTable(message(NftMessage.NEWTABLE, bytes("63000000"))), null);
  assert.equal(decodeRule(message(NftMessage.NEWRULE, bytes("63000000"))), null);
  assert.equal(decodeSet(message(NftMessage.NEWSET, bytes("63000000"))), null);
  const ingress = CHAIN.replace("08000100 00000001", "08000100 00000009");
  assert.equal(decodeChain(message(NftMessage.NEWCHAIN, bytes(ingress))), null);
});

Deno.test("malformed answers are refused", () => {
  const cut = bytes(RULE).subarray(0, 40);
  assert.throws(() => decodeRule(message(NftMessage.NEWRULE, cut)), WireError);
  const short = bytes("01000000 06000300 0000 0000");
  assert.throws(() => decodeSet(message(NftMessage.NEWSET, short)), WireError);
  assert.throws(() => decodeElements(message(NftMessage.NEWSETELEM, bytes("01000000 08000300 ffff0100"))), WireError);
});

Deno.test("readers of dumps survive whatever comes", () => {
  const readers = [decodeGeneration, decodeTable, decodeChain, decodeSet, decodeElements, decodeRule];
  const decode = (input: Uint8Array): Uint8Array => {
    readers[(input[0] ?? 0) % readers.length]?.(message(0, input.subarray(1)));
    return concat([input]);
  };
  const answers = [GENERATION, TABLE, CHAIN, SET, ELEMENTS, RULE].map(bytes);
  const samples = answers.map((answer, index) => concat([Uint8Array.of(index), answer]));
  fuzz({ decode, encode: (input) => input, samples });
});
