import assert from "node:assert/strict";
import { negotiate, type Negotiation, type OpenFacts, ownOpen } from "../../mod/bgp/negotiation.ts";
import type { Negotiated } from "../../mod/bgp/types.ts";
import type { Capability, Family, OpenMessage } from "../../mod/net/bgp/types.ts";
import { decodeMessage, encodeOpen, MessageReader } from "../../mod/net/bgp/message.ts";

type Changes = Partial<Omit<OpenFacts, "peer">> & { readonly peer?: Partial<OpenFacts["peer"]> };

function facts(changes: Changes = {}): OpenFacts {
  return {
    as: 65000,
    routerId: "10.0.0.1",
    gracefulRestartMs: null,
    restarting: false,
    forwarding: true,
    localIp: "192.0.2.1",
    remoteIp: "192.0.2.254",
    ...changes,
    peer: { as: 65001, families: new Set<Family>([4]), holdTimeMs: 30_000, keepaliveMs: 10_000, ...changes.peer },
  };
}

const V6 = { localIp: "2001:db8::1", remoteIp: "2001:db8::2" };

function open(capabilities: readonly Capability[] = [], changes: Partial<OpenMessage> = {}): OpenMessage {
  const base = { is: "open", version: 4, as: 65001, holdTimeS: 90, identifier: "10.0.0.254" } as const;
  return { ...base, capabilities, ...changes };
}

function agreed(negotiation: Negotiation): Negotiated {
  if (negotiation.is === "refused") assert.fail(negotiation.why);
  return negotiation.negotiated;
}

function refusal(negotiation: Negotiation): string {
  if (negotiation.is === "agreed") return "agreed";
  const { code, subcode, data } = negotiation.notice;
  return `${code}/${subcode} ${[...data]}`.trim();
}

const RESTART: Capability = {
  is: "graceful-restart",
  restarting: false,
  notification: false,
  restartTimeS: 0,
  families: [],
};

Deno.test("the OPEN names families, refreshes, the AS number and graceful restart", () => {
  const both = facts({ peer: { families: new Set<Family>([6, 4]) } });
  assert.deepEqual(ownOpen(both), {
    is: "open",
    version: 4,
    as: 65000,
    holdTimeS: 30,
    identifier: "10.0.0.1",
    capabilities: [
      { is: "multiprotocol", family: 4 },
      { is: "multiprotocol", family: 6 },
      { is: "route-refresh" },
      { is: "enhanced-route-refresh" },
      { is: "four-octet-as", as: 65000 },
      RESTART,
    ],
  });
});

Deno.test("an AS number of four octets stands as AS_TRANS in the field of two (RFC 6793 §4.2.2)", () => {
  const { as, capabilities } = ownOpen(facts({ as: 4_200_000_000 }));
  assert.equal(as, 23456);
  assert.deepEqual(capabilities.find((one) => one.is === "four-octet-as"), { is: "four-octet-as", as: 4_200_000_000 });
});

Deno.test("IPv6 next hops for IPv4 routes are offered over IPv6 only (RFC 8950 §4)", () => {
  const offers = (changes: Changes): boolean =>
    ownOpen(facts(changes)).capabilities.some((one) => one.is === "extended-next-hop");
  assert.equal(offers({}), false);
  assert.equal(offers(V6), true);
  assert.equal(offers({ ...V6, peer: { families: new Set<Family>([6]) } }), false);
});

Deno.test("graceful restart has its time, its families with F, and R while this side restarts (RFC 4724 §3)", () => {
  const found = (changes: Changes): Capability | undefined =>
    ownOpen(facts(changes)).capabilities.find((one) => one.is === "graceful-restart");
  const families = [{ family: 4, forwarding: true }];
  const running = { ...RESTART, restartTimeS: 120, families };
  assert.deepEqual(found({ gracefulRestartMs: 119_500 }), running);
  assert.deepEqual(found({ gracefulRestartMs: 119_500, restarting: true }), { ...running, restarting: true });
  const booted = { ...running, restarting: true, families: [{ family: 4, forwarding: false }] };
  assert.deepEqual(found({ gracefulRestartMs: 119_500, restarting: true, forwarding: false }), booted);
  assert.deepEqual(found({ gracefulRestartMs: 1e9 }), { ...running, restartTimeS: 4095 });
  assert.deepEqual(found({ restarting: true }), RESTART);
});

Deno.test("every OPEN of ours can be read back", () => {
  for (const changes of [{}, V6, { gracefulRestartMs: 60_000 }, { as: 4_200_000_000 }]) {
    const sent = ownOpen(facts({ ...changes, peer: { families: new Set<Family>([4, 6]) } }));
    const reader = new MessageReader();
    reader.push(encodeOpen(sent));
    const raw = reader.next();
    assert(raw !== null);
    assert.deepEqual(decodeMessage(raw, null), sent);
  }
});

