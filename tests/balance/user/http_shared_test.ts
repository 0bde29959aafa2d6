import assert from "node:assert/strict";
import { HttpShared } from "../../../mod/balance/user/http_shared.ts";
import type { Destination } from "../../../mod/balance/user/types.ts";
import { httpConfig } from "../kit.ts";
import { FakeLoop } from "./fake_flow.ts";
import { FakeBackends } from "./kit.ts";

/** Backends whose addresses the test changes. */
class MovingBackends extends FakeBackends {
  now: Destination | null = null;

  override destination(): Destination | null {
    return this.now;
  }
}

function named(name: string): Destination {
  return { address: new Uint8Array(16), name };
}

Deno.test("a member is spoken to as its name in the configuration says, and as before when it is gone", () => {
  const backends = new MovingBackends([]);
  const path = { url: new URL("http://b.example/app/"), weight: 1 };
  const config = { ...httpConfig([8001]), backends: [...httpConfig([8001]).backends, path] };
  const shared = new HttpShared({ config, loop: new FakeLoop(), backends });
  assert.equal(shared.target(0), null, "no address yet");
  backends.now = named("127.0.0.1:8001");
  assert.equal(shared.target(0)?.host, "127.0.0.1:8001");
  backends.now = named("b.example:80/app");
  assert.equal(shared.target(0)?.pathPrefix, "/app");
  assert.equal(shared.target(0)?.host, "b.example");
  shared.update(httpConfig([8001]));
  assert.equal(shared.target(0)?.pathPrefix, "/app", "the same destination");
  backends.now = null;
  assert.equal(shared.target(0)?.pathPrefix, "/app");
});

Deno.test("the buffer for heads is as large as a head may be, and then some", () => {
  const shared = new HttpShared({ config: httpConfig([]), loop: new FakeLoop(), backends: new FakeBackends([]) });
  assert.ok(shared.head.length > 16_384);
  shared.update(httpConfig([], { maxHeadBytes: 65_536 }));
  assert.ok(shared.head.length > 65_536);
});
