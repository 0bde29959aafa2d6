import assert from "node:assert/strict";
import { tlsFault } from "../../../mod/balance/tls/tls_fault.ts";

const NOT_ACCEPTED = "the backend's certificate is not accepted";

/** What the runtime says (2.7.14 and 2.9.6), what is logged, what a client is told. */
const ROWS: readonly (readonly [string, string, string])[] = [
  [
    'invalid peer certificate: certificate not valid for name "b.example"; certificate is only valid for ' +
    'DnsName("a.example"), DnsName("localhost") or IpAddress(127.0.0.1)',
    "certificate is not for b.example: it is for a.example, localhost or 127.0.0.1",
    NOT_ACCEPTED,
  ],
  [
    "invalid peer certificate: UnknownIssuer",
    "certificate of b.example is not from an issuer that is trusted",
    NOT_ACCEPTED,
  ],
  [
    "invalid peer certificate: certificate expired: verification time 1700000000 (UNIX), but certificate is not valid " +
    "after 1699990000 (10000 seconds ago)",
    "certificate of b.example has expired",
    NOT_ACCEPTED,
  ],
  [
    "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
    "certificate of b.example is not accepted: Other(OtherError(CaUsedAsEndEntity))",
    NOT_ACCEPTED,
  ],
  [
    "received fatal alert: CertificateRequired",
    "b.example ended the TLS connection: it requires a client certificate",
    "the backend refused TLS: it requires a client certificate",
  ],
  [
    "received fatal alert: InternalError",
    "b.example ended the TLS connection: it sent the alert InternalError",
    "the backend refused TLS: it sent the alert InternalError",
  ],
  [
    "received corrupt message of type InvalidContentType",
    "b.example does not speak TLS",
    "the backend does not speak TLS",
  ],
];

Deno.test("what the runtime says about TLS is put into words", () => {
  for (const [message, detail, refusal] of ROWS) {
    const fault = tlsFault(new Error(message), "b.example");
    assert.ok(fault?.message.startsWith(detail), `${message} gave ${fault?.message}`);
    assert.equal(fault?.refusal, refusal);
  }
});

Deno.test("what is not about TLS stays what it is", () => {
  for (const error of [new Error("Connection reset by peer (os error 104)"), "text", null]) {
    assert.equal(tlsFault(error, "b.example"), null);
  }
});
