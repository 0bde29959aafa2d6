import assert from "node:assert/strict";
import { concat } from "../../../mod/net/netlink/bytes.ts";
import {
  type BalanceExpression,
  CtKey,
  encodeBalance,
  FibFlag,
  FibResult,
  IcmpxCode,
  NatFlag,
  piece,
} from "../../../mod/net/netlink/nft_balance.ts";
import { decodeExpressions, encodeExpressions, type Expression } from "../../../mod/net/netlink/nft_expression.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes } from "./fixtures.ts";

/** What nft 1.0.6 sends for each, from `nft --debug=mnl`, in its own order where ours is the same. */
const TABLE: [BalanceExpression, string][] = [
  [
    { type: "nat", kind: "dnat", family: 4, address: 1, port: 9, flags: 0 },
    "30000180 08000100 6e617400 24000280 08000100 00000001 08000200 00000002 08000300 00000001 08000500 00000009",
  ],
  [
    { type: "nat", kind: "snat", family: 4, address: 1, flags: 0 },
    "28000180 08000100 6e617400 1c000280 08000100 00000000 08000200 00000002 08000300 00000001",
  ],
  [{ type: "masquerade", flags: 0 }, "14000180 09000100 6d617371 00000000 04000280"],
  [
    { type: "masquerade", flags: NatFlag.FULLY_RANDOM },
    "1c000180 09000100 6d617371 00000000 0c000280 08000100 00000010",
  ],
  [
    { type: "numgen", mode: "inc", modulus: 4, offset: 0, register: 1 },
    `34000180 0b000100 6e756d67 656e0000 24000280 08000100 00000001 08000200 00000004 08000300 00000000
     08000400 00000000`,
  ],
  [
    { type: "numgen", mode: "random", modulus: 4, offset: 100, register: 1 },
    `34000180 0b000100 6e756d67 656e0000 24000280 08000100 00000001 08000200 00000004 08000300 00000001
     08000400 00000064`,
  ],
  [
    { type: "jhash", source: 2, length: 4, register: 1, modulus: 4, offset: 0, seed: 0xdeadbeef },
    `4c000180 09000100 68617368 00000000 3c000280 08000100 00000002 08000200 00000001 08000300 00000004
     08000400 00000004 08000500 deadbeef 08000600 00000000 08000700 00000000`,
  ],
  [
    { type: "jhash", source: 2, length: 4, register: 1, modulus: 4, offset: 0 },
    `44000180 09000100 68617368 00000000 34000280 08000100 00000002 08000200 00000001 08000300 00000004
     08000400 00000004 08000600 00000000 08000700 00000000`,
  ],
  [
    { type: "ct", key: CtKey.state, register: 1 },
    "20000180 07000100 63740000 14000280 08000200 00000000 08000100 00000001",
  ],
  [
    { type: "ct", key: CtKey.destinationIp4, register: 1, direction: "original" },
    "28000180 07000100 63740000 1c000280 08000200 00000014 08000100 00000001 05000300 00000000",
  ],
  [
    { type: "ct-set", key: CtKey.mark, register: 1 },
    "20000180 07000100 63740000 14000280 08000200 00000003 08000400 00000001",
  ],
  [
    { type: "fib", flags: FibFlag.DESTINATION | FibFlag.IIF, result: FibResult.addressType, register: 1 },
    "28000180 08000100 66696200 1c000280 08000300 0000000a 08000200 00000003 08000100 00000001",
  ],
  [
    { type: "reject", with: "tcp-reset", code: 0 },
    "24000180 0b000100 72656a65 63740000 14000280 08000100 00000001 05000200 00000000",
  ],
  [
    { type: "reject", with: "icmpx", code: IcmpxCode.portUnreachable },
    "24000180 0b000100 72656a65 63740000 14000280 08000100 00000002 05000200 01000000",
  ],
  [
    { type: "count-on", counter: "c1" },
    "24000180 0b000100 6f626a72 65660000 14000280 08000100 00000001 07000200 63310000",
  ],
  [
    { type: "limit-times", limits: "ti" },
    "24000180 0b000100 6f626a72 65660000 14000280 08000100 00000007 07000200 74690000",
  ],
  // Without NFTA_OBJREF_SET_ID, which only tells sets of one batch apart.
  [
    { type: "count-by", set: "cm", register: 1 },
    "24000180 0b000100 6f626a72 65660000 14000280 08000300 00000001 07000400 636d0000",
  ],
];

Deno.test("expressions that balance are written as nft writes them, and read back", () => {
  for (const [expression, wanted] of TABLE) {
    assert.deepEqual(concat(encodeExpressions([expression])), bytes(wanted), JSON.stringify(expression));
    assert.deepEqual(decodeExpressions(bytes(wanted)), [expression]);
  }
});

