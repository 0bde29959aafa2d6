import assert from "node:assert/strict";
import type { Grant } from "../../../mod/election/elector.ts";
import { electorContract } from "../../contracts/elector.ts";
import { EtcdElectorate, TTL_MS } from "./electorate.ts";

electorContract("etcd", () => Promise.resolve(new EtcdElectorate()));

/** Makes an electorate, uses it, and ends it; no two grants may ever have overlapped. */
function election(
  name: string,
  use: (electorate: EtcdElectorate) => Promise<void>,
  make: () => EtcdElectorate = () => new EtcdElectorate(),
): void {
  Deno.test(`elector by etcd: ${name}`, async () => {
    const electorate = make();
    try {
      await use(electorate);
      assert.deepEqual(electorate.ledger.overlaps, []);
    } finally {
      await electorate.dispose();
    }
    assert.equal(electorate.clock.pending, 0, "timers are left");
  });
}

/** Starts all, `a` first, so that it holds. */
async function started(electorate: EtcdElectorate): Promise<void> {
  for (const id of ["a", "b", "c"]) {
    await electorate.start(id);
    await electorate.advance(20);
  }
  assert.deepEqual(electorate.holders(), ["a"]);
}

election("everybody learns who leads, once", async (electorate) => {
  await started(electorate);
  await electorate.advance(5000);
  assert.deepEqual([...electorate.leaders], [["a", ["a"]], ["b", ["a"]], ["c", ["a"]]]);
  const { leader, leading, trouble, transitions, goodMs, triedMs } = electorate.member("a").elector.observe();
  assert.deepEqual([leader, leading, trouble, transitions], ["a", true, null, 0]);
  assert.ok(electorate.clock.now() - (goodMs ?? 0) < 2100);
  assert.ok((triedMs ?? Infinity) <= (goodMs ?? 0));
  await electorate.stop("a");
  await electorate.advance(20);
  assert.deepEqual(electorate.leaders.get("c"), ["a", "b"]);
  assert.equal(electorate.member("a").elector.observe().leading, false);
});

election("an idle member asks etcd a few times a second at most", async (electorate) => {
  await started(electorate);
  const counts = (): number[] => [...electorate.members.values()].map(({ connection }) => connection.requests);
  const before = counts();
  await electorate.advance(10_000);
  counts().forEach((count, at) => assert.ok(count - (before[at] ?? 0) <= 25, `${count}`));
});

election("a watch that died without a sign delays a take-over by a second at most", async (electorate) => {
  await started(electorate);
  for (const { connection } of electorate.members.values()) connection.deafWatches = true;
  await electorate.stop("a");
  assert.ok(await electorate.until(() => electorate.holders().length > 0, 2000) <= 1020);
});

election("a process that restarts within the lease goes on, and nobody else holds in between", async (electorate) => {
  await started(electorate);
  electorate.kill("a");
  electorate.ledger.sink("a").revoked(["10.0.0.1"], "stopping");
  await electorate.advance(500);
  await electorate.make("a").elector.start();
  await electorate.advance(50);
  assert.deepEqual(electorate.holders(), ["a"]);
  await electorate.advance(6000);
  assert.deepEqual(electorate.holders(), ["a"]);
  assert.ok(!electorate.ledger.events.some(({ member, what }) => member !== "a" && what === "granted"));
});

election("two machines of one name: the second waits for the first's lease to end", async (electorate) => {
  await electorate.start("a");
  await electorate.advance(20);
  const twin = electorate.make("twin", { identity: "a", bootId: "another" });
  await twin.elector.start();
  await electorate.advance(5000);
  assert.deepEqual(electorate.holders(), ["a"]);
  electorate.kill("a");
  const took = await electorate.until(() => electorate.holders().includes("twin"), 5000);
  assert.ok(took <= TTL_MS + 20, `${took} ms`);
});

election("after a crash the next one holds when the lease ends, not a poll later", async (electorate) => {
  await started(electorate);
  electorate.kill("a");
  const took = await electorate.until(() => electorate.holders().some((id) => id !== "a"), 5000);
  assert.ok(took <= TTL_MS + 20, `${took} ms`);
});

election("an answer that is lost is no loss", async (electorate) => {
  electorate.member("a").connection.weather = { lose: { request: false, answer: true } };
  await electorate.start("a");
  await electorate.advance(900);
  electorate.heal();
  await electorate.until(() => electorate.holders().includes("a"), 4000);
});

election("a stop gives the lease back although a request hangs, and in time although etcd does", async (electorate) => {
  await started(electorate);
  electorate.isolate("a");
  await electorate.advance(2100);
  const stopping = electorate.clock.now();
  electorate.clock.after(300, () => electorate.heal());
  await electorate.stop("a");
  assert.ok(electorate.clock.now() - stopping < 1500);
  assert.ok(await electorate.until(() => electorate.holders().length > 0, 500) < 100);
  const next = electorate.holders()[0] ?? "";
  electorate.isolate(next);
  const again = electorate.clock.now();
  await electorate.stop(next);
  assert.ok(electorate.clock.now() - again <= 2010, `${electorate.clock.now() - again} ms`);
  assert.ok(!electorate.holders().includes(next));
});

