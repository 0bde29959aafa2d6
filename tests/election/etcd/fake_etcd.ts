import type { Clock, Random } from "../../../mod/base/clock.ts";
import {
  CODE_FAILED_PRECONDITION,
  CODE_NOT_FOUND,
  type Compare,
  type Etcd,
  type EtcdAnswer,
  type EtcdWatch,
  type EtcdWatchListener,
  type EtcdWatchRequest,
  type KeyValue,
  type LeaseId,
  type LeaseTtl,
  type Operation,
  type Txn,
  type TxnResult,
} from "../../../mod/election/etcd/types.ts";

interface Lease {
  readonly ttlSeconds: number;
  endsAt: number;
}

interface Follower {
  readonly prefix: string;
  readonly listener: EtcdWatchListener;
}

/** What etcd is to the election: keys with revisions, transactions, leases with a time to live, watches. Time comes in as `now`. */
export class FakeEtcd {
  #revision = 1;
  readonly #keys = new Map<string, KeyValue>();
  readonly #leases = new Map<LeaseId, Lease>();
  readonly #followers = new Set<Follower>();
  readonly #lateMs: () => number;

  /** @param lateMs how much longer than its time to live a lease lasts; etcd is late by up to a second */
  constructor(lateMs: () => number = () => 0) {
    this.#lateMs = lateMs;
  }