Deno.test("what the kernel adds when it lists a rule is not taken for something else", () => {
  const listed = `48000100 08000100 6e617400 3c000200 08000100 00000001 08000200 0000000a 08000300 00000001
    08000400 00000001 08000500 00000002 08000600 00000002 08000700 0000000b`;
  assert.deepEqual(decodeExpressions(bytes(listed)), [
    { type: "nat", kind: "dnat", family: 6, address: 1, port: 2, flags: NatFlag.PERSISTENT },
  ]);
  const reset = "1c000100 0b000100 72656a65 63740000 0c000200 08000100 00000001";
  assert.deepEqual(decodeExpressions(bytes(reset)), [{ type: "reject", with: "tcp-reset", code: 0 }]);
});

Deno.test("ranges, other hashes, other objects and unknown numbers are kept as they are", () => {
  const kept = [
    // A range of addresses, a protocol family that is none, a type of NAT that is none.
    `30000180 08000100 6e617400 24000280 08000100 00000001 08000200 00000002 08000300 00000001 08000400 00000002`,
    "28000180 08000100 6e617400 1c000280 08000100 00000001 08000200 00000007 08000300 00000001",
    "28000180 08000100 6e617400 1c000280 08000100 00000002 08000200 00000002 08000300 00000001",
    // Ports for masquerading, a symmetric hash, a quota, a fourth refusal, a third direction.
    "1c000180 09000100 6d617371 00000000 0c000280 08000200 00000001",
    `34000180 09000100 68617368 00000000 24000280 08000200 00000001 08000300 00000004 08000400 00000004
     08000700 00000001`,
    "24000180 0b000100 6f626a72 65660000 14000280 08000100 00000002 07000200 63310000",
    "24000180 0b000100 72656a65 63740000 14000280 08000100 00000003 05000200 00000000",
    "28000180 07000100 63740000 1c000280 08000200 00000014 08000100 00000001 05000300 02000000",
    "28000180 07000100 63740000 1c000280 08000200 00000011 08000400 00000001 05000300 00000000",
  ];
  for (const digits of kept) {
    const [found] = decodeExpressions(bytes(digits));
    assert.equal(found?.type, "other", digits);
    assert.deepEqual(decodeExpressions(concat(encodeExpressions([found]))), [found]);
  }
});

Deno.test("pieces of registers have the number the kernel lists", () => {
  assert.deepEqual([0, 1, 4, 5, 15].map(piece), [1, 9, 2, 13, 23]);
});

/** A random one of every kind. */
function anything(random: () => number): Expression {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] ?? assert.fail();
  const register = piece(below(16));
  const numbers = { modulus: 1 + below(2 ** 32 - 1), offset: below(2 ** 32), register };
  const code = below(256);
  return pick<Expression>([
    { type: "nat", kind: pick(["snat", "dnat"]), family: pick([4, 6]), address: register, port: 9, flags: 4 },
    { type: "nat", kind: "dnat", family: 4, port: register, flags: NatFlag.FULLY_RANDOM },
    { type: "masquerade", flags: pick([0, 4, 16]) },
    { type: "numgen", mode: pick(["inc", "random"]), ...numbers },
    { type: "jhash", source: 2, length: below(17), seed: below(2 ** 32), ...numbers },
    { type: "ct", key: below(24), register, direction: pick(["original", "reply"]) },
    { type: "ct-set", key: CtKey.mark, register },
    { type: "fib", flags: below(64), result: below(4), register },
    { type: "reject", with: pick(["icmp", "tcp-reset", "icmpx"]), code },
    { type: "limit-times", limits: `l${code}` },
    { type: "count-on", counter: `c${code}` },
    { type: "count-by", set: `s${code}`, register },
  ]);
}

Deno.test("every expression that balances comes back from its bytes", () => {
  const seed = seedFromEnv(11);
  const random = seededRandom(seed);
  const seen = new Set<string>();
  for (let round = 0; round < 2000; round++) {
    const expression = anything(random);
    seen.add(expression.type);
    const back = decodeExpressions(concat(encodeExpressions([expression])));
    assert.deepEqual(back, [expression], `seed ${seed} round ${round}`);
  }
  assert.equal(seen.size, 11);
});

Deno.test("encodeBalance() gives the kernel's name of the expression", () => {
  const names = new Set(TABLE.map(([expression]) => encodeBalance(expression).name));
  assert.deepEqual([...names], ["nat", "masq", "numgen", "hash", "ct", "fib", "reject", "objref"]);
});

Deno.test("readers of expressions that balance survive whatever comes", () => {
  fuzz({
    decode: decodeExpressions,
    encode: (rule) => concat(encodeExpressions(rule)),
    samples: TABLE.map(([, digits]) => bytes(digits)),
  });
});