Deno.test("the real AS number is that of the capability (RFC 6793 §4.1)", () => {
  const capabilities: Capability[] = [{ is: "four-octet-as", as: 4_200_000_001 }];
  const negotiation = negotiate(facts({ peer: { as: 4_200_000_001 } }), open(capabilities, { as: 23456 }));
  assert.equal(agreed(negotiation).remoteAs, 4_200_000_001);
  assert.equal(negotiation.is === "agreed" && negotiation.traits.fourOctetAs, true);
});

Deno.test("an OPEN is refused with the subcode of its fault", () => {
  const multiprotocol6: Capability = { is: "multiprotocol", family: 6 };
  const vpn: Capability = { is: "other", code: 1, value: Uint8Array.of(0, 1, 0, 128) };
  const cases: readonly [string, Changes, OpenMessage, string][] = [
    ["another AS (RFC 4271 §6.2)", {}, open([], { as: 65002 }), "2/2"],
    ["another AS in the capability", {}, open([{ is: "four-octet-as", as: 65002 }]), "2/2"],
    ["AS_TRANS without its capability", { peer: { as: null } }, open([], { as: 23456 }), "2/2"],
    ["AS 0 (RFC 7607 §2)", { peer: { as: null } }, open([{ is: "four-octet-as", as: 0 }]), "2/2"],
    [
      "our identifier inside our AS (RFC 6286 §2.2)",
      { peer: { as: 65000 } },
      open([], { as: 65000, identifier: "10.0.0.1" }),
      "2/3",
    ],
    ["our identifier in another AS", {}, open([], { identifier: "10.0.0.1" }), "agreed"],
    ["only IPv6 where IPv4 is wanted (RFC 5492 §5)", {}, open([multiprotocol6]), "2/7 1,4,0,1,0,1"],
    ["only another family", {}, open([vpn]), "2/7 1,4,0,1,0,1"],
    [
      "nothing said, IPv4 is meant (RFC 4760 §8)",
      { peer: { families: new Set<Family>([6]) } },
      open(),
      "2/7 1,4,0,2,0,1",
    ],
    ["nothing said, IPv4 is wanted", {}, open(), "agreed"],
  ];
  for (const [what, changes, message, wanted] of cases) {
    assert.equal(refusal(negotiate(facts(changes), message)), wanted, what);
  }
});

Deno.test("a peer whose AS is not configured may be of any, and is external if it is another", () => {
  const any = { peer: { as: null } };
  assert.equal(agreed(negotiate(facts(any), open())).isExternal, true);
  assert.equal(agreed(negotiate(facts(any), open([], { as: 65000 }))).isExternal, false);
});

Deno.test("the shorter hold time counts, and keepalives are a third of it at most (RFC 4271 §4.2, §4.4)", () => {
  const cases: readonly [number, number, number, number, number][] = [
    // ours, keepalive, theirs → hold, keepalive
    [30_000, 10_000, 90, 30_000, 10_000],
    [30_000, 10_000, 9, 9000, 3000],
    [90_000, 5000, 60, 60_000, 5000],
    [90_000, 0, 60, 60_000, 20_000],
    [30_000, 10_000, 0, 0, 0],
    [0, 10_000, 90, 0, 0],
  ];
  for (const [holdTimeMs, keepaliveMs, holdTimeS, hold, keepalive] of cases) {
    const result = agreed(negotiate(facts({ peer: { holdTimeMs, keepaliveMs } }), open([], { holdTimeS })));
    assert.deepEqual([result.holdTimeMs, result.keepaliveMs], [hold, keepalive], `${holdTimeMs} with ${holdTimeS}`);
  }
});

Deno.test("what both can do is used, and only that", () => {
  const families = new Set<Family>([4, 6]);
  const capabilities: Capability[] = [
    { is: "multiprotocol", family: 6 },
    { is: "multiprotocol", family: 4 },
    { is: "route-refresh" },
    { is: "enhanced-route-refresh" },
    { is: "four-octet-as", as: 65001 },
    { is: "extended-next-hop", pairs: [{ family: 4, nextHopFamily: 6 }] },
    { ...RESTART, restarting: true, restartTimeS: 120, families: [{ family: 4, forwarding: false }] },
  ];
  const all = agreed(negotiate(facts({ ...V6, peer: { families } }), open(capabilities)));
  assert.deepEqual([...all.families], [4, 6]);
  assert.deepEqual([all.extendedNextHop, all.routeRefresh, all.enhancedRouteRefresh, all.fourOctetAs], [
    true,
    true,
    true,
    true,
  ]);
  assert.deepEqual(all.gracefulRestart, { restarting: true, restartTimeMs: 120_000, families: new Set([4]) });
  const over4 = agreed(negotiate(facts({ peer: { families } }), open(capabilities)));
  assert.equal(over4.extendedNextHop, false);
  const plain = agreed(negotiate(facts({ ...V6, peer: { families } }), open()));
  assert.deepEqual([...plain.families], [4]);
  assert.deepEqual([plain.extendedNextHop, plain.routeRefresh, plain.fourOctetAs, plain.gracefulRestart], [
    false,
    false,
    false,
    null,
  ]);
});
