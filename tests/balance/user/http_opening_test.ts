import assert from "node:assert/strict";
import type { BackendUser } from "../../../mod/balance/user/http_backend.ts";
import { Opening } from "../../../mod/balance/user/http_opening.ts";
import { HttpShared } from "../../../mod/balance/user/http_shared.ts";
import { Errno } from "../../../mod/linux/errno.ts";
import { httpConfig } from "../kit.ts";
import { FakeLoop } from "./fake_flow.ts";
import { destination, FakeBackends } from "./kit.ts";

const USER: BackendUser = {
  backendOpened: () => {},
  backendReadable: () => {},
  backendDrained: () => {},
  backendFailed: () => {},
  backendExpired: () => {},
  backendFault: () => {},
};

function world(hasAddress: readonly boolean[]): {
  loop: FakeLoop;
  backends: FakeBackends;
  shared: HttpShared;
  opening: Opening;
} {
  const loop = new FakeLoop();
  const backends = new FakeBackends(hasAddress.map((has, index) => has ? destination(8000 + index) : null));
  const shared = new HttpShared({ config: httpConfig([]), loop, backends });
  const opening = new Opening(shared, USER);
  opening.begin();
  return { loop, backends, shared, opening };
}

Deno.test("members that cannot be connected to are passed over, each tried once", () => {
  const { backends, opening, loop } = world([false, true, true]);
  assert.equal(opening.next(Infinity).outcome, "connecting");
  opening.failed("ECONNREFUSED");
  loop.isExhausted = true;
  assert.equal(opening.next(Infinity).outcome, "unavailable");
  assert.deepEqual(backends.told, [
    "failed 0 its name has no address",
    "failed 1 ECONNREFUSED",
    "failed 2 ENETUNREACH",
  ]);
  assert.deepEqual(backends.connections, [0, 0, 0]);
});

Deno.test("where this machine has no more sockets, no member is at fault", () => {
  const { backends, opening, loop } = world([true, true]);
  loop.isExhausted = true;
  loop.exhaustedBy = Errno.EMFILE;
  assert.equal(opening.next(Infinity).outcome, "unavailable");
  assert.deepEqual([backends.told, backends.connections], [[], [0, 0]]);
});

Deno.test("a kept connection is taken, but not once it was found stale", () => {
  const { backends, opening, shared } = world([true]);
  const opened = opening.next(Infinity);
  assert.ok(opened.outcome === "connecting");
  opening.succeeded();
  opening.giveBack();
  shared.kept.put(opened.backend);
  opening.begin();
  const again = opening.next(Infinity);
  assert.ok(again.outcome === "kept");
  assert.deepEqual([again.backend, again.backend.user], [opened.backend, USER]);
  opening.giveBack();
  opening.giveBack();
  shared.kept.put(opened.backend);
  opening.again();
  assert.equal(opening.next(Infinity).outcome, "connecting");
  assert.deepEqual([backends.connections, backends.told], [[1], ["connected 0"]]);
  opening.moved(7);
  opening.giveBack();
  opening.moved(5);
  assert.equal(backends.movedBytes, 7, "only what is for a member counts");
});
