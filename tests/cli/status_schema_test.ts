import assert from "node:assert/strict";
import { parseClusterStatus } from "../../mod/cli/status_schema.ts";
import { statusTable } from "../../mod/cli/status_table.ts";
import { BGP_PEER, CLUSTER, node } from "./status_fixture.ts";

Deno.test("what an agent says is read back as it was, through JSON, without fields that are not known", () => {
  const through: unknown = JSON.parse(JSON.stringify({ ...CLUSTER, future: 1 }));
  assert.deepEqual(parseClusterStatus(through), { outcome: "valid", status: CLUSTER });
});

Deno.test("what is no status is refused, naming the spot", () => {
  const rows: [unknown, RegExp][] = [
    [null, /^answer: /],
    [[], /^self: /],
    [{ self: "a" }, /^nodes: /],
    [{ self: 1, nodes: [] }, /^self: /],
    [{ ...CLUSTER, nodes: [{ outcome: "sleeping" }] }, /^outcome: /],
    [{ ...CLUSTER, nodes: [{ outcome: "unreachable", id: 3, heardMsAgo: null }] }, /^id: /],
  ];
  for (const [value, pattern] of rows) {
    const result = parseClusterStatus(value);
    assert.match(result.outcome === "invalid" ? result.why : "valid", pattern);
  }
});

Deno.test("a peer of another version is named, and the rest is shown", () => {
  const strange = [{ ...node("b"), role: "king" }, { ...node("b"), uptimeMs: Infinity }, { id: "b" }];
  for (const one of strange) {
    const nodes = [CLUSTER.nodes[0], { outcome: "answered", node: one }];
    const result = parseClusterStatus({ self: "a", nodes });
    const wanted = { self: "a", nodes: [CLUSTER.nodes[0], { outcome: "unreadable", id: "b" }] };
    assert.deepEqual(result, { outcome: "valid", status: wanted });
    assert.match(
      result.outcome === "valid" ? statusTable(result.status) : "",
      /^b +not understood \(another version\?\)/m,
    );
  }
});

Deno.test("a peer of an older version does not say what it cannot announce", () => {
  const { prefixesUnsent: _, ...older } = BGP_PEER;
  const told = { ...node("a"), routing: { bgp: [older], routes: [] } };
  const result = parseClusterStatus({ self: "a", nodes: [{ outcome: "answered", node: told }] });
  const expected = { ...told, routing: { bgp: [BGP_PEER], routes: [] } };
  assert.deepEqual(result, {
    outcome: "valid",
    status: { self: "a", nodes: [{ outcome: "answered", node: expected }] },
  });
});
