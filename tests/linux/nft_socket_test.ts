import assert from "node:assert/strict";
import { SysError } from "../../mod/linux/errno.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { NftSocket } from "../../mod/linux/nft_socket.ts";
import type { NetlinkRequest } from "../../mod/net/netlink/message.ts";
import { type Expression, MetaKey } from "../../mod/net/netlink/nft_expression.ts";
import { type NftFamily, NftKey, SetFlag } from "../../mod/net/netlink/nft_numbers.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  deleteElements,
  deleteTable,
  flushSet,
  type SetElement,
} from "../../mod/net/netlink/nftables.ts";
import { PreparedBatch } from "../../mod/net/netlink/prepared_batch.ts";
import { privileged } from "../fakes/privileges.ts";

const VIP = Uint8Array.of(10, 98, 0, 200);
const VIP6 = Uint8Array.of(0xfd, 0x98, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0);
const inet = { family: "inet", table: "guard" } as const;
const live = { ...inet, set: "live" };

/** Runs `body` with a socket in a namespace of its own. */
async function withNft(body: (nft: NftSocket, namespace: Namespace) => void | Promise<void>): Promise<void> {
  const namespace = Namespace.create();
  const nft = namespace.run(() => new NftSocket());
  try {
    await body(nft, namespace);
  } finally {
    nft.close();
    namespace.close();
  }
}

function liveSet(): NetlinkRequest[] {
  return [addTable(inet), addSet({ ...live, key: NftKey.ipv4Address, flags: SetFlag.TIMEOUT })];
}

function refresh(timeoutMs: number): NetlinkRequest[] {
  const element: SetElement = { key: VIP, timeoutMs };
  return [...addElements(live, [element]), ...deleteElements(live, [VIP]), ...addElements(live, [element])];
}

