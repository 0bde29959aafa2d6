import assert from "node:assert/strict";
import { createPublicKey, sign, verify, X509Certificate } from "node:crypto";
import { Authority, tokenKeys } from "./certificates.ts";
import { oid, unsigned, utf8 } from "./der.ts";

const authority = new Authority("test");
const root = new X509Certificate(authority.certificate);

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

Deno.test("the authority signs its own certificate and those of servers and clients, valid for years before and after now", () => {
  assert.equal(root.ca, true);
  assert.ok(root.verify(root.publicKey));
  for (const { certificate } of [authority.server("s", ["localhost"]), authority.client("c")]) {
    const leaf = new X509Certificate(certificate);
    assert.equal(leaf.ca, false);
    assert.ok(leaf.verify(root.publicKey));
    assert.equal(leaf.issuer, root.subject);
    assert.ok(Date.parse(leaf.validFrom) < Date.now() - 365 * 86_400_000);
    assert.ok(Date.parse(leaf.validTo) > Date.now() + 365 * 86_400_000);
  }
  assert.equal(
    new X509Certificate(authority.client("c").certificate).verify(
      new X509Certificate(new Authority("other").certificate).publicKey,
    ),
    false,
  );
});

Deno.test("a client's certificate names its groups and its user", () => {
  const { subject } = new X509Certificate(authority.client("admin", ["system:masters", "more"]).certificate);
  assert.equal(subject, "O=system:masters\nO=more\nCN=admin");
});

Deno.test("a server's certificate names its addresses and names, and its key is the one it came with", () => {
  const { certificate, key } = authority.server("s", ["localhost", "127.0.0.1", "fd98::1"]);
  const leaf = new X509Certificate(certificate);
  assert.match(leaf.subjectAltName ?? "", /^DNS:localhost, IP Address:127\.0\.0\.1, IP Address:fd98:[0:]*:1$/i);
  const data = new TextEncoder().encode("data");
  assert.ok(verify("sha256", data, leaf.publicKey, sign("sha256", data, key)));
});

Deno.test("a TLS client with a certificate reaches a server with one by its address", async () => {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    ...pair(authority.server("s", ["127.0.0.1"])),
  });
  const accepted = listener.accept();
  const client = Deno.connectTls({
    hostname: "127.0.0.1",
    port: listener.addr.port,
    caCerts: [authority.certificate],
    ...pair(authority.client("c")),
  });
  const [there, here] = await Promise.all([accepted, client]);
  await Promise.all([there.handshake(), here.handshake()]);
  for (const one of [there, here, listener]) one.close();
});

Deno.test("keys for tokens sign and check", () => {
  const { publicKey, privateKey } = tokenKeys();
  const data = new TextEncoder().encode("data");
  assert.ok(verify("sha256", data, createPublicKey(publicKey), sign("sha256", data, privateKey)));
});

/** From X.690 §8.3, §8.19 and §8.23, by hand. */
const DER: readonly (readonly [string, Uint8Array, string])[] = [
  ["a number with its highest bit set", unsigned(Uint8Array.of(0x80)), "02020080"],
  ["a number with zeros before it", unsigned(Uint8Array.of(0, 0, 5)), "020105"],
  ["zero", unsigned(Uint8Array.of(0)), "020100"],
  ["an identifier with large parts", oid("1.2.840.10045.4.3.2"), "06082a8648ce3d040302"],
  ["a long text", utf8("x".repeat(200)), `0c81c8${"78".repeat(200)}`],
  ["a very long text", utf8("x".repeat(300)), `0c82012c${"78".repeat(300)}`],
];

for (const [what, bytes, expected] of DER) Deno.test(`DER writes ${what}`, () => assert.equal(hex(bytes), expected));

function pair({ certificate, key }: { certificate: string; key: string }): { cert: string; key: string } {
  return { cert: certificate, key };
}

Deno.test("a member's certificate is good for a server and for a client", () => {
  const purposes = (certificate: string): string[] => {
    const raw = hex(new X509Certificate(certificate).raw);
    return ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"].filter((id) => raw.includes(hex(oid(id))));
  };
  assert.equal(purposes(authority.member("m", ["localhost"]).certificate).length, 2);
  assert.deepEqual(purposes(authority.server("s", ["localhost"]).certificate), ["1.3.6.1.5.5.7.3.1"]);
});
