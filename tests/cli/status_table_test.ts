import assert from "node:assert/strict";
import { span, statusTable } from "../../mod/cli/status_table.ts";
import type { VipStatus } from "../../mod/observe/status_types.ts";
import { BGP_PEER, CLUSTER, node } from "./status_fixture.ts";

const TABLE = `NODE      ROLE         TERM  LEADER  LEADS FOR  HEARD     UP FOR  VERSION
a (this)  leader       4     a       1m5s       -         2m10s   v1.2.3
b         follower     4     a       1m5s       12ms ago  2m10s   v1.2.3
c         unreachable  -     -       -          7.2s ago  -       -

VIP       HOLDER  FOR   VALID FOR  CONFLICT
10.0.0.9  a       1m4s  180ms      -

BALANCER  TYPE  ENGINE  NODE  LISTENS ON   CONNECTIONS  BACKENDS UP
web       tcp   listen  a     10.0.0.9:80  2 (40 ever)  1 of 2

BALANCER  NODE  BACKEND      STATE  CONNECTIONS  BYTES  FAILURES  WHY
web       a     10.0.0.5:80  up     2 (30 ever)  -      0         -
web       a     10.0.0.6:80  down   0 (10 ever)  -      7         connection refused
`;

Deno.test("the table shows nodes, addresses, balancers and backends", () => {
  assert.equal(statusTable(CLUSTER), TABLE);
});

Deno.test("BGP peers and routes of the kernel are tables of their own, with the last error in words", () => {
  const lost = {
    ...BGP_PEER,
    name: "eth1",
    state: "active" as const,
    stateForMs: 900,
    remoteAs: null,
    lastError: "connection refused",
    lastErrorMsAgo: 400,
    prefixesSent: 0,
    prefixesUnsent: 0,
    prefixesRefused: 0,
    bfd: null,
  };
  const routing = {
    bgp: [BGP_PEER, lost, { ...BGP_PEER, name: "eth2", prefixesSent: 1, prefixesUnsent: 1, prefixesRefused: 0 }],
    routes: [{ ip: "10.0.0.9", state: "refused" as const, why: "the link is down" }],
  };
  const only = node("b", { routing, balancers: [] });
  const text = statusTable({ self: "b", nodes: [{ outcome: "answered", node: only }] });
  assert.ok(
    text.endsWith(`
BGP PEER         NODE  AS     STATE        FOR    SENT    REFUSED  BFD  LAST ERROR
192.168.0.1:179  b     65001  established  1m1s   2       100000   up   -
eth1             b     -      active       900ms  0       0        -    connection refused (400ms ago)
eth2             b     65001  established  1m1s   1 of 2  0        up   -

ROUTE     NODE  STATE    WHY
10.0.0.9  b     refused  the link is down
`),
    text,
  );
});

/** The row of the address when the nodes see it so. */
function vipRow(...views: Partial<VipStatus>[]): string {
  const blank: VipStatus = {
    ip: "10.0.0.9",
    holder: null,
    heldHere: false,
    sinceMs: null,
    validForMs: null,
    conflict: null,
    conflictsSeen: 0,
  };
  const nodes = views.map((view, i) => {
    return {
      outcome: "answered" as const,
      node: node("abc"[i] ?? "", { balancers: [], vips: [{ ...blank, ...view }] }),
    };
  });
  return statusTable({ self: "a", nodes }).split("\n\n")[1]?.split("\n")[1]?.replace(/ {2,}/g, " | ") ?? "";
}

Deno.test("an address nobody holds, one held by a silent member, and one held twice look different", () => {
  assert.equal(vipRow({}, {}), "10.0.0.9 | nobody | - | - | -");
  assert.equal(vipRow({ holder: "c", sinceMs: 10 }, { holder: "c" }), "10.0.0.9 | c (not confirmed) | 10ms | - | -");
  assert.equal(vipRow({ holder: "b" }, { holder: "b", heldHere: true, sinceMs: 5 }), "10.0.0.9 | b | 5ms | - | -");
  assert.equal(
    vipRow({ heldHere: true }, { heldHere: true, conflict: "02:00 claims it", conflictsSeen: 3 }),
    "10.0.0.9 | a, b | - | - | several members say they hold it; b: 02:00 claims it; 3 claims of other machines…",
  );
});

Deno.test("a peer with another secret is named so, and what peers say cannot move the cursor", () => {
  const peers = [{ id: "c", heardMsAgo: null, state: "rejected" as const }];
  const text = statusTable({
    self: "a",
    nodes: [
      { outcome: "answered", node: node("a", { peers, leader: "\x1b[31mx" }) },
      { outcome: "unreachable", id: "c", heardMsAgo: null },
    ],
  });
  assert.match(text, /^c +rejected \(another secret\?\) .* never /m);
  assert.ok(!text.includes("\x1b"));
});

Deno.test("durations have two units at most", () => {
  const rows: [number | null, string][] = [
    [null, "-"],
    [-5, "0ms"],
    [180.4, "180ms"],
    [999, "999ms"],
    [12_345, "12.3s"],
    [59_990, "59.9s"],
    [130_000, "2m10s"],
    [3_600_000 * 3 + 300_000, "3h5m"],
    [86_400_000 * 12, "12d0h"],
  ];
  for (const [ms, text] of rows) assert.equal(span(ms), text);
});
