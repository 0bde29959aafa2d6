/** What tests of elections share: the parts an election gets, and a ledger that sees whether two nodes hold at once. */
import type { ElectionParts } from "../../mod/agent/manager_election.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { Holder } from "../../mod/vip/holder.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeKernel } from "../fakes/kernel.ts";
import { HoldLedger } from "../fakes/machine.ts";

export const IP = "10.98.0.200";
/** The shortest ones that leave a second between the end of a grant and the next holder. */
export const TIMES = { durationMs: 3000, renewDeadlineMs: 2000, retryMs: 500 };

/** Several nodes in one process, in real time. */
export class Nodes {
  readonly ledger = new HoldLedger(systemClock);
  /** Holders that each node was told of. */
  readonly leaders = new Map<string, (string | null)[]>();
  readonly #waiting = new Set<() => void>();

  parts(identity: string, change: Partial<ElectionParts> = {}): ElectionParts {
    const told: (string | null)[] = [];
    this.leaders.set(identity, told);
    const sink = this.ledger.sink(identity);
    return {
      clock: systemClock,
      identity,
      bootId: `boot-of-${identity}`,
      addresses: () => [IP],
      sink: {
        granted: (grants) => {
          sink.granted(grants);
          this.#wake();
        },
        revoked: (scopes, reason) => {
          sink.revoked(scopes, reason);
          this.#wake();
        },
      },
      holder: idleHolder(),
      fence: () => "guard",
      fit: () => true,
      rival: () => true,
      onStanding: () => {},
      onLeader: (holder) => {
        told.push(holder);
        this.#wake();
      },
      ...change,
    };
  }

  /** Resolves when this node, and nobody else, holds; with null when nobody does. */
  async holds(identity: string | null): Promise<void> {
    const wanted = identity === null ? [] : [identity];
    while (this.ledger.holders(IP).join() !== wanted.join()) await this.#next();
  }

  /** Resolves when this node was told that `holder` holds. */
  async told(identity: string, holder: string | null): Promise<void> {
    while (this.leaders.get(identity)?.at(-1) !== holder) await this.#next();
  }

  #next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    return promise;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** A fit one whose kernel is in memory; its time stands still, so that it needs no end. */
function idleHolder(): Holder {
  const clock = new VirtualClock();
  const kernel = new FakeKernel(clock);
  const holder = new Holder({
    vips: [{ ip: IP, prefixLength: 32, linkName: "eth0" }],
    book: kernel,
    permission: kernel,
    announcer: null,
    announceEveryMs: 3000,
    clock,
    listener: { held: () => {}, released: () => {} },
    elsewhere: () => ({ atMs: null, graceMs: 0 }),
  });
  holder.start();
  return holder;
}
