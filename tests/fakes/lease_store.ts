import type { Clock } from "../../mod/base/clock.ts";
import type { LeaseRead, LeaseRecord, LeaseStore, LeaseWrite, StoredLease } from "../../mod/election/lease/store.ts";

/** The Lease as a server keeps it: conditional writes, versions that grow, and everybody who watches is told of every change. */
export class MemoryLease {
  #stored: StoredLease | null = null;
  #version = 100;
  readonly #watchers = new Set<(lease: StoredLease | null) => void>();

  get stored(): StoredLease | null {
    return this.#stored;
  }

  create(record: LeaseRecord): LeaseWrite {
    return this.#stored === null ? this.#put(record) : { outcome: "conflict" };
  }

  update(record: LeaseRecord, version: string): LeaseWrite {
    return this.#stored?.version === version ? this.#put(record) : { outcome: "conflict" };
  }

  /** Somebody with rights does as they please; a changed record loses its mark unless it is named. */
  edit(change: Partial<LeaseRecord>): void {
    if (this.#stored === null) throw new Error("there is no Lease to edit");
    this.#put({ ...this.#stored.record, ...change });
  }

  delete(): void {
    this.#stored = null;
    this.#version++;
    for (const seen of [...this.#watchers]) seen(null);
  }

  /** Told of every change at the moment it happens. */
  subscribe(seen: (lease: StoredLease | null) => void): () => void {
    this.#watchers.add(seen);
    return () => void this.#watchers.delete(seen);
  }

  #put(record: LeaseRecord): LeaseWrite {
    const version = String(++this.#version);
    this.#stored = { record, version };
    for (const seen of [...this.#watchers]) seen(this.#stored);
    return { outcome: "written", version };
  }
}

/** What goes wrong between one node and the server. */
export interface StoreFaults {
  /** Time to the server, and back. */
  thereMs: number;
  backMs: number;
  /** Requests do not arrive. */
  isCut: boolean;
  /** Requests arrive, answers do not. */
  losesAnswers: boolean;
  /** Connections are refused at once. */
  refuses: boolean;
  /** Watch events wait until the watch is well again; then it shows the state of that moment. */
  watchIsBroken: boolean;
}

/** One node's way to a {@link MemoryLease}. */
export class MemoryLeaseStore implements LeaseStore {
  readonly faults: StoreFaults = {
    thereMs: 1,
    backMs: 1,
    isCut: false,
    losesAnswers: false,
    refuses: false,
    watchIsBroken: false,
  };
  readonly #lease: MemoryLease;
  readonly #network: Clock;
  readonly #process: Clock;
  readonly #refreshers = new Set<() => void>();
  /** Requests that were made, the newest last. */
  readonly log: string[] = [];
  underWay = 0;
  mostUnderWay = 0;

  /** `process` is the clock that stands still with the process; `network` does not. */
  constructor(lease: MemoryLease, network: Clock, process: Clock = network) {
    this.#lease = lease;
    this.#network = network;
    this.#process = process;
  }

  read(limitMs: number): Promise<LeaseRead> {
    return this.#ask("read", limitMs, () => {
      const { stored } = this.#lease;
      return stored === null ? { outcome: "absent" } : { outcome: "found", lease: stored };
    });
  }

  create(record: LeaseRecord, limitMs: number): Promise<LeaseWrite> {
    return this.#ask("create", limitMs, () => this.#lease.create(record));
  }

  update(record: LeaseRecord, version: string, limitMs: number): Promise<LeaseWrite> {
    return this.#ask("update", limitMs, () => this.#lease.update(record, version));
  }

  watch(seen: (lease: StoredLease | null) => void): { stop(): void } {
    let live = true;
    const show = (lease: StoredLease | null): void => {
      if (this.#isDeaf()) return;
      this.#network.after(this.faults.backMs, () => {
        this.#process.after(0, () => {
          if (live && !this.#isDeaf()) seen(lease);
        });
      });
    };
    const refresh = (): void => show(this.#lease.stored);
    const unsubscribe = this.#lease.subscribe(show);
    this.#refreshers.add(refresh);
    refresh();
    return {
      stop: () => {
        live = false;
        unsubscribe();
        this.#refreshers.delete(refresh);
      },
    };
  }

  /** Everything works again; watches show the state of now. */
  heal(): void {
    Object.assign(this.faults, { isCut: false, losesAnswers: false, refuses: false, watchIsBroken: false });
    for (const refresh of this.#refreshers) refresh();
  }

  close(): void {
    this.#refreshers.clear();
  }

  #isDeaf(): boolean {
    return this.faults.isCut || this.faults.watchIsBroken || this.faults.refuses;
  }

  #ask<T extends LeaseRead | LeaseWrite>(
    what: string,
    limitMs: number,
    act: () => T,
  ): Promise<T | { outcome: "failed"; cause: string }> {
    this.log.push(what);
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    const { faults } = this;
    const answer = Promise.withResolvers<T | { outcome: "failed"; cause: string }>();
    const fail = (cause: string): void => answer.resolve({ outcome: "failed", cause });
    const limit = this.#process.after(limitMs, () => fail("timed out"));
    if (faults.refuses) this.#process.after(faults.backMs, () => fail("connection refused"));
    else {
      this.#network.after(faults.thereMs, () => {
        if (faults.isCut) return;
        const result = act();
        if (faults.losesAnswers) return;
        this.#network.after(faults.backMs, () => {
          if (!faults.isCut) this.#process.after(0, () => answer.resolve(result));
        });
      });
    }
    return answer.promise.finally(() => {
      this.underWay--;
      limit.cancel();
    });
  }
}
