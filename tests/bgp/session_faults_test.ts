import assert from "node:assert/strict";
import { encodeMessage, encodeNotification, encodeRouteRefresh } from "../../mod/net/bgp/message.ts";
import { shutdownData } from "../../mod/net/bgp/notification.ts";
import { answer, cease, finish, KEEPALIVE, pair, routerOpen, upPair } from "./session_kit.ts";

/** A message with a byte changed. */
function changed(message: Uint8Array, at: number, value: number): Uint8Array {
  const copy = message.slice();
  copy[at] = value;
  return copy;
}

/** A message whose length field says something else. */
function withLength(message: Uint8Array, length: number): Uint8Array {
  return changed(changed(message, 16, length >> 8), 17, length & 0xff);
}

const END_OF_RIB = encodeMessage("update", [0, 0, 0, 0]);
/** An UPDATE whose withdrawn routes are longer than it is. */
const BROKEN_UPDATE = encodeMessage("update", [0, 99, 0, 0]);
const NO_DATA = new Uint8Array();

type Case = readonly [what: string, spec: string, bytes: Uint8Array, answer: string];

/** The same in every state with a BGP connection. */
const HEADERS: readonly Case[] = [
  ["a marker that is not all ones", "RFC 4271 §6.1", changed(KEEPALIVE, 3, 0), "1/1"],
  ["a length below 19", "RFC 4271 §6.1", withLength(KEEPALIVE, 18), "1/2 0,18"],
  ["a length above 4096", "RFC 4271 §6.1", withLength(KEEPALIVE, 4097), "1/2 16,1"],
  ["a KEEPALIVE with a body", "RFC 4271 §6.1", encodeMessage("keepalive", [0]), "1/2 0,20"],
  ["an OPEN that is too short", "RFC 4271 §6.1", withLength(routerOpen(), 28), "1/2 0,28"],
  ["an unknown type", "RFC 4271 §6.1", changed(KEEPALIVE, 18, 9), "1/3 9"],
];

const IN_OPEN_SENT: readonly Case[] = [
  ...HEADERS,
  ["a version that is not 4", "RFC 4271 §6.2", changed(routerOpen(), 19, 3), "2/1 0,4"],
  ["the AS of somebody else", "RFC 4271 §6.2", routerOpen({ as: 65009, capabilities: [] }), "2/2"],
  ["an identifier of 0.0.0.0", "RFC 4271 §6.2", routerOpen({ identifier: "0.0.0.0" }), "2/3"],
  ["an optional parameter that is unknown", "RFC 4271 §6.2", changed(routerOpen(), 29, 7), "2/4"],
  ["a hold time of two seconds", "RFC 4271 §6.2", routerOpen({ holdTimeS: 2 }), "2/6"],
  [
    "no common family",
    "RFC 5492 §5",
    routerOpen({ capabilities: [{ is: "multiprotocol", family: 6 }] }),
    "2/7 1,4,0,1,0,1",
  ],
  ["a KEEPALIVE", "RFC 6608 §3", KEEPALIVE, "5/1"],
  ["an UPDATE", "RFC 6608 §3", END_OF_RIB, "5/1"],
  ["a broken UPDATE", "RFC 6608 §3", BROKEN_UPDATE, "5/1"],
  ["a ROUTE-REFRESH", "RFC 6608 §3", encodeRouteRefresh(4, 0), "5/1"],
];

const IN_OPEN_CONFIRM: readonly Case[] = [
  ...HEADERS,
  ["a second OPEN", "RFC 6608 §3", routerOpen(), "5/2"],
  ["an UPDATE", "RFC 6608 §3", END_OF_RIB, "5/2"],
  ["a ROUTE-REFRESH", "RFC 6608 §3", encodeRouteRefresh(4, 0), "5/2"],
];

const IN_ESTABLISHED: readonly Case[] = [
  ...HEADERS,
  ["an OPEN", "RFC 6608 §3", routerOpen(), "5/3"],
  ["a broken OPEN", "RFC 6608 §3", changed(routerOpen(), 19, 3), "5/3"],
  ["an UPDATE that cannot be taken apart", "RFC 4271 §6.3, RFC 7606 §3 j", BROKEN_UPDATE, "3/1"],
  ["a ROUTE-REFRESH that is too long", "RFC 7313 §5", encodeMessage("route-refresh", [0, 1, 1, 1, 0]), "7/1"],
];

async function check([what, spec, bytes, wanted]: Case, before: readonly Uint8Array[]): Promise<void> {
  const both = pair();
  both.node.session.start();
  both.clock.advance(5);
  const { wire } = both.router;
  wire.say(...before);
  both.clock.advance(5);
  wire.say(bytes);
  both.clock.advance(5);
  const last = wire.heard.at(-1);
  assert(last?.is === "notification", `${what}: ${last?.is} instead of ${wanted}`);
  const data = last.code === 7 ? [] : [...last.data];
  assert.equal(`${last.code}/${last.subcode} ${data}`.trim(), wanted, `${what}, ${spec}`);
  assert.equal(wire.closed, "closed by the peer", what);
  const report = both.node.session.report();
  assert.notEqual(report.lastError, null, what);
  await finish(both);
}