  get keys(): readonly KeyValue[] {
    return [...this.#keys.values()];
  }

  get leases(): readonly LeaseId[] {
    return [...this.#leases.keys()];
  }

  /** Ends the leases that have run out. */
  tick(now: number): void {
    for (const [id, lease] of this.#leases) if (lease.endsAt <= now) this.revoke(id);
  }

  txn(txn: Txn): EtcdAnswer<TxnResult> {
    if (!txn.compare.every((compare) => this.#holds(compare))) {
      return { outcome: "ok", body: { succeeded: false, revision: this.#revision, ranges: [] } };
    }
    if (txn.success.some((each) => each.do === "put" && each.lease !== "0" && !this.#leases.has(each.lease))) {
      return { outcome: "refused", code: CODE_NOT_FOUND, message: "etcdserver: requested lease not found" };
    }
    if (txn.success.some((each) => each.do === "put")) this.#revision++;
    const ranges = txn.success.flatMap((each) => this.#operate(each));
    return { outcome: "ok", body: { succeeded: true, revision: this.#revision, ranges } };
  }

  grant(now: number, id: LeaseId, ttlSeconds: number): EtcdAnswer<LeaseTtl> {
    if (this.#leases.has(id)) {
      return { outcome: "refused", code: CODE_FAILED_PRECONDITION, message: "etcdserver: lease already exists" };
    }
    this.#leases.set(id, { ttlSeconds, endsAt: now + ttlSeconds * 1000 + this.#lateMs() });
    return { outcome: "ok", body: { ttlSeconds } };
  }

  keep(now: number, id: LeaseId): EtcdAnswer<LeaseTtl> {
    const lease = this.#leases.get(id);
    if (lease === undefined) return { outcome: "ok", body: { ttlSeconds: 0 } };
    lease.endsAt = now + lease.ttlSeconds * 1000 + this.#lateMs();
    return { outcome: "ok", body: { ttlSeconds: lease.ttlSeconds } };
  }

  revoke(id: LeaseId): EtcdAnswer<null> {
    this.#leases.delete(id);
    const keys = this.keys.filter((kv) => kv.lease === id).map((kv) => kv.key);
    this.delete(...keys);
    return { outcome: "ok", body: null };
  }

  /** Deletes keys whatever they are, as a person would. */
  delete(...keys: readonly string[]): void {
    const deleted = keys.filter((key) => this.#keys.delete(key));
    if (deleted.length === 0) return;
    this.#revision++;
    for (const key of deleted) this.#announce(key);
  }

  follow(request: EtcdWatchRequest, listener: EtcdWatchListener): EtcdWatch {
    const follower = { prefix: request.prefix, listener };
    this.#followers.add(follower);
    if (this.#revision >= request.fromRevision) listener.changed();
    return { stop: () => void this.#followers.delete(follower) };
  }

  #holds(compare: Compare): boolean {
    const kv = this.#keys.get(compare.key);
    if ("createRevision" in compare) return (kv?.createRevision ?? 0) === compare.createRevision;
    return (kv?.modRevision ?? 0) === compare.modRevision;
  }

  #operate(operation: Operation): (readonly KeyValue[])[] {
    if (operation.do === "range") {
      const found = this.keys.filter((kv) => kv.key.startsWith(operation.prefix));
      return [found.sort((a, b) => a.createRevision - b.createRevision)];
    }
    const { key, value, lease } = operation;
    const createRevision = this.#keys.get(key)?.createRevision ?? this.#revision;
    this.#keys.set(key, { key, value, lease, createRevision, modRevision: this.#revision });
    this.#announce(key);
    return [];
  }

  #announce(key: string): void {
    for (const { prefix, listener } of [...this.#followers]) if (key.startsWith(prefix)) listener.changed();
  }
}

/** What happens to the requests of one node. */
export interface Weather {
  /** From here to etcd, and from etcd to here. */
  readonly lose: { readonly request: boolean; readonly answer: boolean };
}

const CLEAR: Weather = { lose: { request: false, answer: false } };

/** One node's connection to a {@link FakeEtcd}: a millisecond each way, and whatever faults a test asks for. */
export class FakeConnection implements Etcd {
  readonly #etcd: FakeEtcd;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #watches = new Set<{ stop(): void }>();
  #isClosed = false;
  weather: Weather = CLEAR;
  /** Watches say nothing any more, as over a connection that is dead. */
  deafWatches = false;
  /** Every request takes so much longer, half of it on its way there. */
  slowMs = 0;
  /** Watches end as soon as they have begun. */
  brokenWatches = false;
  /** How many watches were begun. */
  watched = 0;
  /** How many requests were made. */
  requests = 0;

  constructor(etcd: FakeEtcd, clock: Clock, options: { readonly random: Random }) {
    this.#etcd = etcd;
    this.#clock = clock;
    this.#random = options.random;
  }

  txn(txn: Txn, limitMs: number): Promise<EtcdAnswer<TxnResult>> {
    return this.#ask(limitMs, () => this.#etcd.txn(txn));
  }

  grantLease(
    lease: { readonly id: LeaseId; readonly ttlSeconds: number },
    limitMs: number,
  ): Promise<EtcdAnswer<LeaseTtl>> {
    return this.#ask(limitMs, (now) => this.#etcd.grant(now, lease.id, lease.ttlSeconds));
  }

  keepLease(id: LeaseId, limitMs: number): Promise<EtcdAnswer<LeaseTtl>> {
    return this.#ask(limitMs, (now) => this.#etcd.keep(now, id));
  }

  revokeLease(id: LeaseId, limitMs: number): Promise<EtcdAnswer<null>> {
    return this.#ask(limitMs, () => this.#etcd.revoke(id));
  }

  watch(request: EtcdWatchRequest, listener: EtcdWatchListener): EtcdWatch {
    const say = (): void => {
      this.#clock.after(1, () => this.#watches.has(watch) && !this.#isCut && listener.changed());
    };
    const inner = this.#etcd.follow(request, { changed: say, ended: () => {} });
    const watch = {
      stop: (): void => {
        inner.stop();
        this.#watches.delete(watch);
      },
    };
    this.#watches.add(watch);
    this.watched++;
    if (this.brokenWatches) this.#clock.after(1, () => listener.ended("broken"));
    return watch;
  }

  close(): void {
    this.#isClosed = true;
    for (const watch of [...this.#watches]) watch.stop();
  }

  get #isCut(): boolean {
    return this.deafWatches || this.weather.lose.answer || this.weather.lose.request;
  }

  #wayMs(): number {
    return this.slowMs / 2 + 0.5 + this.#random() / 2;
  }

  /** The request arrives, the answer returns; whichever is lost, the time limit answers. */
  #ask<T>(limitMs: number, act: (now: number) => EtcdAnswer<T>): Promise<EtcdAnswer<T>> {
    const { promise, resolve } = Promise.withResolvers<EtcdAnswer<T>>();
    if (this.#isClosed) return Promise.resolve({ outcome: "unreachable", cause: "closed" });
    this.requests++;
    const late = this.#clock.after(limitMs, () => resolve({ outcome: "unreachable", cause: "no answer in time" }));
    if (this.weather.lose.request) return promise;
    this.#clock.after(this.#wayMs(), () => {
      const answer = act(this.#clock.now());
      if (this.weather.lose.answer) return;
      this.#clock.after(this.#wayMs(), () => {
        late.cancel();
        resolve(answer);
      });
    });
    return promise;
  }
}
