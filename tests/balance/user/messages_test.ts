import assert from "node:assert/strict";
import { posted, unposted } from "../../../mod/balance/user/messages.ts";
import { httpConfig, tcpConfig } from "../kit.ts";

Deno.test("a configuration arrives as it was posted", () => {
  for (const config of [tcpConfig([1, 2]), httpConfig([3])]) {
    const arrived = unposted(structuredClone(posted(config)));
    assert.deepEqual(JSON.parse(JSON.stringify(arrived)), JSON.parse(JSON.stringify(config)));
    if (arrived.type === "http") assert.ok(arrived.backends[0]?.url instanceof URL);
  }
});
