import assert from "node:assert/strict";
import { Namespace } from "../../../mod/linux/namespace.ts";
import { NftSocket } from "../../../mod/linux/nft_socket.ts";
import { u32 } from "../../../mod/net/netlink/bytes.ts";
import type { NetlinkRequest } from "../../../mod/net/netlink/message.ts";
import {
  AddressType,
  type BalanceExpression,
  CtKey,
  CtState,
  CtStatus,
  FibFlag,
  FibResult,
  IcmpxCode,
  NatFlag,
} from "../../../mod/net/netlink/nft_balance.ts";
import { addCounter, deleteCounter } from "../../../mod/net/netlink/nft_counter.ts";
import { type Expression, MetaKey } from "../../../mod/net/netlink/nft_expression.ts";
import { NftKey, SetFlag } from "../../../mod/net/netlink/nft_numbers.ts";
import { addTimeLimits } from "../../../mod/net/netlink/nft_time_limits.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  deleteElements,
  deleteRules,
} from "../../../mod/net/netlink/nftables.ts";
import { privileged } from "../../fakes/privileges.ts";
import { address } from "./network.ts";
import { balance, chainOf, Protocol, type Service, serviceKey, slotElements, TABLE } from "./rules.ts";

const register = 1;
const accept: Expression = { type: "verdict", verdict: "accept" };

function withNft(body: (nft: NftSocket, list: () => string) => void): void {
  const namespace = Namespace.create();
  const nft = namespace.run(() => new NftSocket());
  try {
    body(nft, () => {
      const command = new Deno.Command("nft", { args: ["list", "ruleset"] });
      const { stdout, stderr, success } = namespace.run(() => command.outputSync());
      assert.ok(success, new TextDecoder().decode(stderr));
      return words(new TextDecoder().decode(stdout));
    });
  } finally {
    nft.close();
    namespace.close();
  }
}

function words(text: string): string {
  return text.split(/\s+/).join(" ").trim();
}

function bits(key: number, mask: number): Expression[] {
  return [
    { type: "ct", key, register },
    { type: "bitwise", register, target: register, mask: u32(mask), xor: u32(0) },
    { type: "cmp", register, op: "!=", value: u32(0) },
  ];
}

function is(expression: BalanceExpression | Expression, value: Uint8Array): Expression[] {
  return [expression, { type: "cmp", register, op: "==", value }];
}

const tcp = is({ type: "meta", key: MetaKey.l4proto, register }, Uint8Array.of(Protocol.tcp));

/** Rules, and what nft calls them. */
const RULES: [Expression[], string][] = [
  [[...bits(CtKey.state, CtState.ESTABLISHED | CtState.RELATED), accept], "ct state established,related accept"],
  [[...bits(CtKey.status, CtStatus.DST_NAT), accept], "ct status dnat accept"],
  [[...is({ type: "ct", key: CtKey.direction, register }, Uint8Array.of(0)), accept], "ct direction original accept"],
  [
    is(
      { type: "ct", key: CtKey.destinationIp4, register, direction: "original" },
      Uint8Array.of(10, 0, 0, 1),
    ),
    "ct original ip daddr 10.0.0.1",
  ],
  [is({ type: "ct", key: CtKey.mark, register }, u32(7)), "ct mark 0x00000007"],
  [
    [{ type: "immediate", register, value: u32(7) }, { type: "ct-set", key: CtKey.mark, register }],
    "ct mark set 0x00000007",
  ],
  [
    [{ type: "immediate", register, value: u32(5) }, { type: "meta-set", key: MetaKey.mark, register }],
    "meta mark set 0x00000005",
  ],
  [
    is(
      { type: "fib", flags: FibFlag.DESTINATION, result: FibResult.addressType, register },
      u32(AddressType.local),
    ),
    "fib daddr type local",
  ],
  [[...tcp, { type: "reject", with: "tcp-reset", code: 0 }], "meta l4proto tcp reject with tcp reset"],
  [[{ type: "reject", with: "icmpx", code: IcmpxCode.adminProhibited }], "reject with icmpx admin-prohibited"],
  [[{ type: "count-on", counter: "c1" }], 'counter name "c1"'],
  [[{ type: "limit-times", limits: "lu" }], 'ct timeout set "lu"'],
  [
    [
      ...is({ type: "meta", key: MetaKey.nfproto, register }, Uint8Array.of(2)),
      { type: "payload", base: "network", offset: 12, length: 4, register },
      { type: "count-by", set: "cm", register },
    ],
    "counter name ip saddr map @cm",
  ],
  [[{ type: "verdict", verdict: "goto", chain: "sub" }], "goto sub"],
];

const l = { family: "inet", table: "l" } as const;

function table(): NetlinkRequest[] {
  return [
    addTable(l),
    addCounter({ ...l, counter: "c1" }, { packets: 5, bytes: 77 }),
    addTimeLimits({ ...l, limits: "lu" }, 6, { protocol: "udp", seconds: { unanswered: 31, answered: 181 } }),
    addSet({ ...l, set: "cm", key: NftKey.ipv4Address, flags: SetFlag.OBJECT }),
    ...addElements({ ...l, set: "cm" }, [{ key: Uint8Array.of(10, 0, 0, 1), counter: "c1" }]),
    addSet({ ...l, set: "cs", key: NftKey.ipv4Address, flags: 0, size: 8, counting: true }),
    ...addElements({ ...l, set: "cs" }, [{ key: Uint8Array.of(10, 0, 0, 2) }]),
    addChain({ ...l, chain: "sub" }),
    addChain({ ...l, chain: "f", hook: { at: "forward", type: "filter", priority: -5 } }),
    ...RULES.map(([expressions]) => addRule({ ...l, chain: "f", expressions })),
    addChain({ ...l, chain: "post", hook: { at: "postrouting", type: "nat", priority: 90 } }),
    addRule({ ...l, chain: "post", expressions: [{ type: "masquerade", flags: NatFlag.FULLY_RANDOM }] }),
  ];
}

