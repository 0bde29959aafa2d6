import assert from "node:assert/strict";
import { MalformedLog } from "../../mod/bgp/malformed_log.ts";

function kit(): { malformed: MalformedLog; lines: [string, Record<string, unknown>][] } {
  const lines: [string, Record<string, unknown>][] = [];
  const at = (level: string) => (_: string, properties: object = {}): void =>
    void lines.push([level, { ...properties }]);
  return { malformed: new MalformedLog("192.0.2.254:179", { warning: at("warning"), debug: at("debug") }), lines };
}

const FAULT = { what: "attribute 1 is 9", spec: "RFC 7606 §7.1" };

Deno.test("a malformed UPDATE is told with the words of its faults, and its first 64 bytes at debug level", () => {
  const { malformed, lines } = kit();
  malformed.note(
    { faults: [FAULT, { what: "no next hop", spec: "RFC 7606 §3 d" }], bytes: Uint8Array.of(255, 0, 10) },
    0,
  );
  const peer = "192.0.2.254:179";
  assert.deepEqual(lines, [
    ["warning", { peer, faults: "attribute 1 is 9 (RFC 7606 §7.1); no next hop (RFC 7606 §3 d)", before: 0 }],
    ["debug", { peer, bytes: 3, hex: "ff000a" }],
  ]);
});

Deno.test("however large it is, what is told of it is short", () => {
  const { malformed, lines } = kit();
  malformed.note({ faults: Array(200).fill(FAULT), bytes: new Uint8Array(4096) }, 0);
  assert.match(String(lines[0]?.[1]["faults"]), /^(attribute 1 is 9 \(RFC 7606 §7\.1\); ){4}196 more$/);
  assert.equal(lines[1]?.[1]["hex"], `${"00".repeat(64)}…`);
});

Deno.test("one is told in a minute, with the number of those before it that were not", () => {
  const { malformed, lines } = kit();
  for (let now = 0; now <= 120_000; now += 10) malformed.note({ faults: [FAULT], bytes: Uint8Array.of(1) }, now);
  const told = lines.filter(([level]) => level === "warning").map(([, { before }]) => before);
  assert.deepEqual(told, [0, 5999, 5999]);
  assert.equal(lines.length, 6);
});