/** Waits out a real timeout of the kernel, which nothing announces. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

privileged(
  "commit(): add, delete and add again refreshes an element that is absent, live or expired",
  () =>
    withNft((nft) => {
      nft.commit(liveSet());
      nft.commit(refresh(10_000)); // absent
      nft.commit(refresh(20_000)); // live
      const [element] = nft.elements(live);
      assert.deepEqual(element?.key, VIP);
      assert.ok(element.expiresInMs > 10_000, `a new lifetime, not ${element.expiresInMs} ms`);
      assert.equal(element.timeoutMs, 20_000);
      nft.commit(refresh(100));
      pause(200);
      assert.deepEqual(nft.elements(live), []);
      nft.commit(refresh(10_000)); // expired
      assert.equal(nft.elements(live).length, 1);
    }),
);

privileged(
  "commit(): deleting what is not there refuses the whole batch and names the message",
  () =>
    withNft((nft) => {
      nft.commit(liveSet());
      const other = Uint8Array.of(1, 2, 3, 4);
      const batch = [
        ...addElements(live, [{ key: other }]),
        ...deleteElements(live, [VIP]),
        ...addElements(live, [{ key: VIP }]),
      ];
      assert.throws(() => nft.commit(batch), (error: unknown) => {
        assert.ok(error instanceof SysError);
        assert.equal(error.code, "ENOENT");
        assert.equal(error.op, "delete element");
        assert.equal(error.subject, "inet guard live");
        return true;
      });
      assert.deepEqual(nft.elements(live), []);
      nft.commit(refresh(1000));
      assert.equal(nft.elements(live).length, 1);
    }),
);

privileged("commit(): everything goes in one batch, and a table is replaced in one", () =>
  withNft((nft) => {
    const replace = [addTable(inet), deleteTable(inet), ...liveSet(), ...addElements(live, [{ key: VIP }])];
    nft.commit(replace);
    nft.commit(replace);
    assert.equal(nft.elements(live).length, 1);
    nft.commit([flushSet(live)]);
    assert.deepEqual(nft.elements(live), []);
    nft.commit([deleteTable(inet)]);
    assert.deepEqual(nft.tables(), []);
    assert.deepEqual(nft.rules(inet), []);
    assert.deepEqual(nft.sets(inet), []);
    assert.throws(() => nft.elements(live), { code: "ENOENT" });
    nft.commit([]);
  }));

privileged("generation() changes with a commit and not without one", () =>
  withNft((nft) => {
    const before = nft.generation();
    assert.equal(nft.generation(), before);
    nft.commit(liveSet());
    assert.notEqual(nft.generation(), before);
  }));

privileged("elements(): a set larger than one message comes back whole", () =>
  withNft(async (nft) => {
    const keys = Array.from({ length: 2500 }, (_, i) => Uint8Array.of(10, 1, i >> 8, i & 255));
    nft.commit([...liveSet(), ...addElements(live, keys.map((key) => ({ key, timeoutMs: 60_000 })))]);
    const all = keys.map((key) => key.join(".")).sort();
    const dump = (): string[] => nft.elements(live).map(({ key }) => key.join(".")).sort();
    // The kernel goes on growing its table for a moment, and a list that spans messages then names some twice and others not.
    let found = dump();
    for (let tries = 0; found.join() !== all.join() && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      found = dump();
    }
    assert.deepEqual(found, all);
  }));

function lookup(set: string, inverted: boolean): Expression {
  return { type: "lookup", set, register: 1, inverted };
}

function load(base: "network" | "transport", offset: number, length: number): Expression {
  return { type: "payload", base, offset, length, register: 1 };
}

const drop: Expression = { type: "verdict", verdict: "drop" };

/** The guard of the product in small: one live set per kind of address, see the rules in words below. */
function guard(): { arp: Expression[]; inet: Expression[][] } {
  const address = load("network", 14, 4);
  const nfproto = (value: number): Expression[] => [
    { type: "meta", key: MetaKey.nfproto, register: 1 },
    { type: "cmp", register: 1, op: "==", value: Uint8Array.of(value) },
  ];
  const dead = (where: Expression, kind: string): Expression[] => [
    where,
    lookup(`vips${kind}`, false),
    where,
    lookup(`live${kind}`, true),
    drop,
  ];
  const solicitation: Expression[] = [
    { type: "meta", key: MetaKey.l4proto, register: 1 },
    { type: "cmp", register: 1, op: "==", value: Uint8Array.of(58) },
    load("transport", 0, 1),
    { type: "cmp", register: 1, op: "==", value: Uint8Array.of(135) },
  ];
  return {
    arp: dead(address, "4"),
    inet: [
      [...nfproto(2), ...dead(load("network", 16, 4), "4")],
      [...nfproto(10), ...dead(load("network", 24, 16), "6")],
      [...nfproto(10), ...solicitation, ...dead(load("transport", 8, 16), "6")],
    ],
  };
}

function sets(family: NftFamily, kind: "4" | "6"): NetlinkRequest[] {
  const key = kind === "4" ? NftKey.ipv4Address : NftKey.ipv6Address;
  const table = { family, table: "guard" };
  const vip = kind === "4" ? VIP : VIP6;
  return [
    addSet({ ...table, set: `vips${kind}`, key, flags: 0 }),
    addSet({ ...table, set: `live${kind}`, key, flags: SetFlag.TIMEOUT }),
    ...addElements({ ...table, set: `vips${kind}` }, [{ key: vip }]),
    ...addElements({ ...table, set: `live${kind}` }, [{ key: vip, timeoutMs: 3_600_000 }]),
  ];
}

function installGuard(nft: NftSocket): void {
  const arp = { family: "arp", table: "guard" } as const;
  const rules = guard();
  nft.commit([
    addTable(arp),
    ...sets("arp", "4"),
    addChain({ ...arp, chain: "out", hook: { at: "output", priority: 0 } }),
    addRule({ ...arp, chain: "out", expressions: rules.arp }),
    addTable(inet),
    ...sets("inet", "4"),
    ...sets("inet", "6"),
    addChain({ ...inet, chain: "in", hook: { at: "input", priority: -400 } }),
    ...rules.inet.map((expressions) => addRule({ ...inet, chain: "in", expressions })),
  ]);
}

