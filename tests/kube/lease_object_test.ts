import assert from "node:assert/strict";
import type { LeaseRecord } from "../../mod/election/lease/store.ts";
import {
  type KubeLease,
  leasePath,
  leasesPath,
  MARK_ANNOTATION,
  newLease,
  recordOf,
  withRecord,
} from "../../mod/kube/lease_object.ts";

const RECORD: LeaseRecord = {
  holder: "a",
  durationSeconds: 15,
  acquireTime: "2026-01-02T03:04:05.000006Z",
  renewTime: "2026-01-02T03:04:06.000007Z",
  transitions: 2,
  mark: "lease:boot@1",
};
const WHERE = { namespace: "kube-system", name: "plndr-cp-lock", annotations: {} };

Deno.test("a record survives the way into an object and back", () => {
  for (const change of [{}, { holder: "", durationSeconds: 1 }, { mark: null }]) {
    const record = { ...RECORD, ...change };
    assert.deepEqual(recordOf(newLease(record, WHERE)), record);
  }
});

Deno.test("an object without fields is an empty record", () => {
  const empty = { holder: "", durationSeconds: 0, acquireTime: "", renewTime: "", transitions: 0, mark: null };
  assert.deepEqual(recordOf({}), empty);
  assert.deepEqual(recordOf({ spec: { holderIdentity: null, leaseDurationSeconds: null, renewTime: null } }), empty);
});

Deno.test("a mark that is not about this renewal is none", () => {
  const lease = newLease(RECORD, WHERE);
  const renewed: KubeLease = { ...lease, spec: { ...lease.spec, renewTime: "2026-01-02T03:04:09.000000Z" } };
  assert.equal(recordOf(renewed).mark, null);
  for (const text of ["", "no time", "@", "x@2026"]) {
    const object: KubeLease = { ...lease, metadata: { annotations: { [MARK_ANNOTATION]: text } } };
    assert.equal(recordOf(object).mark, null, text);
  }
});

Deno.test("a mark that is written no more is taken away, other annotations stay", () => {
  const base = withRecord({ metadata: { annotations: { note: "x" } } }, RECORD, { team: "edge" });
  const after = withRecord(base, { ...RECORD, mark: null }, {});
  assert.deepEqual(after.metadata?.annotations, { note: "x", team: "edge" });
  assert.equal(newLease({ ...RECORD, mark: null }, WHERE).metadata?.annotations, undefined);
});

Deno.test("times that are empty are not sent: the server would refuse them", () => {
  const { spec } = newLease({ ...RECORD, acquireTime: "", renewTime: "" }, WHERE);
  assert.equal(spec?.acquireTime, null);
  assert.equal(spec?.renewTime, null);
});

Deno.test("paths are those of coordination.k8s.io/v1, names in them escaped", () => {
  assert.equal(leasesPath("kube-system"), "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases");
  assert.equal(leasePath("a/b", "c d"), "/apis/coordination.k8s.io/v1/namespaces/a%2Fb/leases/c%20d");
});
