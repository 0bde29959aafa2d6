import assert from "node:assert/strict";
import type { LeaseRecord } from "../../mod/election/lease/store.ts";
import { KubeLeaseStore } from "../../mod/kube/lease_store.ts";
import { type LeasePlace, leaseStoreContract, RECORD } from "../contracts/lease_store.ts";
import { FakeApiServer, type FakeObject, parsePath } from "../fakes/kube/api_server.ts";
import { clientOf, LEASES } from "./kit.ts";

const NAME = "plndr-cp-lock";
const LEASE = `${LEASES}/${NAME}`;
const OPTIONS = { namespace: "kube-system", name: NAME, annotations: {} };

leaseStoreContract("API server", () => Promise.resolve(place()));

function specOf(record: LeaseRecord): Record<string, unknown> {
  const { holder, durationSeconds, acquireTime, renewTime, transitions } = record;
  return {
    holderIdentity: holder,
    leaseDurationSeconds: durationSeconds,
    acquireTime,
    renewTime,
    leaseTransitions: transitions,
  };
}

const PATH = parsePath(LEASE) ?? assert.fail(LEASE);
const COLLECTION = parsePath(LEASES) ?? assert.fail(LEASES);

/** The Lease as the server has it. */
function stored(api: FakeApiServer): FakeObject {
  return api.store.get(PATH) ?? assert.fail("there is no Lease");
}

function place(): LeasePlace {
  const api = FakeApiServer.start();
  const clients = [clientOf(api.url), clientOf(api.url)] as const;
  const [store, other] = [new KubeLeaseStore(clients[0], OPTIONS), new KubeLeaseStore(clients[1], OPTIONS)];
  return {
    store,
    other,
    remove: () => Promise.resolve(void api.store.delete(PATH)),
    overwrite: (record) => Promise.resolve(void api.store.update(PATH, { ...stored(api), spec: specOf(record) })),
    sever: () => void api.fault({ kind: "hang" }, {}),
    during: (work) => work,
    dispose: async () => {
      for (const client of clients) client.close();
      await api.stop();
    },
  };
}

async function inServer(
  annotations: Record<string, string>,
  work: (api: FakeApiServer, store: KubeLeaseStore) => Promise<void>,
): Promise<void> {
  const api = FakeApiServer.start();
  const client = clientOf(api.url);
  const store = new KubeLeaseStore(client, { ...OPTIONS, annotations });
  try {
    await work(api, store);
  } finally {
    store.close();
    client.close();
    await api.stop();
  }
}

Deno.test("a Lease is written as upstream writes it, with the mark and the annotations that were asked for", () =>
  inServer({ "example.com/team": "edge" }, async (api, store) => {
    await store.create(RECORD, 2000);
    const object = stored(api);
    assert.equal(object.apiVersion, "coordination.k8s.io/v1");
    assert.equal(object.kind, "Lease");
    assert.deepEqual(object["spec"], specOf(RECORD));
    assert.deepEqual(object.metadata?.annotations, {
      "example.com/team": "edge",
      "kube-vip.io/mark": `lease:boot-1@${RECORD.renewTime}`,
    });
    assert.equal(object.metadata?.namespace, "kube-system");
  }));

Deno.test("what others have put into the Lease stays there", () =>
  inServer({}, async (api, store) => {
    api.store.create(COLLECTION, {
      metadata: { name: NAME, labels: { team: "edge" }, annotations: { note: "x" } },
      spec: { ...specOf(RECORD), strategy: "OldestEmulationVersion", preferredHolder: "b" },
    });
    const read = await store.read(2000);
    assert(read.outcome === "found");
    const update = await store.update({ ...RECORD, holder: "b", transitions: 1 }, read.lease.version, 2000);
    assert.equal(update.outcome, "written");
    const object = stored(api);
    assert.deepEqual(object.metadata?.labels, { team: "edge" });
    assert.equal(object.metadata?.annotations?.["note"], "x");
    assert.deepEqual(object["spec"], {
      ...specOf({ ...RECORD, holder: "b", transitions: 1 }),
      strategy: "OldestEmulationVersion",
      preferredHolder: "b",
    });
  }));

Deno.test("a write whose answer is lost is a failure, and is found to be done", () =>
  inServer({}, async (api, store) => {
    api.fault({ kind: "lostWrite" }, { verb: "create" });
    assert.equal((await store.create(RECORD, 1000)).outcome, "failed");
    const read = await store.read(1000);
    assert(read.outcome === "found");
    assert.deepEqual(read.lease.record, RECORD);
  }));

Deno.test("a refusal is a failure that says what the server said", () =>
  inServer({}, async (api, store) => {
    api.fault({ kind: "status", status: 403, reason: "Forbidden" }, {});
    for (const answer of [await store.read(1000), await store.create(RECORD, 1000)]) {
      assert(answer.outcome === "failed");
      assert.match(answer.cause, /403 Forbidden/);
    }
  }));
