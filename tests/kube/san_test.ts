import assert from "node:assert/strict";
import { isIpText, sanNames } from "../../mod/kube/san.ts";

Deno.test("Names and addresses of a certificate, addresses in canonical text", () => {
  const text = "DNS:kubernetes, DNS:*.example, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1";
  assert.deepEqual(sanNames(text), ["kubernetes", "*.example", "10.0.0.1", "fd00::1"]);
  assert.deepEqual(sanNames(""), []);
});

Deno.test("Entries that pretend to be several are left out", () => {
  assert.deepEqual(sanNames('DNS:"a, IP Address:10.0.0.1", DNS:b'), ["b"]);
  assert.deepEqual(sanNames('DNS:"a\\", IP Address:10.0.0.1", DNS:b'), ["b"]);
  assert.deepEqual(sanNames("URI:spiffe://x, email:a@b, IP Address:10.0.0.01, DNS:a b"), []);
});

Deno.test("An address is told from a name", () => {
  assert.deepEqual(["10.0.0.1", "fd00::1", "kubernetes", "1.2.3"].map(isIpText), [true, true, false, false]);
});
