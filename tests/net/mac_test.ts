import assert from "node:assert/strict";
import { formatMac, parseMac } from "../../mod/net/mac.ts";

Deno.test("a hardware address is read in either case and written in lower case", () => {
  for (const text of ["aa:bb:cc:dd:ee:ff", "AA:BB:cc:DD:ee:FF"]) {
    const mac = parseMac(text);
    assert(mac !== null);
    assert.equal(mac.toHex(), "aabbccddeeff");
    assert.equal(formatMac(mac), "aa:bb:cc:dd:ee:ff");
  }
  assert.equal(formatMac(Uint8Array.of(0, 1, 2, 3, 4, 5)), "00:01:02:03:04:05");
});

Deno.test("anything but six colon-joined pairs is refused", () => {
  const refused = ["", "aabbccddeeff", "aa:bb:cc:dd:ee", "aa:bb:cc:dd:ee:ff:00", "a:b:c:d:e:f", "aa-bb-cc-dd-ee-ff"];
  refused.push(
    "ag:bb:cc:dd:ee:ff",
    " aa:bb:cc:dd:ee:ff",
    "aa:bb:cc:dd:ee:ff\n",
    "aa:bb:cc:dd:ee:0ff",
    "aa::cc:dd:ee:ff:",
  );
  for (const text of refused) assert.equal(parseMac(text), null, JSON.stringify(text));
});

Deno.test("only six bytes can be written as a hardware address", () => {
  for (const size of [0, 5, 7]) assert.throws(() => formatMac(new Uint8Array(size)), { name: "AssertionError" });
});
