import assert from "node:assert/strict";
import type { Grant, RevokeReason } from "../../../mod/election/elector.ts";
import type { LeaseElectorOptions } from "../../../mod/election/lease/elector.ts";
import { type Electorate, electorContract } from "../../contracts/elector.ts";
import { LeaseCluster, LONG, SHORT } from "../../fakes/lease_cluster.ts";

for (const [name, times] of [["15/10/2", LONG], ["5/3/1", SHORT]] as const) {
  electorContract(`Lease, ${name}`, () => Promise.resolve(electorate({ times })));
}

function electorate(options: Partial<LeaseElectorOptions>): Electorate {
  const cluster = new LeaseCluster(42, options);
  const known = new Set<string>();
  return {
    ledger: cluster.ledger,
    failoverMs: (options.times?.durationMs ?? 0) + 1000,
    start: async (id) => {
      known.add(id);
      await cluster.start(id);
    },
    stop: async (id) => {
      if (known.has(id)) await cluster.during(cluster.node(id).elector.stop());
      else await cluster.make(id).elector.stop();
    },
    kill: (id) => cluster.node(id).machine.kill(),
    pause: (id) => cluster.node(id).machine.pause(),
    resume: (id) => cluster.node(id).machine.resume(),
    isolate: (id) => void (cluster.node(id).store.faults.isCut = true),
    heal: () => ["a", "b", "c"].forEach((id) => cluster.node(id).store.heal()),
    advance: (ms) => cluster.advance(ms),
    dispose: () => cluster.stopAll(),
  };
}

async function inCluster(
  options: Partial<LeaseElectorOptions>,
  work: (cluster: LeaseCluster) => Promise<void>,
): Promise<void> {
  const cluster = new LeaseCluster(7, options);
  await work(cluster);
  assert.deepEqual(cluster.ledger.overlaps, []);
  await cluster.stopAll();
  await cluster.advance(20_000, 100);
  assert.equal(cluster.clock.pending, 0, "timers after the stop");
}

/** Starts these and waits until the first of them holds. */
async function led(cluster: LeaseCluster, ...ids: string[]): Promise<string> {
  const [first] = ids;
  for (const id of ids) {
    await cluster.start(id);
    if (id === first) assert.notEqual(await cluster.advanceUntil(() => cluster.holders().length > 0, 200), Infinity);
  }
  await cluster.advance(100);
  return first ?? "";
}

for (const [name, times] of [["15/10/2", LONG], ["5/3/1", SHORT]] as const) {
  Deno.test(`at ${name} another holds within the lease duration and a second after a crash`, () =>
    inCluster({ times }, async (cluster) => {
      const holder = await led(cluster, "a", "b", "c");
      await cluster.advance(7300, 10);
      cluster.node(holder).machine.kill();
      const tookMs = await cluster.advanceUntil(() => cluster.holders().some((each) => each !== holder), 30_000);
      assert(tookMs <= times.durationMs + 1000, `${tookMs} ms`);
    }));
}

Deno.test("at 15/10/2 another holds within a second after an orderly stop, also with slow requests", () =>
  inCluster({ times: LONG }, async (cluster) => {
    const holder = await led(cluster, "a", "b");
    for (const id of ["a", "b"]) Object.assign(cluster.node(id).store.faults, { thereMs: 100, backMs: 100 });
    await cluster.advance(3000, 10);
    const stop = cluster.node(holder).elector.stop();
    assert.deepEqual(cluster.holders(), [], "let go before anything is asked");
    assert.equal(cluster.lease.stored?.record.holder, holder);
    const tookMs = await cluster.advanceUntil(() => cluster.holders().includes("b"), 3000);
    assert(tookMs <= 1000, `${tookMs} ms`);
    await cluster.during(stop);
  }));

Deno.test("requests never overlap, and a hanging server is asked a second time within the hold", () =>
  inCluster({ times: LONG }, async (cluster) => {
    await led(cluster, "a");
    const { store } = cluster.node("a");
    await cluster.advance(5000, 10);
    store.faults.isCut = true;
    store.log.length = 0;
    await cluster.advance(9000, 10);
    assert(store.log.length >= 2, store.log.join());
    store.heal();
    await cluster.advance(5000, 10);
    assert.deepEqual(cluster.holders(), ["a"]);
    assert.equal(cluster.ledger.events.filter((event) => event.what !== "granted").length, 0, "never let go");
    assert.equal(store.mostUnderWay, 1);
  }));

Deno.test("a holder survives a server that takes five seconds for everything", () =>
  inCluster({ times: LONG }, async (cluster) => {
    await led(cluster, "a", "b");
    for (const id of ["a", "b"]) Object.assign(cluster.node(id).store.faults, { thereMs: 2500, backMs: 2500 });
    await cluster.advance(60_000, 10);
    assert.deepEqual(cluster.holders(), ["a"]);
    assert.equal(cluster.ledger.events.filter((event) => event.what === "lease-lost").length, 0);
  }));

Deno.test("a stop whose own server is gone releases through another one, within two seconds", () =>
  inCluster({ times: LONG }, async (cluster) => {
    await led(cluster, "a", "b");
    for (const fault of ["refuses", "isCut"] as const) {
      const [holder] = cluster.holders();
      const { store, elector } = cluster.node(holder ?? "");
      store.faults[fault] = true;
      const before = cluster.clock.now();
      await cluster.during(elector.stop());
      assert(cluster.clock.now() - before < 2000, fault);
      await cluster.advanceUntil(() => cluster.holders().some((each) => each !== holder), 1000);
      assert.equal(cluster.holders().length, 1, fault);
      await cluster.start(holder ?? "");
      await cluster.advance(3000, 10);
    }
  }));

