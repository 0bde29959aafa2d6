import assert from "node:assert/strict";
import { WireError } from "../../../mod/net/errors.ts";
import { concat } from "../../../mod/net/netlink/bytes.ts";
import {
  dataValue,
  decodeExpressions,
  encodeExpressions,
  type Expression,
  MetaKey,
  readDataValue,
} from "../../../mod/net/netlink/nft_expression.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes } from "./fixtures.ts";

const one = bytes("00000001");

/** What nft 1.0.6 sends for each, taken with strace. */
const TABLE: [Expression, string][] = [
  [
    { type: "meta", key: MetaKey.nfproto, register: 1 },
    "24000180 09000100 6d65746100000000 14000280 08000200 0000000f 08000100 00000001",
  ],
  [
    { type: "cmp", register: 1, op: "==", value: bytes("02") },
    `2c000180 08000100 636d7000 20000280 08000100 00000001 08000200 00000000
     0c000380 05000100 02000000`,
  ],
  [
    { type: "payload", base: "network", offset: 16, length: 4, register: 1 },
    `34000180 0c000100 7061796c6f616400 24000280 08000100 00000001 08000200 00000001 08000300 00000010
     08000400 00000004`,
  ],
  [
    { type: "verdict", verdict: "drop" },
    "30000180 0e000100 696d6d6564696174650000 00 1c000280 08000100 00000000" +
    "10000280 0c000280 08000100 00000000",
  ],
  [
    { type: "verdict", verdict: "jump", chain: "sub" },
    `38000180 0e000100 696d6d6564696174650000 00 24000280 08000100 00000000
     18000280 14000280 08000100 fffffffd 08000200 73756200`,
  ],
  // Without NFTA_LOOKUP_SET_ID, which nft adds for anonymous sets.
  [
    { type: "lookup", set: "live", register: 1, inverted: true },
    "30000180 0b000100 6c6f6f6b75700000 20000280 08000200 00000001 09000100 6c69766500000000 08000500 00000001",
  ],
];

Deno.test("expressions are written as nft writes them, and read back", () => {
  for (const [expression, wanted] of TABLE) {
    assert.deepEqual(concat(encodeExpressions([expression])), bytes(wanted), JSON.stringify(expression));
    assert.deepEqual(decodeExpressions(bytes(wanted)), [expression]);
  }
});

/** A rule as Linux 6.18 lists it: `meta mark & 0xff == 1 counter jump sub`. No nest carries the nested bit here. */
const LISTED = `24000100 09000100 6d65746100000000 14000200 08000200 00000003 08000100 00000001
  4c000100 0c000100 6269747769736500 3c000200 08000100 00000001 08000200 00000001 08000300 00000004 08000600 00000000
  0c000400 08000100 ff000000 0c000500 08000100 00000000
  2c000100 08000100 636d7000 20000200 08000100 00000001 08000200 00000000 0c000300 08000100 01000000
  2c000100 0c000100 636f756e74657200 1c000200 0c000100 0000000000000000 0c000200 0000000000000000
  38000100 0e000100 696d6d656469617465000000 24000200 08000100 00000000 18000200 14000200 08000100 fffffffd
  08000200 73756200`;

Deno.test("a rule as the kernel lists it is read", () => {
  assert.deepEqual(decodeExpressions(bytes(LISTED)), [
    { type: "meta", key: MetaKey.mark, register: 1 },
    { type: "bitwise", register: 1, target: 1, mask: bytes("ff000000"), xor: bytes("00000000") },
    { type: "cmp", register: 1, op: "==", value: bytes("01000000") },
    { type: "counter", packets: 0, bytes: 0 },
    { type: "verdict", verdict: "jump", chain: "sub" },
  ]);
});

Deno.test("what this file does not know is kept as it is", () => {
  const limit: Expression = { type: "other", name: "limit", data: bytes("0c000100 0000000000000001") };
  assert.deepEqual(decodeExpressions(concat(encodeExpressions([limit]))), [limit]);
  const shift = `34000100 0c000100 6269747769736500 24000200 08000100 00000001 08000200 00000001 08000300 00000004
    08000600 00000001`;
  assert.equal(decodeExpressions(bytes(shift))[0]?.type, "other", "a shift has no mask");
});

/** A random expression of every kind. */
function anything(random: () => number): Expression {
  const below = (limit: number): number => Math.floor(random() * limit);
  const value = Uint8Array.from({ length: 1 + below(16) }, () => below(256));
  const register = 1 + below(4);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] ?? assert.fail();
  return pick<Expression>([
    { type: "meta", key: below(30), register },
    { type: "meta-set", key: MetaKey.mark, register },
    { type: "payload", base: pick(["link", "network", "transport"]), offset: below(99), length: below(16), register },
    { type: "cmp", register, op: pick(["==", "!=", "<", "<=", ">", ">="]), value },
    { type: "lookup", set: `s${below(9)}`, register, inverted: random() < 0.5 },
    { type: "lookup", set: "map", register, inverted: false, target: 1 },
    { type: "bitwise", register, target: 2, mask: value, xor: value },
    { type: "immediate", register, value },
    { type: "verdict", verdict: pick(["accept", "drop", "continue", "break", "return"]) },
    { type: "verdict", verdict: pick(["jump", "goto"]), chain: `c${below(9)}` },
    { type: "counter", packets: below(1e9), bytes: below(2 ** 50) },
  ]);
}

Deno.test("every expression comes back from its bytes", () => {
  const seed = seedFromEnv(3);
  const random = seededRandom(seed);
  const seen = new Set<string>();
  for (let round = 0; round < 2000; round++) {
    const rule = Array.from({ length: 1 + Math.floor(random() * 5) }, () => anything(random));
    for (const { type } of rule) seen.add(type);
    assert.deepEqual(decodeExpressions(concat(encodeExpressions(rule))), rule, `seed ${seed} round ${round}`);
  }
  assert.equal(seen.size, 9);
});

Deno.test("malformed expressions are refused", () => {
  for (
    const digits of [
      "0800 0100 0900 0100",
      "14000180 09000100 6d65746100000000", // meta without key
      "24000180 09000100 6d65746100000000 14000280 06000200 0000 0000 08000100 00000001",
    ]
  ) assert.throws(() => decodeExpressions(bytes(digits)), WireError, digits);
});

Deno.test("data is nested in its attribute", () => {
  assert.deepEqual(dataValue(1, one), bytes("0c000180 08000100 00000001"));
  assert.deepEqual(readDataValue(bytes("08000100 00000001")), one);
  assert.deepEqual(readDataValue(undefined), new Uint8Array());
});

Deno.test("decodeExpressions() survives whatever comes, and what it accepts comes back", () => {
  fuzz({
    decode: decodeExpressions,
    encode: (rule) => concat(encodeExpressions(rule)),
    samples: [LISTED, ...TABLE.map(([, digits]) => digits)].map(bytes),
  });
});
