import assert from "node:assert/strict";
import { withoutProxies } from "../../mod/runtime/no_proxy.ts";

Deno.test("a client is made as if there were no proxies, and the variables are there again afterwards", () => {
  const before = Deno.env.get("HTTPS_PROXY");
  Deno.env.set("HTTPS_PROXY", "http://127.0.0.1:9");
  try {
    assert.equal(withoutProxies(() => Deno.env.get("HTTPS_PROXY")), undefined);
    assert.equal(Deno.env.get("HTTPS_PROXY"), "http://127.0.0.1:9");
    assert.throws(() =>
      withoutProxies(() => {
        throw new Error("no client");
      })
    );
    assert.equal(Deno.env.get("HTTPS_PROXY"), "http://127.0.0.1:9");
  } finally {
    if (before === undefined) Deno.env.delete("HTTPS_PROXY");
    else Deno.env.set("HTTPS_PROXY", before);
  }
});
