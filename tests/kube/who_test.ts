import assert from "node:assert/strict";
import { WhoLeases } from "../../mod/kube/who.ts";
import { FakeApiServer, type FakeObject, parsePath } from "../fakes/kube/api_server.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { clientOf, LEASES } from "./kit.ts";

interface Place {
  readonly api: FakeApiServer;
  readonly clock: VirtualClock;
  who(node: string): WhoLeases;
  lease(name: string): FakeObject;
  /** Resolves once the server has answered a write of this kind. */
  wrote(verb: "create" | "update", node: string): Promise<void>;
  addresses: readonly string[];
}

async function inServer(work: (place: Place) => Promise<void>): Promise<void> {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  const clock = new VirtualClock();
  const made: WhoLeases[] = [];
  const place: Place = {
    api,
    clock,
    addresses: ["10.0.0.1"],
    who: (node) => {
      const who = new WhoLeases({
        client,
        namespace: "kube-system",
        node,
        addresses: () => place.addresses,
        clock,
        wallNow: () => 1_767_323_045_000,
        random: () => 0.5,
      });
      made.push(who);
      return who;
    },
    lease: (name) => {
      const path = parsePath(`${LEASES}/${name}`);
      return (path === null ? null : api.store.get(path)) ?? assert.fail(`there is no ${name}`);
    },
    wrote: async (verb, node) => {
      await api.request((request) => request.verb === verb && JSON.stringify(request.body).includes(`"${node}"`));
    },
  };
  try {
    await work(place);
  } finally {
    for (const who of made) who.stop();
    client.close();
    await api.stop();
  }
}

function spec(object: FakeObject): Record<string, unknown> {
  return object["spec"] as Record<string, unknown>;
}

/** Lets the event loop run until `condition` holds. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

Deno.test("whoever holds is written once, and each change of holder counts", () =>
  inServer(async (place) => {
    const [a, b] = [place.who("a"), place.who("b")];
    const said = (): string => {
      try {
        const { holderIdentity, leaseTransitions } = spec(place.lease("kube-vip-10.0.0.1"));
        return `${holderIdentity} ${leaseTransitions}`;
      } catch {
        return "nobody";
      }
    };
    a.holder(true);
    await until(() => said() === "a 0");
    a.holder(true);
    a.holder(false);
    b.holder(true);
    await until(() => said() === "b 1");
    b.holder(false);
    a.holder(true);
    await until(() => said() === "a 2");
    const writes = place.api.requests.filter(({ verb }) => verb !== "get");
    assert.deepEqual(writes.map(({ verb }) => verb), ["create", "update", "update"]);
    const { acquireTime, renewTime } = spec(place.lease("kube-vip-10.0.0.1"));
    assert.match(String(renewTime), /^2026-01-02T03:04:05\.000\d{3}Z$/);
    assert.equal(acquireTime, renewTime);
  }));

Deno.test("a holder that finds itself there already writes nothing", () =>
  inServer(async (place) => {
    const first = place.who("a");
    first.holder(true);
    await until(() => place.api.requests.some(({ verb }) => verb === "create"));
    first.stop();
    place.addresses = ["10.0.0.1", "10.0.0.2"];
    place.who("a").holder(true);
    await until(() => place.api.requests.filter(({ verb }) => verb === "create").length === 2);
    assert.deepEqual(place.api.requests.map(({ verb }) => verb), ["get", "create", "get", "get", "create"]);
  }));

Deno.test("every address has its Lease, also one that comes later, and one that comes back", () =>
  inServer(async (place) => {
    place.addresses = ["10.0.0.1", "fd98::200"];
    const who = place.who("a");
    const creates = (): number => place.api.requests.filter(({ verb }) => verb === "create").length;
    who.holder(true);
    await until(() => creates() === 2);
    place.addresses = ["fd98::200", "10.0.0.2"];
    who.holder(true);
    await until(() => creates() === 3);
    const asked = place.api.requests.length;
    place.addresses = ["10.0.0.1", "fd98::200", "10.0.0.2"];
    who.holder(true);
    await until(() => place.api.requests.length > asked);
    assert(place.api.requests.at(-1)?.path.endsWith("10.0.0.1"), "another may have had it meanwhile");
  }));

Deno.test("what the server refuses is tried again later, until this node holds no longer", () =>
  inServer(async (place) => {
    const fault = place.api.fault({ kind: "status", status: 503, reason: "ServiceUnavailable" }, {});
    const who = place.who("a");
    who.holder(true);
    await until(() => place.clock.pending > 0);
    fault.end();
    const written = place.wrote("create", "a");
    place.clock.advance(1000);
    await written;
    const again = place.api.fault({ kind: "status", status: 503, reason: "ServiceUnavailable" }, {});
    who.holder(false);
    place.addresses = ["10.0.0.9"];
    const asked = place.api.request((request) => request.verb === "get" && request.path.endsWith("10.0.0.9"));
    who.holder(true);
    await asked;
    await until(() => place.clock.pending > 0);
    who.holder(false);
    assert.equal(place.clock.pending, 0, "nothing waits any more");
    assert.equal(again.hits, 1);
  }));
