import assert from "node:assert/strict";
import { field } from "../../mod/net/http1_fields.ts";
import type { Framing } from "../../mod/net/http1_framing.ts";
import { checkRules, forwardsLeft } from "../../mod/net/http1_rules.ts";

const NONE: Framing = { kind: "none" };
const FIVE: Framing = { kind: "length", bytes: 5 };

Deno.test("what a request may ask of a proxy, and what not", () => {
  const rows: [string, 0 | 1, [string, string][], Framing, string][] = [
    ["POST", 1, [["Expect", "100-continue"]], FIVE, "passes"],
    ["POST", 1, [["Expect", "100-Continue"]], FIVE, "passes"],
    ["POST", 1, [["Expect", "y 100-continue"]], FIVE, "bad-expectation"],
    ["POST", 1, [["Expect", ""]], FIVE, "bad-expectation"],
    ["POST", 1, [["Expect", "100-continue, 100-continue"]], FIVE, "bad-expectation"],
    ["POST", 1, [["Expect", "100-continue"], ["Expect", "100-continue"]], FIVE, "bad-expectation"],
    ["POST", 0, [["Expect", "y"]], FIVE, "passes"],
    ["TRACE", 1, [], NONE, "passes"],
    ["TRACE", 1, [], { kind: "length", bytes: 0 }, "passes"],
    ["TRACE", 1, [], FIVE, "content-in-trace"],
    ["TRACE", 1, [], { kind: "chunked" }, "content-in-trace"],
    ["TRACE", 1, [["Max-Forwards", "0"]], NONE, "no-forwards-left"],
    ["OPTIONS", 1, [["Max-Forwards", "0"]], NONE, "no-forwards-left"],
    ["OPTIONS", 1, [["Max-Forwards", "1"]], NONE, "passes"],
    ["OPTIONS", 1, [["Max-Forwards", "-1"]], NONE, "bad-max-forwards"],
    ["OPTIONS", 1, [["Max-Forwards", "1"], ["Max-Forwards", "1"]], NONE, "bad-max-forwards"],
    ["GET", 1, [["Max-Forwards", "0"]], NONE, "passes"],
  ];
  for (const [method, minorVersion, pairs, framing, expected] of rows) {
    const fields = pairs.map(([name, value]) => field(name, value));
    const found = checkRules({ method, minorVersion, fields, framing });
    assert.equal(found?.reason ?? "passes", expected, JSON.stringify([method, minorVersion, pairs, framing]));
  }
});

Deno.test("hops are counted for OPTIONS and TRACE alone", () => {
  const seven = [field("Max-Forwards", "7")];
  assert.equal(forwardsLeft("TRACE", seven), 7);
  assert.equal(forwardsLeft("OPTIONS", seven), 7);
  assert.equal(forwardsLeft("GET", seven), null);
  assert.equal(forwardsLeft("TRACE", []), null);
});
