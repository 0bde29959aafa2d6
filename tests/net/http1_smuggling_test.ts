import assert from "node:assert/strict";
import { ResponseHeadParser } from "../../mod/net/http1.ts";
import { latin1Text, refusalStatus } from "../../mod/net/http1_fields.ts";
import { latin1Bytes } from "./http1_cases.ts";
import { forwardedBytes, type Reading, READING_LIMITS, readRequest } from "./http1_reading.ts";
import { SMUGGLING_CASES } from "./http1_smuggling_cases.ts";
import { BACKEND_HOST, CLIENT_IP, type SmugglingCase } from "./http1_smuggling_kit.ts";
import { RESPONSE_CASES } from "./http1_smuggling_responses.ts";

const ALL = Object.values(SMUGGLING_CASES).flat();

/** Of long inputs a hundred places to cut, of the others each. */
function places(length: number): number[] {
  const step = length > 1000 ? Math.floor(length / 100) : 1;
  return Array.from({ length: Math.floor((length - 1) / step) }, (_unused, n) => (n + 1) * step);
}

function said({ must }: SmugglingCase, reading: Reading, bytes: Uint8Array): string {
  if (reading.outcome === "incomplete") return "incomplete";
  if (reading.outcome === "refused") {
    const isMeant = must.outcome === "refused" && refusalStatus(reading.reason) === must.status;
    return isMeant ? "as it must be" : `refused as ${reading.reason}`;
  }
  const head = latin1Text(forwardedBytes(reading.head, { clientIp: CLIENT_IP, backendHost: BACKEND_HOST }));
  const content = latin1Text(bytes.subarray(reading.headBytes, reading.lengthBytes));
  const isMeant = must.outcome === "passed" && head === must.head && content === must.content;
  return isMeant && reading.lengthBytes === bytes.length ? "as it must be" : `passed as ${head}${content}`;
}

for (const [about, cases] of Object.entries(SMUGGLING_CASES)) {
  Deno.test(`published cases about ${about} end as they must, however the bytes are cut`, () => {
    for (const one of cases) {
      const what = `${one.source}: ${one.name}`;
      const bytes = latin1Bytes(one.bytes);
      const whole = readRequest(bytes);
      assert.equal(said(one, whole, bytes), "as it must be", what);
      const cuts = places(bytes.length);
      for (const cut of cuts) assert.deepEqual(readRequest(bytes, [cut]), whole, `${what}, cut at ${cut}`);
      if (bytes.length <= 1000) assert.deepEqual(readRequest(bytes, cuts), whole, `${what}, byte by byte`);
    }
  });
}

Deno.test("published answers are read alike, however the bytes are cut", () => {
  const outcomes = new Set<string>();
  for (const { source, name, method, bytes: text } of RESPONSE_CASES) {
    const bytes = latin1Bytes(text);
    const whole = new ResponseHeadParser(READING_LIMITS, method).next(bytes);
    outcomes.add(whole.outcome);
    for (const cut of places(bytes.length)) {
      const parser = new ResponseHeadParser(READING_LIMITS, method);
      const first = parser.next(bytes.subarray(0, cut));
      const last = first.outcome === "incomplete" ? parser.next(bytes) : first;
      assert.deepEqual(last, whole, `${source}: ${name}, cut at ${cut}`);
    }
  }
  assert.deepEqual([...outcomes].sort(), ["complete", "refused"]);
});

Deno.test("the table is what it says: every case once, of many sources, both refused and passed", () => {
  assert.ok(ALL.length > 800, `${ALL.length} cases`);
  assert.equal(new Set(ALL.map(({ source, name }) => `${source}: ${name}`)).size, ALL.length, "none twice");
  assert.ok(new Set(ALL.map(({ source }) => source)).size >= 40);
  assert.ok(ALL.filter(({ must }) => must.outcome === "passed").length >= 30);
  const statuses = new Set(ALL.map(({ must }) => must.outcome === "refused" ? must.status : 0));
  assert.deepEqual([...statuses].sort((a, b) => a - b), [0, 400, 414, 417, 431, 501, 505]);
});
