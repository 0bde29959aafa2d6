import assert from "node:assert/strict";
import { deriveClusterId, MOST_MEMBERS } from "../../mod/config/peers.ts";
import { base, load, mustLoad, problemLines, warningLines } from "./helpers.ts";

const peer = (id: string, address: string, port = 10000): { id: string; address: string; port: number } => {
  return { id, address, port };
};

/** Members, and the one line that says what is wrong with them. */
const BAD: [string, Record<string, unknown>, string][] = [
  [
    "no local member",
    { localPeer: undefined },
    "localPeer: is missing: name this member, {id, address, port}, or set singleNode: true",
  ],
  [
    "no own id",
    { localPeer: { address: "10.0.0.1" } },
    "localPeer.id: is missing: name this member, 1 to 64 printable",
  ],
  ["no own address", { localPeer: { id: "a" } }, "localPeer.address: is missing: must be an IP address"],
  ["a list", { localPeer: ["a"] }, 'localPeer "[a]": must be {id, address, port}, as text id:address:port, not a list'],
  ["own id again", { remotePeers: [peer("a", "10.0.0.2")] }, 'remotePeers[0] "a": has the id of localPeer'],
  [
    "own address again",
    { remotePeers: [peer("b", "10.0.0.1")] },
    'remotePeers[0] "10.0.0.1": has the address of localPeer',
  ],
  [
    "one id twice",
    { remotePeers: [peer("b", "10.0.0.2"), peer("b", "10.0.0.3")] },
    'remotePeers[1] "b": has the id of remotePeers[0]',
  ],
  [
    "one address twice",
    { remotePeers: [peer("b", "10.0.0.2"), peer("c", "10.0.0.2")] },
    "has the address of remotePeers[0]",
  ],
  [
    "another IP version",
    { remotePeers: [peer("b", "fd00::2")] },
    "must be of the same IP version as the local member's 10.0.0.1",
  ],
  [
    "a multicast address",
    { localPeer: peer("a", "224.0.0.1") },
    'localPeer.address "224.0.0.1": is a multicast address',
  ],
  ["an address without a scope", { localPeer: peer("a", "fe80::1") }, "is a link-local address"],
  ["a leading zero", { localPeer: peer("a", "10.0.0.01") }, 'localPeer.address "10.0.0.01": must be an IP address'],
  ["text without a port", { localPeer: "a:10.0.0.1" }, 'localPeer "a:10.0.0.1": must be id:address:port'],
  ["too many", {
    remotePeers: Array.from({ length: MOST_MEMBERS + 1 }, (_, i) => peer(`m${i}`, `10.0.1.${i + 1}`)),
  }, `has ${MOST_MEMBERS + 1} items, at most ${MOST_MEMBERS} are accepted`],
];

Deno.test("members that cannot form a cluster are refused, each for its own reason", () => {
  for (const [name, changes, wanted] of BAD) {
    const lines = problemLines(load(base(changes)));
    assert.ok(lines.some((line) => line.includes(wanted)), `${name}: ${lines.join("\n")}`);
  }
});

Deno.test("the own member may be listed among the others, and is skipped", () => {
  const remotePeers = [peer("a", "10.0.0.1"), peer("b", "10.0.0.2"), peer("c", "10.0.0.3")];
  assert.deepEqual(mustLoad(base({ remotePeers })).remotePeers.map((one) => one.id), ["b", "c"]);
});

Deno.test("text names members too, also with IPv6", () => {
  const config = mustLoad(base({ localPeer: "a:fd00::1:10000", remotePeers: "b:[fd00::2]:10000,c:fd00:0::3:9" }));
  assert.deepEqual(config.localPeer, peer("a", "fd00::1"));
  assert.deepEqual(config.remotePeers, [peer("b", "fd00::2"), peer("c", "fd00::3", 9)]);
});

Deno.test("an even number of members, and a member alone, are worth a warning", () => {
  const even = warningLines(load(base({ remotePeers: [peer("b", "10.0.0.2")] })));
  assert.deepEqual(even, [
    "remotePeers: makes 2 members; an even number survives no more failures (0) than 1, use an odd number",
  ]);
  assert.match(warningLines(load(base({ remotePeers: undefined }))).join(), /this member is alone/);
  assert.deepEqual(warningLines(load(base())), []);
});

Deno.test("a derived cluster id depends on ids and addresses and not on their order", () => {
  const ids = [
    deriveClusterId([peer("a", "10.0.0.1"), peer("b", "10.0.0.2")]),
    deriveClusterId([peer("b", "10.0.0.2", 9), peer("a", "10.0.0.1", 9)]),
    deriveClusterId([peer("a", "10.0.0.1"), peer("b", "10.0.0.3")]),
    deriveClusterId([peer("a", "10.0.0.1"), peer("c", "10.0.0.2")]),
  ];
  assert.equal(ids[0], ids[1]);
  assert.equal(new Set(ids).size, 3);
  // FNV-1a of the empty text is its offset basis.
  assert.equal(deriveClusterId([]), "cbf29ce484222325");
});
