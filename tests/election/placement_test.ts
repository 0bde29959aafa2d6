import assert from "node:assert/strict";
import { place } from "../../mod/election/placement.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";

const IPS = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];

function holders(live: string[], current: Record<string, string> = {}, count = 5): string {
  const addresses = IPS.slice(0, count);
  const placed = place({ policy: "spread", addresses, leader: "a", live, current: new Map(Object.entries(current)) });
  assert.deepEqual([...placed.keys()], addresses);
  return [...placed.values()].join("");
}

Deno.test("policy leader puts every address on the leader, whoever had it", () => {
  const placed = place({
    policy: "leader",
    addresses: IPS,
    leader: "b",
    live: ["a"],
    current: new Map([["10.0.0.1", "a"]]),
  });
  assert.deepEqual([...new Set(placed.values())], ["b"]);
});

const [ONE, TWO, THREE, FOUR, FIVE] = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];
const TABLE: readonly [
  name: string,
  live: string[],
  current: Record<string, string>,
  count: number,
  expected: string,
][] = [
  ["the leader alone has all", [], {}, 5, "aaaaa"],
  ["a first placement is even", ["b", "c"], {}, 5, "ababc"],
  ["the order in which members are named does not matter", ["c", "b", "a"], {}, 5, "ababc"],
  ["what is even stays", ["b", "c"], { [ONE]: "c", [TWO]: "b", [THREE]: "a", [FOUR]: "c", [FIVE]: "b" }, 5, "cbacb"],
  ["what a dead member had goes to those with least", ["b"], { [ONE]: "c", [TWO]: "b", [THREE]: "a" }, 3, "aba"],
  [
    "a returning member gets only what is too much elsewhere",
    ["b", "c"],
    { [ONE]: "a", [TWO]: "b", [THREE]: "a" },
    3,
    "abc",
  ],
  ["more members than addresses", ["b", "c"], {}, 1, "a"],
  ["a lone address stays where it is", ["b", "c"], { [ONE]: "c" }, 1, "c"],
  ["addresses and members that are gone do not count", ["b"], { "10.9.9.9": "b", [ONE]: "x" }, 2, "ab"],
  ["no addresses", ["b"], {}, 0, ""],
];

for (const [name, live, current, count, expected] of TABLE) {
  Deno.test(`spread: ${name}`, () => assert.equal(holders(live, current, count), expected));
}

Deno.test("spread: shares differ by one at most, and no address moves without need, over 2,000 random changes", () => {
  const seed = seedFromEnv(11);
  const random = seededRandom(seed);
  let current: ReadonlyMap<string, string> = new Map();
  let previous = new Set<string>();
  for (let turn = 0; turn < 2000; turn++) {
    const members = ["a", "b", "c", "d", "e"].filter((id) => id === "a" || random() < 0.7);
    const live = new Set(members);
    const placed = place({ policy: "spread", addresses: IPS, leader: "a", live: members, current });
    const load = members.map((id) => [...placed.values()].filter((each) => each === id).length);
    assert(Math.max(...load) - Math.min(...load) <= 1, `seed ${seed}, turn ${turn}: ${load}`);
    if (previous.symmetricDifference(live).size === 0) assert.deepEqual(placed, current, `seed ${seed}, turn ${turn}`);
    const moved = IPS.filter((ip) => live.has(current.get(ip) ?? "") && placed.get(ip) !== current.get(ip));
    const most = Math.ceil(IPS.length / members.length);
    const surplus = members.reduce(
      (sum, id) => sum + Math.max(0, IPS.filter((ip) => current.get(ip) === id).length - most),
      0,
    );
    const starved = members.filter((id) => ![...current.values()].includes(id)).length;
    assert(moved.length <= surplus + starved, `seed ${seed}, turn ${turn}: moved ${moved}`);
    current = placed;
    previous = live;
  }
});

Deno.test("spread: the unfit get nothing while a fit member lives, be it the leader; else what is held stays", () => {
  const rows: readonly [string[], Record<string, string>, string][] = [
    [["a"], {}, "bbc"],
    [["b"], { [ONE]: "b", [TWO]: "a", [THREE]: "c" }, "aac"],
    [["a", "b"], { [ONE]: "b", [TWO]: "a" }, "ccc"],
    [["a", "b", "c"], { [ONE]: "c", [TWO]: "c", [THREE]: "c" }, "ccc"],
    [["a", "b", "c"], {}, "abc"],
  ];
  for (const [unfit, current, expected] of rows) {
    const placed = place({
      policy: "spread",
      addresses: IPS.slice(0, 3),
      leader: "a",
      live: ["b", "c"],
      unfit: new Set(unfit),
      current: new Map(Object.entries(current)),
    });
    assert.equal([...placed.values()].join(""), expected, `without ${unfit}`);
  }
});