Deno.test("an ex-holder that comes back leaves the Lease of its successor alone", () =>
  inCluster({ times: SHORT }, async (cluster) => {
    await led(cluster, "a", "b");
    cluster.node("a").store.faults.isCut = true;
    await cluster.advance(7000, 10);
    assert.deepEqual(cluster.holders(), ["b"]);
    cluster.node("a").store.heal();
    await cluster.during(cluster.node("a").elector.stop());
    assert.equal(cluster.lease.stored?.record.holder, "b");
    assert.deepEqual(cluster.holders(), ["b"]);
  }));

Deno.test("an unfit holder hands over if there is a rival, and keeps the address if there is none", () => {
  const unfit = new Set<string>();
  let rival = false;
  return inCluster({ times: LONG, rival: () => rival }, async (cluster) => {
    for (const id of ["a", "b"]) {
      await cluster.start(id, { fit: () => !unfit.has(id) });
      await cluster.advance(300);
    }
    unfit.add("a");
    await cluster.advance(5000, 10);
    assert.deepEqual(cluster.holders(), ["a"], "nobody could relieve it");
    rival = true;
    const tookMs = await cluster.advanceUntil(() => cluster.holders().includes("b"), 3000);
    assert(tookMs <= 1000, `${tookMs} ms`);
    assert(cluster.ledger.events.some((event) => event.member === "a" && event.what === "unfit"));
    unfit.add("b");
    await cluster.advanceUntil(() => cluster.holders().length === 0, 3000);
    const backMs = await cluster.advanceUntil(() => cluster.holders().length > 0, 20_000);
    assert(backMs > 4000 && backMs < 8000, `an unfit one took it again after ${backMs} ms`);
    const [keeper] = cluster.holders();
    await cluster.advance(20_000, 10);
    assert.deepEqual(cluster.holders(), [keeper], "and keeps it for a while");
  });
});

Deno.test("a hand-over on demand goes to another node", () =>
  inCluster({ times: LONG }, async (cluster) => {
    await led(cluster, "a", "b");
    assert.equal(await cluster.during(cluster.node("b").elector.handOver()), "not-leader");
    assert.equal(await cluster.during(cluster.node("a").elector.handOver()), "released");
    await cluster.advance(200);
    assert.deepEqual(cluster.holders(), ["b"]);
    assert(cluster.ledger.events.some((event) => event.member === "a" && event.what === "transfer"));
  }));

Deno.test("addresses that come and go are granted and taken back while the Lease is held", () => {
  let addresses = ["10.0.0.1"];
  return inCluster({ addresses: () => addresses }, async (cluster) => {
    await led(cluster, "a");
    addresses = ["10.0.0.2"];
    cluster.node("a").elector.refresh();
    assert.deepEqual([cluster.holders("10.0.0.1"), cluster.holders("10.0.0.2")], [[], ["a"]]);
    assert(cluster.ledger.events.some((event) => event.what === "reassigned"));
  });
});

Deno.test("with preserveOnLoss IPv4 stays after a loss by time until another holder is seen, IPv6 goes", async () => {
  const told: string[] = [];
  const sink = {
    granted: (grants: readonly Grant[]): void => {
      for (const { scope, preserved } of grants) told.push(`${preserved === true ? "preserved" : "granted"} ${scope}`);
    },
    revoked: (scopes: readonly string[], reason: RevokeReason): void => void told.push(`revoked ${scopes} ${reason}`),
  };
  await inCluster({ times: SHORT }, async (cluster) => {
    await cluster.start("a", { sink, preserveOnLoss: true, addresses: () => ["10.0.0.1", "fd00::1"] });
    await cluster.advance(500);
    const { store, elector } = cluster.node("a");
    store.faults.isCut = true;
    await cluster.advance(20_000, 10);
    const unique = told.filter((line, at) => line !== told[at - 1] && line !== told[at - 2]);
    assert.deepEqual(unique, [
      "granted 10.0.0.1",
      "granted fd00::1",
      "revoked fd00::1 lease-lost",
      "preserved 10.0.0.1",
    ]);
    assert.equal(elector.observe().leading, false);
    cluster.lease.edit({ holder: "z", mark: null, renewTime: "now" });
    store.heal();
    await cluster.advance(500);
    assert.equal(told.at(-1), "revoked 10.0.0.1 deposed");
  });
});

Deno.test("the elector says who holds, once for each change, and what is wrong", () =>
  inCluster({ times: SHORT }, async (cluster) => {
    await led(cluster, "a", "b");
    const { elector, store, leaders } = cluster.node("b");
    assert.deepEqual(leaders, ["a"]);
    await cluster.during(cluster.node("a").elector.stop());
    await cluster.advance(200);
    assert.deepEqual(leaders, ["a", null, "b"]);
    const { goodMs, triedMs, ...rest } = elector.observe();
    assert.deepEqual(rest, { leader: "b", leading: true, transitions: 1, trouble: null });
    assert(goodMs !== null && triedMs !== null);
    store.faults.refuses = true;
    await cluster.advance(2000, 10);
    assert.equal(elector.observe().trouble, "connection refused");
    store.heal();
    await cluster.advance(2000, 10);
    assert.equal(elector.observe().trouble, null);
    assert((elector.observe().goodMs ?? 0) > goodMs);
  }));

Deno.test("times that leave no hold on this machine are refused at the start, and bad ones when it is made", async () => {
  const cluster = new LeaseCluster(1, { times: SHORT, graceMs: () => 3600 });
  await assert.rejects(cluster.start("a"), /leaseDuration 5000 ms is too short/);
  assert.throws(() => cluster.make("b", { times: { ...SHORT, renewDeadlineMs: 5000 } }), /greater than renewDeadline/);
});
