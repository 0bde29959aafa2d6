import assert from "node:assert/strict";
import { causeOf, isTlsFailure, KubeConfigError } from "../../mod/kube/errors.ts";

Deno.test("The cause is what is inside the layers of fetch", () => {
  const wrapped =
    "error sending request for url (https://10.0.0.1:6443/api?x=1): client error (Connect): tcp connect error: " +
    "Connection refused (os error 111)";
  assert.equal(causeOf(new TypeError(wrapped)), "tcp connect error: Connection refused (os error 111)");
  const sent =
    "error sending request from 127.0.0.1:1 for http://127.0.0.1:2/ (127.0.0.1:2): client error (SendRequest): " +
    "connection closed before message completed";
  assert.equal(causeOf(new TypeError(sent)), "connection closed before message completed");
  assert.equal(causeOf(new Error("Gave up")), "Gave up");
  assert.equal(causeOf("text"), "text");
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

Deno.test("An error of the configuration says what was tried with what", () => {
  const error = new KubeConfigError("read", "/token", "there is no such file");
  assert.equal(error.message, 'Cannot read "/token": there is no such file');
});
