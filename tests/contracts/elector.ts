import assert from "node:assert/strict";
import type { MemberId } from "../../mod/election/raft/types.ts";
import type { HoldLedger } from "../fakes/machine.ts";

export const SCOPE = "10.0.0.1";

/** Three electors, a, b and c, that compete for {@link SCOPE} in virtual time. */
export interface Electorate {
  readonly ledger: HoldLedger;
  /** Longest time without a holder after its end, in milliseconds. */
  readonly failoverMs: number;
  start(id: MemberId): Promise<void>;
  stop(id: MemberId): Promise<void>;
  /** SIGKILL. */
  kill(id: MemberId): void;
  pause(id: MemberId): void;
  resume(id: MemberId): void;
  /** Cuts the member off from the others (or from what they share) and back. */
  isolate(id: MemberId): void;
  heal(): void;
  advance(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

type Scenario = (electorate: Electorate) => Promise<void>;

const SCENARIOS: Record<string, Scenario> = {
  "exactly one holds, and goes on holding": async (electorate) => {
    const holder = await elected(electorate);
    for (let turn = 0; turn < 50; turn++) {
      await electorate.advance(20);
      assert.deepEqual(electorate.ledger.holders(SCOPE), [holder]);
    }
  },
  "another takes over after the holder was killed, not before its grant ran out": async (electorate) => {
    const holder = await elected(electorate);
    electorate.kill(holder);
    assert.notEqual(await nextHolder(electorate, holder), holder);
  },
  "a holder that stood still holds nothing any more when it goes on": async (electorate) => {
    const holder = await elected(electorate);
    electorate.pause(holder);
    const next = await nextHolder(electorate, holder);
    await electorate.advance(5000);
    electorate.resume(holder);
    await electorate.advance(500);
    assert.deepEqual(electorate.ledger.holders(SCOPE), [next]);
  },
  "a holder that is cut off lets go, another takes over, and the return changes nothing": async (electorate) => {
    const holder = await elected(electorate);
    electorate.isolate(holder);
    const next = await nextHolder(electorate, holder);
    await electorate.advance(2000);
    electorate.heal();
    await electorate.advance(2000);
    assert.deepEqual(electorate.ledger.holders(SCOPE), [next]);
  },
  "an orderly stop lets go first, and another holds within milliseconds": async (electorate) => {
    const holder = await elected(electorate);
    await electorate.stop(holder);
    await electorate.advance(20);
    const { events } = electorate.ledger;
    const stopping = events.findLastIndex((event) => event.member === holder && event.what === "stopping");
    assert(stopping > 0, "the holder was told to let go");
    const taken = events.findIndex((event, at) => at > stopping && event.what === "granted");
    assert(taken > 0 && events[taken]?.member !== holder);
    assert((events[taken]?.atMs ?? Infinity) - (events[stopping]?.atMs ?? 0) < 20, "the gap");
  },
  "stopping twice, or before the start, is harmless": async (electorate) => {
    await electorate.stop("a");
    await electorate.stop("a");
    assert.deepEqual(electorate.ledger.events, []);
  },
  "a member that was stopped can come back without taking over": async (electorate) => {
    const holder = await elected(electorate);
    await electorate.stop(holder);
    const next = await nextHolder(electorate, holder);
    await electorate.start(holder);
    await electorate.advance(3000);
    assert.deepEqual(electorate.ledger.holders(SCOPE), [next]);
  },
};

/** Registers the suite that every elector passes. After each scenario, no two grants may ever have overlapped. */
export function electorContract(name: string, make: () => Promise<Electorate>): void {
  for (const [sentence, scenario] of Object.entries(SCENARIOS)) {
    Deno.test(`elector by ${name}: ${sentence}`, async () => {
      const electorate = await make();
      try {
        await scenario(electorate);
        assert.deepEqual(electorate.ledger.overlaps, []);
      } finally {
        await electorate.dispose();
      }
    });
  }
}

async function elected(electorate: Electorate): Promise<MemberId> {
  for (const id of ["a", "b", "c"]) await electorate.start(id);
  return await nextHolder(electorate, null);
}

/** Lets time pass until another than `before` holds. */
async function nextHolder(electorate: Electorate, before: MemberId | null): Promise<MemberId> {
  for (let waited = 0; waited < electorate.failoverMs; waited += 5) {
    await electorate.advance(5);
    const holder = electorate.ledger.holders(SCOPE).find((each) => each !== before);
    if (holder !== undefined) return holder;
  }
  assert.fail(`nobody holds after ${electorate.failoverMs} ms`);
}