Deno.test("what is wrong in OpenSent gets the NOTIFICATION of its section", async () => {
  for (const one of IN_OPEN_SENT) await check(one, []);
});

Deno.test("what is wrong in OpenConfirm gets the NOTIFICATION of its section", async () => {
  for (const one of IN_OPEN_CONFIRM) await check(one, [routerOpen()]);
});

Deno.test("what is wrong in Established gets the NOTIFICATION of its section", async () => {
  for (const one of IN_ESTABLISHED) await check(one, [routerOpen(), KEEPALIVE]);
});

Deno.test("a NOTIFICATION is never answered, not even a broken one, and its words are told", async () => {
  const text = shutdownData("maintenance until noon");
  const cases: readonly [Uint8Array, RegExp][] = [
    [cease(2, text), /^ended by the peer: Cease: administrative shutdown: maintenance until noon$/],
    [cease(2, Uint8Array.of(200, 65)), /^ended by the peer: Cease: administrative shutdown$/],
    [cease(99), /^ended by the peer: Cease: subcode 99$/],
    [encodeNotification({ is: "notification", code: 2, subcode: 1, data: NO_DATA }), /unsupported version number$/],
    [encodeNotification({ is: "notification", code: 77, subcode: 7, data: NO_DATA }), /^ended by the peer: Error 77/],
  ];
  for (const before of [[], [routerOpen()], [routerOpen(), KEEPALIVE]]) {
    for (const [bytes, words] of cases) {
      const both = pair();
      both.node.session.start();
      both.clock.advance(5);
      const { wire } = both.router;
      wire.say(...before, bytes);
      both.clock.advance(5);
      assert(!wire.kinds.some((kind) => kind.startsWith("notification")), wire.kinds.join());
      assert.equal(wire.closed, "closed by the peer");
      assert.match(both.node.session.report().lastError ?? "", words);
      await finish(both);
    }
  }
});

Deno.test("UPDATEs are told, with the faults that a session survives counted (RFC 7606 §2)", async () => {
  const both = upPair();
  const { node, router, clock } = both;
  router.wire.say(END_OF_RIB);
  // One prefix, and no attribute that belongs to it.
  router.wire.say(encodeMessage("update", [0, 0, 0, 0, 24, 203, 0, 113]));
  clock.advance(5);
  assert.deepEqual(node.told, ["established", "update of 0", "update of 1"]);
  assert.equal(node.session.report().malformedUpdates, 1);
  assert.equal(node.state, "established");
  await finish(both);
});

Deno.test("a refresh is asked for a family of the session, whole, or it is nobody's business (RFC 2918 §4, RFC 7313 §4)", async () => {
  const both = upPair();
  const { node, router, clock } = both;
  router.wire.say(encodeRouteRefresh(4, 1), encodeRouteRefresh(4, 2), encodeRouteRefresh(6, 0));
  router.wire.say(encodeMessage("route-refresh", [64, 4, 0, 71]));
  clock.advance(5);
  assert.deepEqual(node.told, ["established"]);
  router.wire.say(encodeRouteRefresh(4, 0));
  clock.advance(5);
  assert.deepEqual(node.told, ["established", "refresh of 4"]);
  await finish(both);
});

Deno.test("messages may come in any pieces", async () => {
  const both = pair();
  both.node.session.start();
  both.clock.advance(5);
  const { wire } = both.router;
  for (const byte of routerOpen()) {
    wire.say(Uint8Array.of(byte));
    both.clock.advance(1);
  }
  wire.say(KEEPALIVE.slice(0, 7));
  both.clock.advance(5);
  wire.say(KEEPALIVE.slice(7));
  both.clock.advance(5);
  assert.equal(both.node.state, "established");
  await finish(both);
});

Deno.test("an end without a word keeps the routes if both sides can restart gracefully, a NOTIFICATION does not", async () => {
  const restart = {
    is: "graceful-restart",
    restarting: false,
    notification: false,
    restartTimeS: 0,
    families: [],
  } as const;
  const able = routerOpen({ capabilities: [{ is: "four-octet-as", as: 65001 }, restart] });
  const cases: readonly [number | null, Uint8Array, boolean, "kept" | "dropped"][] = [
    [120_000, able, false, "kept"],
    [120_000, able, true, "dropped"],
    [120_000, routerOpen(), false, "dropped"],
    [null, able, false, "dropped"],
  ];
  for (const [gracefulRestartMs, open, isTold, routes] of cases) {
    const both = pair({ gracefulRestartMs });
    both.node.session.start();
    answer(both, open);
    if (isTold) both.router.wire.say(cease(4));
    else both.router.wire.connection.abort();
    both.clock.advance(5);
    assert.equal(both.node.ends[0]?.routes, routes);
    await finish(both);
  }
});
