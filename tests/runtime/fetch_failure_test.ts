import assert from "node:assert/strict";
import { fetchFailure, isTlsFailure } from "../../mod/runtime/fetch_failure.ts";

Deno.test("The cause is what is inside the layers of fetch", () => {
  const wrapped =
    "error sending request for url (https://10.0.0.1:6443/api?x=1): client error (Connect): tcp connect error: " +
    "Connection refused (os error 111)";
  assert.equal(fetchFailure(new TypeError(wrapped)), "tcp connect error: Connection refused (os error 111)");
  const sent =
    "error sending request from 127.0.0.1:1 for http://127.0.0.1:2/ (127.0.0.1:2): client error (SendRequest): " +
    "connection closed before message completed";
  assert.equal(fetchFailure(new TypeError(sent)), "connection closed before message completed");
  assert.equal(fetchFailure(new Error("Gave up")), "Gave up");
  assert.equal(fetchFailure("text"), "text");
});

Deno.test("Failures of TLS are told from those of the network", () => {
  const tls = [
    "invalid peer certificate: UnknownIssuer",
    "connection error: received fatal alert: CertificateExpired",
    "tls handshake eof",
  ];
  for (const message of tls) assert.ok(isTlsFailure(new Error(message)), message);
  for (const message of ["tcp connect error: Connection refused", "connection closed before message completed"]) {
    assert.ok(!isTlsFailure(new Error(message)), message);
  }
  assert.ok(!isTlsFailure("certificate"));
});

Deno.test("a reason that is kept as the cause is found as well, and no URL comes along", () => {
  const cause = new Error(
    "error sending request for url (https://u:p@h/?t=1): client error (Connect): invalid peer certificate: UnknownIssuer",
  );
  const wrapped = new TypeError("fetch failed", { cause });
  assert.equal(fetchFailure(wrapped), "invalid peer certificate: UnknownIssuer");
  assert.equal(isTlsFailure(wrapped), true);
  assert.equal(fetchFailure(new TypeError("no way to https://u:p@h/?t=1 from here")), "no way to … from here");
});
