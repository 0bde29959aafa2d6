/** Maps, verdict maps, maps of counters and sets that count: nftables.ts and nft_dump.ts together. */
import assert from "node:assert/strict";
import { decodeElements, decodeSet } from "../../../mod/net/netlink/nft_dump.ts";
import { NftKey, NftMessage, SetFlag } from "../../../mod/net/netlink/nft_numbers.ts";
import {
  addElements,
  addSet,
  deleteElements,
  type NftSet,
  type SetElement,
} from "../../../mod/net/netlink/nftables.ts";
import { bytes, echo, message } from "./fixtures.ts";

const t = { family: "ip", table: "t" } as const;
const TABLE = "06000100 74000000";

/** Sets as nft 1.0.6 sends them, without its notes (NFTA_SET_USERDATA) but that on the order of the key's bytes, and with our number for the batch. */
const SETS: [NftSet, string][] = [
  [
    { ...t, set: "be4", key: NftKey.mark, data: NftKey.ipv4Endpoint, flags: SetFlag.MAP },
    `02000000 ${TABLE} 08000200 62653400 08000300 00000008 08000400 00000013 08000500 00000004
     08000600 000001cd 08000700 00000008 0a000d00 00040100 00000000 08000a00 00000001`,
  ],
  [
    { ...t, set: "cm", key: NftKey.ipv4Address, flags: SetFlag.OBJECT },
    `02000000 ${TABLE} 07000200 636d0000 08000300 00000040 08000400 00000007 08000500 00000004 08000f00 00000001
     08000a00 00000001`,
  ],
  [
    { ...t, set: "cs", key: NftKey.ipv4Address, flags: 0, size: 7, counting: true },
    `02000000 ${TABLE} 07000200 63730000 08000300 00000000 08000400 00000007 08000500 00000004
     0c000980 08000100 00000007
     2c001180 0c000100 636f756e 74657200 1c000280 0c000100 00000000 00000000 0c000200 00000000 00000000
     08000a00 00000001`,
  ],
];

Deno.test("maps, maps of counters and sets that count are written as nft writes them, and read back", () => {
  for (const [set, wanted] of SETS) {
    const request = addSet(set);
    assert.deepEqual(request.payload, bytes(wanted), set.set);
    assert.deepEqual(decodeSet(echo(request)), set);
  }
});

Deno.test("a verdict map has the kernel's type for verdicts", () => {
  const set = { ...t, set: "vm", key: NftKey.ipv4Service, data: NftKey.verdict, flags: 0 };
  assert.deepEqual(
    addSet(set).payload,
    bytes(`02000000 ${TABLE} 07000200 766d0000 08000300 00000008 08000400 0000730d 08000500 0000000c
      08000600 ffffff00 08000700 00000010 08000a00 00000001`),
  );
});

/** Elements as nft 1.0.6 sends them, without NFTA_SET_ELEM_LIST_SET_ID. */
const ELEMENTS: [string, SetElement[], string][] = [
  [
    "vm",
    [{ key: bytes("0a010101 06000000 00500000"), verdict: { verdict: "jump", chain: "svc" } }],
    "07000200 766d0000 34000380 30000180 14000180 10000100 0a010101 06000000 00500000 18000280 14000280 08000100 fffffffd 08000200 73766300",
  ],
  [
    "be",
    [
      { key: bytes("00000000"), data: bytes("0a000001 00500000") },
      { key: bytes("01000000"), data: bytes("0a000002 00510000") },
    ],
    `07000200 62650000 44000380 20000180 0c000180 08000100 00000000 10000280 0c000100 0a000001 00500000
     20000180 0c000180 08000100 01000000 10000280 0c000100 0a000002 00510000`,
  ],
  [
    "cm",
    [{ key: bytes("0a000001"), counter: "c1" }],
    "07000200 636d0000 1c000380 18000180 0c000180 08000100 0a000001 07000900 63310000",
  ],
];

Deno.test("elements of maps are written as nft writes them, and read back", () => {
  for (const [set, elements, wanted] of ELEMENTS) {
    const [request] = addElements({ ...t, set }, elements);
    assert.ok(request);
    assert.deepEqual(request.payload, bytes(`02000000 ${TABLE} ${wanted}`), set);
    assert.deepEqual(
      decodeElements(echo(request)),
      elements.map((element) => ({ ...element, expiresInMs: Infinity })),
    );
  }
});

Deno.test("an element is deleted by its key alone", () => {
  const [request] = deleteElements({ ...t, set: "be" }, [bytes("00000000")]);
  assert.deepEqual(
    request?.payload,
    bytes(`02000000 ${TABLE} 07000200 62650000 14000380 10000180 0c000180 08000100 00000000`),
  );
});

Deno.test("what an element has counted is read, as Linux 6.18 lists it", () => {
  const listed = `02000003 ${TABLE} 07000200 63730000 40000380 3c000180 0c000180 08000100 01020304
    2c000700 0c000100 636f756e 74657200 1c000200 0c000100 00000000 0000004d 0c000200 00000000 00000005`;
  assert.deepEqual(decodeElements(message(NftMessage.NEWSETELEM, bytes(listed))), [
    { key: bytes("01020304"), expiresInMs: Infinity, counted: { packets: 5, bytes: 77 } },
  ]);
});

Deno.test("elements of maps are spread over messages, none of them too long", () => {
  const chain = "c".repeat(120);
  const element = { key: new Uint8Array(24), verdict: { verdict: "goto", chain } } as const;
  const messages = addElements({ ...t, set: "vm" }, Array.from({ length: 1000 }, () => element));
  assert.equal(messages.length, 5);
  assert.ok(messages.every(({ payload }) => payload.length < 65536));
  assert.equal(messages.flatMap((part) => decodeElements(echo(part))).length, 1000);
});
