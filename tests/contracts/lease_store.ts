import assert from "node:assert/strict";
import type { LeaseRead, LeaseRecord, LeaseStore, LeaseWrite, StoredLease } from "../../mod/election/lease/store.ts";

/** A server with one Lease that is not there yet, and two ways to it. */
export interface LeasePlace {
  readonly store: LeaseStore;
  readonly other: LeaseStore;
  /** Deletes the Lease behind everybody's back. */
  remove(): Promise<void>;
  /** Another program writes: a record of its own, as client-go would, which knows nothing of marks. */
  overwrite(record: LeaseRecord): Promise<void>;
  /** Requests reach nobody from now on. */
  sever(): void;
  /** Lets time pass while `work` goes on. */
  during<T>(work: Promise<T>): Promise<T>;
  dispose(): Promise<void>;
}

const LIMIT_MS = 2000;

export const RECORD: LeaseRecord = {
  holder: "a",
  durationSeconds: 15,
  acquireTime: "2026-01-02T03:04:05.000006Z",
  renewTime: "2026-01-02T03:04:06.000007Z",
  transitions: 0,
  mark: "lease:boot-1",
};
const RENEWED: LeaseRecord = { ...RECORD, renewTime: "2026-01-02T03:04:08.000008Z" };
const RELEASED: LeaseRecord = { ...RENEWED, holder: "", durationSeconds: 1 };

const SCENARIOS: Record<string, (place: LeasePlace) => Promise<void>> = {
  "a Lease that is not there is absent, and reads as it was created": async (place) => {
    assert.equal((await read(place, place.store)).outcome, "absent");
    const version = written(await place.during(place.store.create(RECORD, LIMIT_MS)));
    assert.deepEqual(await read(place, place.store), { outcome: "found", lease: { record: RECORD, version } });
    assert.deepEqual(await read(place, place.other), { outcome: "found", lease: { record: RECORD, version } });
  },
  "it is created once": async (place) => {
    written(await place.during(place.store.create(RECORD, LIMIT_MS)));
    for (const store of [place.store, place.other]) {
      assert.equal((await place.during(store.create(RENEWED, LIMIT_MS))).outcome, "conflict");
    }
    assert.deepEqual((await found(place, place.store)).record, RECORD);
  },
  "an update needs the current version, also one that another way has learned": async (place) => {
    const first = written(await place.during(place.store.create(RECORD, LIMIT_MS)));
    const second = written(await place.during(place.store.update(RENEWED, first, LIMIT_MS)));
    assert.notEqual(first, second);
    assert.equal((await place.during(place.other.update(RECORD, first, LIMIT_MS))).outcome, "conflict");
    assert.equal((await place.during(place.store.update(RECORD, first, LIMIT_MS))).outcome, "conflict");
    const third = written(await place.during(place.other.update(RELEASED, second, LIMIT_MS)));
    assert.deepEqual(await found(place, place.store), { record: RELEASED, version: third });
  },
  "an update of a Lease that is gone is a conflict, and it can be created again": async (place) => {
    const version = written(await place.during(place.store.create(RECORD, LIMIT_MS)));
    await place.remove();
    assert.equal((await place.during(place.store.update(RENEWED, version, LIMIT_MS))).outcome, "conflict");
    assert.equal((await place.during(place.other.update(RENEWED, version, LIMIT_MS))).outcome, "conflict");
    assert.equal((await read(place, place.store)).outcome, "absent");
    written(await place.during(place.store.create(RENEWED, LIMIT_MS)));
  },
  "of two updates of one version one is done": async (place) => {
    const version = written(await place.during(place.store.create(RECORD, LIMIT_MS)));
    const both = [place.store.update(RENEWED, version, LIMIT_MS), place.other.update(RELEASED, version, LIMIT_MS)];
    const outcomes = (await place.during(Promise.all(both))).map((each) => each.outcome);
    assert.deepEqual(outcomes.toSorted(), ["conflict", "written"]);
  },
  "a record that another program wrote has no mark, and its version is a new one": async (place) => {
    const version = written(await place.during(place.store.create(RECORD, LIMIT_MS)));
    const theirs = { ...RENEWED, holder: "up", transitions: 1, mark: null };
    await place.overwrite(theirs);
    const lease = await found(place, place.store);
    assert.deepEqual(lease.record, theirs);
    assert.notEqual(lease.version, version);
    const own = { ...RELEASED, transitions: 2 };
    written(await place.during(place.store.update(own, lease.version, LIMIT_MS)));
    assert.deepEqual((await found(place, place.other)).record, own);
  },
  "a watch shows the state at its start and every change, in order, until it is stopped": async (place) => {
    const seen = new Seen();
    const watch = place.store.watch((lease) => seen.add(lease));
    await place.during(seen.until(1));
    const first = written(await place.during(place.store.create(RECORD, LIMIT_MS)));
    await place.during(seen.until(2));
    const second = written(await place.during(place.other.update(RENEWED, first, LIMIT_MS)));
    await place.during(seen.until(3));
    await place.remove();
    await place.during(seen.until(4));
    assert.deepEqual(seen.all, [
      null,
      { record: RECORD, version: first },
      { record: RENEWED, version: second },
      null,
    ]);
    watch.stop();
    written(await place.during(place.store.create(RECORD, LIMIT_MS)));
    await read(place, place.store);
    assert.equal(seen.all.length, 4);
  },
  "a watch that begins later shows what is there": async (place) => {
    const version = written(await place.during(place.store.create(RECORD, LIMIT_MS)));
    const seen = new Seen();
    const watch = place.other.watch((lease) => seen.add(lease));
    await place.during(seen.until(1));
    assert.deepEqual(seen.all, [{ record: RECORD, version }]);
    watch.stop();
  },
  "a server out of reach is a failure within the limit, never an exception": async (place) => {
    const version = written(await place.during(place.store.create(RECORD, LIMIT_MS)));
    place.sever();
    const asked = [place.store.read(50), place.store.create(RECORD, 50), place.store.update(RENEWED, version, 50)];
    for (const answer of await place.during(Promise.all(asked))) {
      assert(answer.outcome === "failed", answer.outcome);
      assert.notEqual(answer.cause, "");
    }
  },
};

/** Registers the suite that every store passes. */
export function leaseStoreContract(name: string, make: () => Promise<LeasePlace>): void {
  for (const [sentence, scenario] of Object.entries(SCENARIOS)) {
    Deno.test(`Lease store by ${name}: ${sentence}`, async () => {
      const place = await make();
      try {
        await scenario(place);
      } finally {
        place.store.close();
        place.other.close();
        await place.dispose();
      }
    });
  }
}

/** What a watch has shown. */
class Seen {
  readonly all: (StoredLease | null)[] = [];
  #wake: () => void = () => {};

  add(lease: StoredLease | null): void {
    this.all.push(lease);
    this.#wake();
  }

  async until(count: number): Promise<void> {
    while (this.all.length < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}

async function read(place: LeasePlace, store: LeaseStore): Promise<LeaseRead> {
  return await place.during(store.read(LIMIT_MS));
}

async function found(place: LeasePlace, store: LeaseStore): Promise<StoredLease> {
  const answer = await read(place, store);
  assert(answer.outcome === "found", answer.outcome);
  return answer.lease;
}

function written(answer: LeaseWrite): string {
  assert(answer.outcome === "written", JSON.stringify(answer));
  return answer.version;
}
