import assert from "node:assert/strict";
import { authoritiesFault, keyPairFault } from "../../mod/runtime/tls_check.ts";
import { TestPki } from "../fakes/kube/pki.ts";

const EMPTY_CERT = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const EMPTY_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

Deno.test("A certificate fits its own key only, and broken ones fit nothing", async () => {
  const pki = await TestPki.make();
  const [one, other] = [await pki.issue({ name: "one" }), await pki.issue({ name: "other" })];
  assert.equal(keyPairFault(one), null);
  assert.match(keyPairFault({ cert: one.cert, key: other.key }) ?? "", /consistent/);
  assert.ok(keyPairFault({ cert: EMPTY_CERT, key: one.key }));
  assert.ok(keyPairFault({ cert: one.cert, key: EMPTY_KEY }));
  assert.ok(keyPairFault({ cert: one.cert.slice(0, 200), key: one.key }));
  await pki.remove();
});

Deno.test("An authority has to be a certificate", async () => {
  const pki = await TestPki.make();
  assert.equal(authoritiesFault([pki.caCert]), null);
  assert.ok(authoritiesFault([EMPTY_CERT]));
  assert.ok(authoritiesFault([pki.caCert.slice(0, 200)]));
  await pki.remove();
});
