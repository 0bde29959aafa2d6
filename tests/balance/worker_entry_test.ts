import assert from "node:assert/strict";
import { workerEntry } from "../../mod/balance/worker_entry.ts";

Deno.test("a thread begins with the source beside its owner, in a bundle with the script beside the chunk", () => {
  assert.equal(workerEntry("worker", "file:///a/b/owner.ts").href, "file:///a/b/worker.ts");
  Reflect.set(globalThis, "kubeVipBuild", {});
  try {
    assert.equal(workerEntry("worker", "file:///a/chunk-1.js").href, "file:///a/worker.js");
  } finally {
    Reflect.deleteProperty(globalThis, "kubeVipBuild");
  }
});