election(
  "an unfit holder hands over within half a second, and keeps the addresses when nobody is fit",
  async (electorate) => {
    await started(electorate);
    electorate.unfit.add("a");
    assert.ok(await electorate.until(() => electorate.holders().includes("b"), 1000) < 500);
    for (const id of ["b", "c"]) electorate.unfit.add(id);
    await electorate.advance(8000);
    assert.equal(electorate.holders().length, 1);
    const reasons = electorate.ledger.events.filter(({ what }) => what !== "granted");
    assert.ok(reasons.length <= 3, JSON.stringify(reasons));
  },
);

election("refresh() looks at once", async (electorate) => {
  await started(electorate);
  electorate.unfit.add("a");
  electorate.member("a").elector.refresh();
  assert.deepEqual(electorate.holders(), []);
  electorate.unfit.clear();
  await electorate.advance(50);
  electorate.addresses = ["10.0.0.2"];
  const holder = electorate.holders()[0] ?? "";
  electorate.member(holder).elector.refresh();
  assert.deepEqual(electorate.holders(), []);
  assert.deepEqual(electorate.ledger.holders("10.0.0.2"), [holder]);
  assert.equal(electorate.ledger.events.at(-2)?.what, "reassigned");
});

election("a hand-over ends with another holder", async (electorate) => {
  await started(electorate);
  let outcome = "";
  void electorate.member("a").elector.handOver().then((result) => void (outcome = result));
  assert.deepEqual(electorate.holders(), []);
  await electorate.advance(20);
  assert.equal(outcome, "released");
  assert.deepEqual(electorate.holders(), ["b"]);
  assert.equal(await electorate.member("a").elector.handOver(), "not-leader");
  electorate.isolate("b");
  void electorate.member("b").elector.handOver().then((result) => void (outcome = result));
  await electorate.advance(2100);
  assert.equal(outcome, "failed");
});

election(
  "IPv4 addresses stay after a loss by time if that is wanted, and go when another holds",
  async (electorate) => {
    electorate.addresses = ["10.0.0.1", "fd98::1"];
    const grants: (readonly Grant[])[] = [];
    const revoked: (readonly string[])[] = [];
    const sink = {
      granted: (g: readonly Grant[]) => void grants.push(g),
      revoked: (s: readonly string[]) => void revoked.push(s),
    };
    const keeper = electorate.make("keeper", { preserveOnLoss: true, sink });
    await keeper.elector.start();
    await electorate.advance(20);
    assert.deepEqual(grants.at(-1)?.map(({ scope, preserved }) => [scope, preserved]), [
      ["10.0.0.1", undefined],
      ["fd98::1", undefined],
    ]);
    electorate.isolate("keeper");
    await electorate.advance(3500);
    assert.deepEqual(revoked, [["fd98::1"]]);
    assert.deepEqual(grants.at(-1)?.map(({ scope, preserved }) => [scope, preserved]), [["10.0.0.1", true]]);
    await electorate.start("a");
    await electorate.advance(1000);
    electorate.heal();
    await electorate.advance(3000);
    assert.deepEqual(revoked.at(-1), ["10.0.0.1"]);
  },
);

election("whoever is told may stop the elector in the middle of it", async (electorate) => {
  const member = electorate.make("d", {
    sink: { granted: () => void member.elector.stop(), revoked: () => {} },
    onLeader: () => member.elector.refresh(),
  });
  await member.elector.start();
  await electorate.advance(100);
  assert.equal(member.elector.observe().leading, false);
  assert.deepEqual(electorate.etcd.keys, []);
});

election("an etcd that takes five seconds for everything ends no hold of fifteen", async (electorate) => {
  const slow = electorate.make("slow", { ttlMs: 15_000 });
  await slow.elector.start();
  await electorate.advance(20);
  slow.connection.slowMs = 5000;
  await electorate.advance(120_000);
  assert.deepEqual(electorate.holders(), ["slow"]);
  assert.ok(!electorate.ledger.events.some(({ what }) => what !== "granted"));
  slow.connection.slowMs = 0;
  await electorate.advance(6000);
});

election("a watch that breaks again and again is begun once a second", async (electorate) => {
  const { connection } = electorate.member("a");
  connection.brokenWatches = true;
  await electorate.start("a");
  await electorate.advance(10_000);
  assert.ok(connection.watched >= 9 && connection.watched <= 11, `${connection.watched}`);
  assert.ok(connection.requests <= 35, `${connection.requests}`);
});

election("a stop in the middle of taking a lease leaves none behind", async (electorate) => {
  const { connection } = electorate.member("a");
  await electorate.start("a");
  await electorate.until(() => connection.requests === 2, 10);
  await electorate.advance(1);
  assert.equal(electorate.etcd.leases.length, 1);
  await electorate.stop("a");
  await electorate.advance(10);
  assert.deepEqual(electorate.etcd.leases, []);
});

election("whoever is told that the hold has ended may ask at once, and is not told twice", async (electorate) => {
  const told: string[] = [];
  const member = electorate.make("d", {
    sink: {
      granted: () => {},
      revoked: (_, reason) => {
        told.push(reason);
        member.elector.refresh();
      },
    },
  });
  await member.elector.start();
  await electorate.advance(20);
  electorate.isolate("d");
  await electorate.advance(2500);
  assert.deepEqual(told, ["lease-lost"]);
});