privileged(
  "nft lists the expressions of a balancer in its own words, and the kernel gives back what was written",
  () => {
    withNft((nft, list) => {
      nft.commit(table());
      const listed = list();
      assert.equal(
        listed,
        words(`table inet l {
        counter c1 { packets 5 bytes 77 }
        ct timeout lu { protocol udp l3proto ip6 policy = { unreplied : 31, replied : 181 } }
        map cm { type ipv4_addr : counter elements = { 10.0.0.1 : "c1" } }
        set cs { type ipv4_addr size 8 counter elements = { 10.0.0.2 counter packets 0 bytes 0 } }
        chain sub { }
        chain f { type filter hook forward priority filter - 5; policy accept; ${
          RULES.map(([, text]) => text).join(" ")
        } }
        chain post { type nat hook postrouting priority srcnat - 10; policy accept; masquerade fully-random }
      }`),
      );
      const rules = nft.rules(l).filter((rule) => rule.chain === "f").map((rule) => rule.expressions);
      assert.deepEqual(rules, RULES.map(([expressions]) => expressions));
    });
  },
  { program: "nft" },
);

const target = (last: number): Service["slots"][number] => ({ ip: address(`10.0.0.${last}`), port: 80 + last });
const service: Service = {
  vip: address("10.9.9.9"),
  protocol: Protocol.tcp,
  port: 443,
  by: "source",
  slots: [target(1), target(2)],
};

privileged("nft lists maps of backends and verdicts, and the kernel gives back sets and elements", () => {
  withNft((nft, list) => {
    nft.commit(balance([service]));
    const listed = list();
    for (
      const part of [
        "map services4 { type ipv4_addr . inet_proto . inet_service : verdict elements = { 10.9.9.9 . tcp . 443 : goto 6-443-v4 } }",
        "map slots-6-443-v4 { type mark : ipv4_addr . inet_service size 1024 elements = { 0x00000000 : 10.0.0.1 . 81, 0x00000001 : 10.0.0.2 . 82 } }",
        "dnat ip to jhash @nh,96,32 mod 2 seed 0x7 map @slots-6-443-v4",
        "type nat hook prerouting priority dstnat - 10; policy accept;",
        "ip daddr . meta l4proto . th dport vmap @services4",
        "ip daddr . meta l4proto . tcp dport @known4 ct state invalid,new tcp flags != syn / fin,syn,rst,ack reject with tcp reset",
      ]
    ) assert.ok(listed.includes(part), `${part}\nis not in\n${listed}`);
    const sets = nft.sets(TABLE);
    const services = sets.find(({ set }) => set === "services4");
    assert.deepEqual(services?.data, NftKey.verdict);
    const slots = nft.elements({ ...TABLE, set: "slots-6-443-v4" });
    assert.deepEqual(slots.map(({ data }) => data?.[3]).sort(), [1, 2]);
    const [element] = nft.elements({ ...TABLE, set: "services4" });
    assert.deepEqual(element?.verdict, { verdict: "goto", chain: "6-443-v4" });
  });
}, { program: "nft" });

privileged("elements of maps are deleted by their keys, and replaced in one batch", () => {
  withNft((nft) => {
    nft.commit(balance([service]));
    const slots = { ...TABLE, set: `slots-${chainOf(service)}` };
    const [first, second] = slotElements([target(3), target(4)]);
    assert.ok(first && second);
    assert.throws(() => nft.commit(addElements(slots, [first])), { code: "EEXIST", op: "add element" }, "other data");
    nft.commit([...deleteElements(slots, [first.key]), ...addElements(slots, [first])]);
    nft.commit(deleteElements(slots, [second.key]));
    assert.deepEqual(nft.elements(slots), [{ ...first, expiresInMs: Infinity }]);
    const services = { ...TABLE, set: "services4" };
    nft.commit([
      ...deleteElements(services, [serviceKey(service)]),
      deleteRules({ ...TABLE, chain: chainOf(service) }),
    ]);
    assert.deepEqual(nft.elements(services), []);
  });
});

privileged("counters(): amounts and users; only an unused counter goes", () => {
  withNft((nft) => {
    assert.deepEqual(nft.counters(l), []);
    nft.commit(table());
    assert.deepEqual(nft.counters(l), [{ counter: "c1", packets: 5, bytes: 77, uses: 2 }]);
    const remove = deleteCounter({ ...l, counter: "c1" });
    assert.throws(() => nft.commit([remove]), { code: "EBUSY", op: "delete counter" });
    nft.commit([addCounter({ ...l, counter: "c2" }), deleteCounter({ ...l, counter: "c2" })]);
    nft.commit([deleteRules({ ...l, chain: "f" })]);
    assert.equal(nft.counters(l)[0]?.uses, 1);
    assert.deepEqual(nft.sets(l).find(({ set }) => set === "cs"), {
      ...l,
      set: "cs",
      key: NftKey.ipv4Address,
      flags: 0,
      size: 8,
      counting: true,
    });
    assert.deepEqual(nft.elements({ ...l, set: "cs" })[0]?.counted, { packets: 0, bytes: 0 });
    assert.equal(nft.elements({ ...l, set: "cm" })[0]?.counter, "c1");
  });
});
