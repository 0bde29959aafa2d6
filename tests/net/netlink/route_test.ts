import assert from "node:assert/strict";
import { WireError } from "../../../mod/net/errors.ts";
import { concat } from "../../../mod/net/netlink/bytes.ts";
import { MessageFlag } from "../../../mod/net/netlink/message.ts";
import {
  createRoute,
  decodeRoute,
  deleteRoute,
  dumpRoutes,
  putRoute,
  type Route,
  RouteProtocol,
  RouteTable,
  RouteType,
} from "../../../mod/net/netlink/route.ts";
import { RouteMessage, Scope } from "../../../mod/net/netlink/rtnetlink.ts";
import { fuzz } from "../wire_fuzz.ts";
import { bytes, echo, ip, message } from "./fixtures.ts";

/** Answers of Linux 6.18 to a dump. */
const DEFAULT = "02000000fe040001 00000000 08000f00 fe000000 08000600 64000000 08000500 0a0100fe 08000400 03000000";
/** `default nexthop via 10.1.0.254 dev #3 nexthop via 10.2.0.254 dev #4`. */
const TWO_WAYS = `02000000fe030001 00000000 08000f00 fe000000 24000900 10000000 03000000 08000500 0a0100fe
  10000000 04000000 08000500 0a0200fe`;
const CONNECTED = "02180000fe02fd01 00000000 08000f00 fe000000 08000100 0a010000 08000700 0a010001 08000400 03000000";
const MANY_TABLES = `0a400000fc4d0001 00000000 08000f00 e8030000 14000100 fd770000000000000000000000000000
  08000600 00040000 08000400 03000000 24000c00 0000000000000000000000000000000000000000000000000000000000000000
  05001400 00000000`;

/** `10.98.0.200/32 table 198 proto 248 scope global realm 2`. */
const WITH_REALM = "02200000c6f80001 00000000 08000f00 c6000000 08000100 0a6200c8 08000400 03000000 08000b00 02000000";

const defaultRoute: Route = {
  family: 4,
  destination: null,
  prefixLength: 0,
  gateway: "10.1.0.254",
  linkIndex: 3,
  table: RouteTable.MAIN,
  protocol: RouteProtocol.STATIC,
  type: RouteType.UNICAST,
  scope: Scope.UNIVERSE,
  metric: 100,
  source: null,
  realm: 0,
};
const ANSWERS: [string, Route][] = [
  [DEFAULT, defaultRoute],
  [TWO_WAYS, { ...defaultRoute, gateway: null, protocol: RouteProtocol.BOOT, metric: 0 }],
  [CONNECTED, {
    ...defaultRoute,
    destination: "10.1.0.0",
    prefixLength: 24,
    gateway: null,
    protocol: RouteProtocol.KERNEL,
    scope: Scope.LINK,
    metric: 0,
    source: "10.1.0.1",
  }],
  [MANY_TABLES, {
    ...defaultRoute,
    family: 6,
    destination: "fd77::",
    prefixLength: 64,
    gateway: null,
    protocol: 77,
    table: 1000,
    metric: 1024,
  }],
  [WITH_REALM, {
    ...defaultRoute,
    destination: "10.98.0.200",
    prefixLength: 32,
    gateway: null,
    table: 198,
    protocol: 248,
    metric: 0,
    realm: 2,
  }],
];

Deno.test("what the kernel answers is read", () => {
  for (const [digits, wanted] of ANSWERS) {
    assert.deepEqual(decodeRoute(message(RouteMessage.NEWROUTE, bytes(digits))), wanted);
  }
});

Deno.test("putRoute() writes a default route", () => {
  const request = putRoute({ destination: null, gateway: ip("10.1.0.254"), linkIndex: 3 });
  assert.equal(request.subject, "default via 10.1.0.254");
  assert.equal(request.flags, MessageFlag.CREATE | MessageFlag.REPLACE);
  const wanted = "02000000fe040001 00000000 08000500 0a0100fe 08000400 03000000 08000f00 fe000000";
  assert.deepEqual(request.payload, bytes(wanted));
});

