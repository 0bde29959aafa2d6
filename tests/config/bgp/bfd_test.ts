import assert from "node:assert/strict";
import { bfdOf } from "../../../mod/config/bgp/bfd.ts";

Deno.test("small numbers are milliseconds, from 10,000 on microseconds, each for itself", () => {
  const rows: [string, [rx: number, tx: number, multiplier: number], string][] = [
    ["true;300;300;3", [300, 300, 3], "receive 300 milliseconds, transmit 300 milliseconds"],
    ["true;10;9999;1", [10, 9999, 1], "receive 10 milliseconds, transmit 9999 milliseconds"],
    ["true;10000;300000;255", [10, 300, 255], "receive 10000 microseconds, transmit 300000 microseconds"],
    ["true;50;50500;5", [50, 50.5, 5], "receive 50 milliseconds, transmit 50500 microseconds"],
  ];
  for (const [text, [requiredRxMs, desiredTxMs, multiplier], units] of rows) {
    assert.deepEqual(bfdOf(text), { outcome: "on", config: { requiredRxMs, desiredTxMs, multiplier }, units }, text);
  }
});

Deno.test("what is off is not judged, and what would flood or never fail is refused", () => {
  for (const text of ["", "false;300;300;3", "false;0;0;0"]) assert.deepEqual(bfdOf(text), { outcome: "off" });
  const rows: [string, RegExp][] = [
    ["true;9;300;3", /^BFD configuration error: an interval is 9 ms; must be at least 10 ms/],
    ["true;300;0;3", /an interval is 0 ms/],
    ["true;300;300;0", /the multiplier is 0; must be a number from 1 to 255/],
    ["true;300;300;256", /the multiplier is 256/],
  ];
  for (const [text, pattern] of rows) {
    const result = bfdOf(text);
    assert.match(result.outcome === "invalid" ? result.what : "", pattern, text);
  }
});
