import assert from "node:assert/strict";
import { RivalStore } from "../../mod/agent/rival_store.ts";
import type { LeaseStore } from "../../mod/election/lease/store.ts";

const RECORD = { holder: "", durationSeconds: 1, acquireTime: "", renewTime: "", transitions: 1, mark: null };

function storeAt(server: string, log: string[]): LeaseStore {
  return {
    read: () => Promise.resolve({ outcome: "absent" }),
    create: () => Promise.resolve({ outcome: "conflict" }),
    update: () => {
      log.push(`update at ${server}`);
      return Promise.resolve({ outcome: "written", version: "2" });
    },
    watch: () => ({ stop: () => {} }),
    close: () => {},
  };
}

Deno.test("a release goes to the server that is well now, and nowhere when none is", async () => {
  const log: string[] = [];
  let rival: string | null = null;
  const store = new RivalStore(() => rival, (server) => ({
    store: storeAt(server, log),
    close: () => void log.push(`close ${server}`),
  }));
  assert.equal((await store.update(RECORD, "1", 100)).outcome, "failed");
  assert.equal((await store.read(100)).outcome, "failed");
  assert.equal((await store.create(RECORD, 100)).outcome, "failed");
  for (const server of ["https://b", "https://b", "https://c"]) {
    rival = server;
    assert.equal((await store.update(RECORD, "1", 100)).outcome, "written");
  }
  assert.equal((await store.read(100)).outcome, "absent");
  assert.equal((await store.create(RECORD, 100)).outcome, "conflict");
  store.watch().stop();
  store.close();
  store.close();
  assert.deepEqual(log, [
    "update at https://b",
    "update at https://b",
    "close https://b",
    "update at https://c",
    "close https://c",
  ]);
});
