import assert from "node:assert/strict";
import { within } from "../lab/time.ts";
import type { ApiServerCluster } from "./cluster.ts";
import { API_FAULTS, apiFault, type ApiFaultName, type FaultPlace, healServers, SLOW_MS, STRANGER } from "./faults.ts";
import { withCluster } from "./kit.ts";
import { CONTROL_PLANE_LEASE, giveLease, leasesPath, leasesVersion, readLease, watchPath } from "./lease.ts";
import { withApiServers } from "./needs.ts";

const LEASE = `${leasesPath(CONTROL_PLANE_LEASE.namespace)}/${CONTROL_PLANE_LEASE.name}`;
/** A server that is well answers within this: sooner than a slow one. */
const PROMPT_MS = SLOW_MS - 500;

/** How a program on the holder's node fares that asks its own server for the Lease; milliseconds, or null within the limit. */
async function askHolder({ cluster, holder }: FaultPlace, limitMs: number): Promise<number | null> {
  const fromMs = performance.now();
  try {
    const { status } = await cluster.of(holder).clientOnNode().request("GET", LEASE, { deadlineMs: limitMs });
    return status === 200 ? performance.now() - fromMs : null;
  } catch {
    return null;
  }
}

async function othersAreWell({ cluster, holder }: FaultPlace): Promise<void> {
  for (const server of cluster.servers) {
    if (server.machine === holder) continue;
    const { status } = await server.clientOnNode().request("GET", LEASE, { deadlineMs: PROMPT_MS });
    assert.equal(status, 200, `${server.name} is well`);
  }
}

/** The holder's server does not answer, the other's does; afterwards both do. */
async function unreachable(name: ApiFaultName, place: FaultPlace): Promise<void> {
  const fault = apiFault(name);
  await fault.begin(place);
  assert.equal(await askHolder(place, 1000), null);
  if (name !== "etcd hangs") await othersAreWell(place);
  await fault.mend(place);
  assert.ok(await askHolder(place, 10_000));
}

async function restarted(place: FaultPlace): Promise<void> {
  const { pid } = place.cluster.of(place.holder).child;
  await apiFault("API server restarted").begin(place);
  assert.notEqual(place.cluster.of(place.holder).child.pid, pid);
  assert.ok(await askHolder(place, PROMPT_MS));
}

/** Requests on open and on new connections are late by the same; what a watch says is not. */
async function slow(place: FaultPlace): Promise<void> {
  const { cluster, holder } = place;
  const ended = new AbortController();
  const version = await leasesVersion(cluster.admin, CONTROL_PLANE_LEASE.namespace);
  const path = watchPath(CONTROL_PLANE_LEASE, version);
  const events = cluster.of(holder).clientOnNode().watch(path, ended.signal);
  const change = async (to: string): Promise<void> => {
    const next = events.next();
    await giveLease(cluster.admin, CONTROL_PLANE_LEASE, { holder: to, durationSeconds: 15 });
    const { value } = await within(next, PROMPT_MS, `the change to ${to}`);
    assert.equal(value?.type, "MODIFIED", JSON.stringify(value));
  };
  await change("node1");
  assert.ok(await askHolder(place, PROMPT_MS));
  await apiFault("API server slow").begin(place);
  const asked = [askHolder(place, 3 * SLOW_MS), askHolder(place, 3 * SLOW_MS)];
  await change("node2");
  await othersAreWell(place);
  for (const ms of await Promise.all(asked)) {
    assert.ok(
      ms !== null && ms >= SLOW_MS && ms < 2 * SLOW_MS,
      `a request took ${ms} ms, and no part of it twice that`,
    );
  }
  await apiFault("API server slow").mend(place);
  assert.ok(await askHolder(place, PROMPT_MS));
  ended.abort();
  assert.equal((await events.next()).done, true);
}

async function spoiled({ cluster, holder, lease }: FaultPlace): Promise<void> {
  const { admin } = cluster;
  const place = { cluster, holder, lease };
  await apiFault("Lease of a stranger").begin(place);
  const taken = (await readLease(admin, lease))?.spec;
  assert.equal(taken?.holderIdentity, STRANGER);
  await apiFault("Lease blanked").begin(place);
  assert.deepEqual((await readLease(admin, lease))?.spec, {});
  await apiFault("Lease deleted").begin(place);
  assert.equal(await readLease(admin, lease), null);
  await apiFault("Lease deleted").begin(place);
  await apiFault("Lease of a stranger").begin(place);
  assert.equal((await readLease(admin, lease))?.spec.holderIdentity, STRANGER);
}

async function healed(cluster: ApiServerCluster): Promise<void> {
  const [first, second] = cluster.servers;
  assert.ok(first && second);
  await first.kill();
  second.pause();
  cluster.etcd.signal("SIGSTOP");
  cluster.management?.cut(second.machine);
  await healServers(cluster);
  for (const server of cluster.servers) assert.equal(server.running, true);
}

withApiServers("every fault of API servers and Lease does what its title says, and can be mended", async (paths, t) => {
  const unreachables: readonly ApiFaultName[] = [
    "API server down",
    "API server hangs",
    "API server silent",
    "API server without etcd",
    "etcd hangs",
  ];
  await withCluster(paths, 2, async (cluster) => {
    const [first] = cluster.servers;
    assert.ok(first);
    const place = { cluster, holder: first.machine, lease: CONTROL_PLANE_LEASE };
    await giveLease(cluster.admin, CONTROL_PLANE_LEASE, { holder: "node1", durationSeconds: 15 });
    for (const name of unreachables) await t.step(apiFault(name).title, () => unreachable(name, place));
    await t.step(apiFault("API server restarted").title, () => restarted(place));
    await t.step(apiFault("API server slow").title, () => slow(place));
    await t.step("the Lease is deleted, emptied and taken by a stranger", () => spoiled(place));
    await t.step("healServers() mends several faults at once", () => healed(cluster));
  });
});

Deno.test("every fault has one row", () => {
  assert.equal(new Set(API_FAULTS.map(({ name }) => name)).size, API_FAULTS.length);
});
