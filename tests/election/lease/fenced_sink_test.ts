import assert from "node:assert/strict";
import { FencedSink } from "../../../mod/election/lease/fenced_sink.ts";

function fenced(): { lines: string[]; sink: FencedSink; fence: { open: boolean } } {
  const lines: string[] = [];
  const fence = { open: true };
  const inner = {
    granted: (grants: readonly { scope: string }[]): void =>
      void lines.push(`granted ${grants.map((each) => each.scope)}`),
    revoked: (scopes: readonly string[], reason: string): void => void lines.push(`revoked ${scopes} ${reason}`),
  };
  return { lines, fence, sink: new FencedSink(inner, () => fence.open) };
}

const GRANT = { scope: "a", epoch: 1, validUntil: 10 };

Deno.test("grants pass while the fence is open, and end when it closes", () => {
  const { lines, sink, fence } = fenced();
  sink.granted([GRANT]);
  fence.open = false;
  sink.closed();
  sink.closed();
  sink.granted([GRANT]);
  fence.open = true;
  sink.granted([GRANT]);
  sink.revoked(["a", "b"], "stopping");
  assert.deepEqual(lines, ["granted a", "revoked a lease-lost", "granted a", "revoked a stopping"]);
});

Deno.test("a grant that comes through a fence nobody has seen close ends what was given", () => {
  const { lines, sink, fence } = fenced();
  sink.granted([GRANT]);
  fence.open = false;
  sink.granted([GRANT]);
  assert.deepEqual(lines, ["granted a", "revoked a lease-lost"]);
});

Deno.test("an end is told only for what was given", () => {
  const { lines, sink, fence } = fenced();
  fence.open = false;
  sink.granted([GRANT]);
  sink.revoked(["a"], "deposed");
  assert.deepEqual(lines, []);
});
