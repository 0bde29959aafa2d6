import assert from "node:assert/strict";
import {
  lookTxn,
  placeOf,
  type QueueView,
  readQueue,
  resumable,
  resumeTxn,
  type Standing,
  standTxn,
} from "../../../mod/election/etcd/queue.ts";
import type { Txn } from "../../../mod/election/etcd/types.ts";
import { FakeEtcd } from "./fake_etcd.ts";

const PREFIX = "kube-system-plndr-cp-lock";
const FIT: Standing = { name: "node1", bootId: "boot1", unfit: false };

function etcdWith(...leases: readonly string[]): FakeEtcd {
  const etcd = new FakeEtcd();
  for (const lease of leases) etcd.grant(0, lease, 15);
  return etcd;
}

function run(etcd: FakeEtcd, txn: Txn): boolean {
  const answer = etcd.txn(txn);
  assert.ok(answer.outcome === "ok");
  return answer.body.succeeded;
}

function look(etcd: FakeEtcd): QueueView {
  const answer = etcd.txn(lookTxn(PREFIX));
  assert.ok(answer.outcome === "ok");
  return readQueue(PREFIX, answer.body);
}

Deno.test("a place is the lease as Go prints an int64 in hexadecimal", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["7587848390310888015", "694d73e8aa00024f"],
    ["255", "ff"],
    ["-255", "-ff"],
    ["-9223372036854775808", "-8000000000000000"],
  ];
  for (const [lease, place] of cases) assert.equal(placeOf(lease), place);
});

Deno.test("who stands has a key as clientv3 makes it, and a mark outside of its prefix", () => {
  const etcd = etcdWith("255");
  assert.ok(run(etcd, standTxn(PREFIX, "255", FIT)));
  assert.deepEqual(etcd.keys.map(({ key, value, lease }) => [key, value, lease]), [
    ["kube-system-plndr-cp-lock/ff", "node1", "255"],
    ["kube-vip/kube-system-plndr-cp-lock/ff", "boot1", "255"],
  ]);
  assert.ok(!run(etcd, standTxn(PREFIX, "255", { ...FIT, unfit: true })), "the second time nothing is done");
  assert.deepEqual(look(etcd).candidates, [{
    place: "ff",
    name: "node1",
    lease: "255",
    createRevision: 2,
    mark: { bootId: "boot1", unfit: false, createRevision: 2, modRevision: 2 },
  }]);
});

Deno.test("the order is that of creation, candidates of other programs have no mark, other prefixes are not seen", () => {
  const etcd = etcdWith("9", "8", "7");
  run(etcd, standTxn(PREFIX, "9", FIT));
  run(etcd, { compare: [], success: [{ do: "put", key: `${PREFIX}/8`, value: "go", lease: "8" }] });
  run(etcd, standTxn(`${PREFIX}2`, "7", FIT));
  run(etcd, standTxn(PREFIX, "7", { ...FIT, name: "node3", unfit: true }));
  const { candidates, orphans } = look(etcd);
  assert.deepEqual(candidates.map(({ name, mark }) => [name, mark?.unfit ?? null]), [
    ["node1", false],
    ["go", null],
    ["node3", true],
  ]);
  assert.deepEqual(orphans, []);
});

Deno.test("a mark whose candidacy was deleted is an orphan", () => {
  const etcd = etcdWith("9");
  run(etcd, standTxn(PREFIX, "9", FIT));
  etcd.delete(`${PREFIX}/9`);
  const { candidates, orphans } = look(etcd);
  assert.deepEqual(candidates, []);
  assert.deepEqual(orphans, [{ bootId: "boot1", unfit: false, createRevision: 2, modRevision: 2 }]);
});

Deno.test("a place is resumable by the same name and boot only", () => {
  const etcd = etcdWith("9", "8");
  run(etcd, { compare: [], success: [{ do: "put", key: `${PREFIX}/8`, value: "node1", lease: "8" }] });
  run(etcd, standTxn(PREFIX, "9", FIT));
  const view = look(etcd);
  assert.deepEqual(resumable(view, FIT), { place: "9", lease: "9", createRevision: 3, markRevision: 3 });
  assert.equal(resumable(view, { name: "node2", bootId: "boot1" }), null);
  assert.equal(resumable(view, { name: "node1", bootId: "boot2" }), null);
});

Deno.test("resuming keeps the order and moves both keys to the new lease; it fails once somebody was there before", () => {
  const etcd = etcdWith("9", "8", "7", "6");
  run(etcd, standTxn(PREFIX, "9", FIT));
  run(etcd, standTxn(PREFIX, "8", { ...FIT, name: "node2" }));
  const found = resumable(look(etcd), FIT);
  assert.ok(found !== null);
  assert.ok(run(etcd, resumeTxn(PREFIX, "7", { ...found, standing: { ...FIT, unfit: true } })));
  assert.ok(!run(etcd, resumeTxn(PREFIX, "6", { ...found, standing: FIT })), "the mark has been written since");
  etcd.revoke("9");
  const { candidates } = look(etcd);
  assert.deepEqual(candidates.map(({ place, lease, mark }) => [place, lease, mark?.unfit]), [
    ["9", "7", true],
    ["8", "8", false],
  ]);
  etcd.revoke("7");
  assert.ok(!run(etcd, resumeTxn(PREFIX, "6", { ...found, standing: FIT })), "the place has gone");
});
