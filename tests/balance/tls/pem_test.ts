import assert from "node:assert/strict";
import { issuers, keyPair } from "../../../mod/balance/tls/pem.ts";
import { readPair, withAuthority } from "./certificates.ts";

Deno.test("a pair that belongs together is taken, and what is wrong with another names the file", () =>
  withAuthority(async (authority) => {
    const [one, other] = [
      await authority.issue("one", { names: "DNS:a" }),
      await authority.issue("other", { names: "DNS:b" }),
    ];
    const [a, b] = [await readPair(one), await readPair(other)];
    assert.deepEqual(keyPair(one, [a.cert, a.key]), a);
    const rows: [string, string, RegExp][] = [
      [a.cert, b.key, /one\.key is not the key of .*one\.pem$/],
      [a.key, a.key, /one\.pem has no certificate in PEM$/],
      [a.cert, a.cert, /one\.key has no private key in PEM$/],
      ["", "", /one\.pem has no certificate in PEM$/],
      [a.cert.replace(/\n.{9}/, "\nAAAAAAAAA"), a.key, /one\.pem with /],
    ];
    for (const [cert, key, message] of rows) assert.throws(() => keyPair(one, [cert, key]), { message });
  }));

Deno.test("a file of issuers without a certificate is named", () => {
  assert.throws(() => issuers("/etc/ca.pem", "hello"), { message: "/etc/ca.pem has no certificate in PEM" });
});

Deno.test("no error shows a key", () =>
  withAuthority(async (authority) => {
    const files = await authority.issue("one", { names: "DNS:a" });
    const { cert, key } = await readPair(files);
    const body = key.split("\n").slice(1, -2).join("");
    for (const [c, k] of [[cert, key.replace(body.slice(0, 8), "AAAAAAAA")], [key, key], [cert.slice(0, 300), key]]) {
      assert.throws(() => keyPair(files, [c ?? "", k ?? ""]), (error: Error) =>
        !error.message.includes(body.slice(20, 40)));
    }
  }));