privileged("rules(), chains(), sets() give back what was committed", () =>
  withNft((nft) => {
    installGuard(nft);
    const rules = guard();
    assert.deepEqual(nft.rules({ family: "arp", table: "guard" }).map((rule) => rule.expressions), [rules.arp]);
    assert.deepEqual(nft.rules(inet).map((rule) => rule.expressions), rules.inet);
    assert.deepEqual(nft.chains(inet), [
      { ...inet, chain: "in", hook: { at: "input", priority: -400, type: "filter", policy: "accept" } },
    ]);
    const names = nft.sets(inet).map((set) => `${set.set} ${set.key.length} ${set.flags}`).sort();
    assert.deepEqual(names, ["live4 4 16", "live6 16 16", "vips4 4 0", "vips6 16 0"]);
    assert.deepEqual(nft.tables().map(({ family, table }) => `${family} ${table}`).sort(), ["arp guard", "inet guard"]);
  }));

const LISTED = `table arp guard {
 set vips4 { type ipv4_addr elements = { 10.98.0.200 } }
 set live4 { type ipv4_addr flags timeout elements = { 10.98.0.200 timeout 1h expires } }
 chain out { type filter hook output priority filter; policy accept;
 arp saddr ip @vips4 arp saddr ip != @live4 drop } }
table inet guard {
 set vips4 { type ipv4_addr elements = { 10.98.0.200 } }
 set live4 { type ipv4_addr flags timeout elements = { 10.98.0.200 timeout 1h expires } }
 set vips6 { type ipv6_addr elements = { fd98::200 } }
 set live6 { type ipv6_addr flags timeout elements = { fd98::200 timeout 1h expires } }
 chain in { type filter hook input priority -400; policy accept;
 ip daddr @vips4 ip daddr != @live4 drop
 ip6 daddr @vips6 ip6 daddr != @live6 drop
 icmpv6 type nd-neighbor-solicit @th,64,128 @vips6 @th,64,128 != @live6 drop } }`;

privileged("the guard reads in nft's own words as it was meant", () =>
  withNft((nft, namespace) => {
    installGuard(nft);
    const command = new Deno.Command("nft", { args: ["list", "ruleset"] });
    const { stdout, stderr, success } = namespace.run(() => command.outputSync());
    assert.ok(success, new TextDecoder().decode(stderr));
    const words = (text: string): string => text.replaceAll(/expires \w+/g, "expires").split(/\s+/).join(" ").trim();
    assert.equal(words(new TextDecoder().decode(stdout)), words(LISTED));
  }), { program: "nft" });

privileged(
  "commitPrepared(): a batch for another generation than the present one is refused as a whole",
  () =>
    withNft((nft) => {
      nft.commit(liveSet());
      const batch = new PreparedBatch(addElements(live, [{ key: VIP, timeoutMs: 5000 }]));
      const generation = nft.generation();
      assert.throws(() => nft.commitPrepared(batch, generation + 1), { code: "ERESTART" });
      assert.deepEqual(nft.elements(live), []);
      nft.commitPrepared(batch, generation);
      assert.equal(nft.generation(), generation + 1);
      assert.throws(() => nft.commitPrepared(batch, generation), { code: "ERESTART" });
      nft.commitPrepared(batch);
      assert.equal(nft.elements(live).length, 1);
    }),
);

privileged(
  "from Linux 6.12 on, adding an element with what is left of its timeout renews it: absent, live or expired",
  () =>
    withNft((nft) => {
      const [major = 0, minor = 0] = Deno.osRelease().split(".").map((part) => parseInt(part));
      if (major < 6 || major === 6 && minor < 12) return;
      nft.commit(liveSet());
      const add = (ms: number): NetlinkRequest[] => addElements(live, [{ key: VIP, timeoutMs: ms, expiresInMs: ms }]);
      const left = (): number => nft.elements(live)[0]?.expiresInMs ?? 0;
      nft.commit(add(10_000)); // absent
      pause(1000);
      const before = left();
      assert.ok(before > 0 && before <= 9010, `${before} ms`);
      nft.commit(add(10_000)); // live, the same timeout
      const renewed = left();
      assert.ok(renewed > before, `${renewed} ms after ${before} ms`);
      nft.commit(add(50_000)); // live, longer
      assert.ok(left() > 10_000, `${left()} ms`);
      nft.commit(add(50)); // live, shorter
      assert.ok(left() <= 50, `${left()} ms`);
      pause(100);
      assert.deepEqual(nft.elements(live), []);
      nft.commit(add(10_000)); // expired
      assert.ok(left() > 0, `${left()} ms`);
    }),
);