Deno.test("deleteRoute() matches only what is named", () => {
  const { type, payload } = deleteRoute({ destination: ip("10.1.0.0"), prefixLength: 24 });
  assert.equal(type, RouteMessage.DELROUTE);
  assert.deepEqual(payload, bytes("02180000fe00ff00 00000000 08000100 0a010000 08000f00 fe000000"));
});

Deno.test("what putRoute() writes decodeRoute() reads", () => {
  const given = { metric: 5, linkIndex: 3, table: 1000, protocol: 77 };
  const routes = [
    { destination: ip("10.98.0.200"), source: ip("10.1.0.1"), ...given },
    { destination: ip("fd77::"), prefixLength: 64, gateway: ip("fe80::1"), ...given },
    { destination: null, family: 6, ...given },
    { destination: ip("10.98.0.200"), type: RouteType.LOCAL, ...given },
  ] as const;
  const found = routes.map((route) => decodeRoute(echo(putRoute(route))));
  assert.deepEqual(found.map((route) => [route?.family, route?.destination, route?.prefixLength, route?.gateway]), [
    [4, "10.98.0.200", 32, null],
    [6, "fd77::", 64, "fe80::1"],
    [6, null, 0, null],
    [4, "10.98.0.200", 32, null],
  ]);
  for (const route of found) {
    assert.deepEqual([route?.metric, route?.linkIndex, route?.table, route?.protocol], [5, 3, 1000, 77]);
  }
  assert.deepEqual(found.map((route) => route?.scope), [Scope.LINK, Scope.UNIVERSE, Scope.LINK, Scope.HOST]);
  assert.equal(found[0]?.source, "10.1.0.1");
});

Deno.test("dumpRoutes() asks for everything, or for one table", () => {
  assert.deepEqual(dumpRoutes().payload, new Uint8Array(12));
  const { subject, payload } = dumpRoutes({ table: 1000 });
  assert.equal(subject, "of table 1000");
  assert.deepEqual(payload, bytes("00000000 00000000 00000000 08000f00 e8030000"));
});

Deno.test("createRoute() takes no place that is taken, with the scope and realm that are named", () => {
  const host = { destination: ip("10.98.0.200"), linkIndex: 3, table: 198, protocol: 248 };
  const request = createRoute({ ...host, scope: Scope.UNIVERSE, realm: 2 });
  assert.equal(request.flags, MessageFlag.CREATE | MessageFlag.EXCLUSIVE);
  const wanted = "02200000c6f80001 00000000 08000100 0a6200c8 08000400 03000000 08000b00 02000000 08000f00 c6000000";
  assert.deepEqual(request.payload, bytes(wanted));
  assert.deepEqual(decodeRoute(echo(request)), decodeRoute(message(RouteMessage.NEWROUTE, bytes(WITH_REALM))));
  assert.deepEqual(putRoute({ ...host, scope: Scope.UNIVERSE, realm: 2 }).payload, request.payload);
});

Deno.test("cache entries and other families are left alone, malformed routes refused", () => {
  assert.equal(decodeRoute(message(RouteMessage.NEWROUTE, bytes("02200000fe000001 00020000"))), null);
  assert.equal(decodeRoute(message(RouteMessage.NEWROUTE, bytes("80200000fe000001 00000000"))), null);
  for (
    const digits of [
      "",
      "02200000fe000001",
      "02200000fe000001 00000000 06000100 0a01 0000",
      "0a200000fe000001 00000000 08000100 0a010000",
    ]
  ) {
    assert.throws(() => decodeRoute(message(RouteMessage.NEWROUTE, bytes(digits))), WireError, digits);
  }
});

Deno.test("decodeRoute() survives whatever comes", () => {
  const decode = (input: Uint8Array): Uint8Array => {
    decodeRoute(message(RouteMessage.NEWROUTE, input));
    return concat([input]);
  };
  fuzz({ decode, encode: (input) => input, samples: [DEFAULT, CONNECTED, MANY_TABLES, WITH_REALM].map(bytes) });
});
