/** The Lease at the API server. */
import type { LeaseRead, LeaseRecord, LeaseStore, LeaseWrite, StoredLease } from "../election/lease/store.ts";
import type { KubeAnswer, KubeClient } from "./api.ts";
import { type KubeLease, leasePath, leasesPath, newLease, recordOf, withRecord } from "./lease_object.ts";

/** Objects that are kept so that an update need not read first: more than versions that an elector still thinks of. */
const KEPT_OBJECTS = 8;

export interface KubeLeaseOptions {
  readonly namespace: string;
  readonly name: string;
  /** Written to the metadata at every write (`vip_leaseannotations`). */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Requests go over connections of their own (a fork of the client), so that no other traffic delays a renewal. */
export class KubeLeaseStore implements LeaseStore {
  readonly #options: KubeLeaseOptions;
  readonly #client: KubeClient;
  readonly #requests: KubeClient;
  readonly #path: string;
  readonly #objects = new Map<string, KubeLease>();

  /** The client stays with whoever made it. */
  constructor(client: KubeClient, options: KubeLeaseOptions) {
    this.#options = options;
    this.#client = client;
    this.#requests = client.fork();
    this.#path = leasePath(options.namespace, options.name);
  }

  async read(limitMs: number): Promise<LeaseRead> {
    const answer = await this.#requests.request<KubeLease>({ method: "GET", path: this.#path, limitMs });
    if (answer.outcome === "refused" && answer.status === 404) return { outcome: "absent" };
    if (answer.outcome !== "ok") return { outcome: "failed", cause: causeOf(answer) };
    const lease = this.#stored(answer.body);
    return lease === null ? { outcome: "failed", cause: "the answer has no version" } : { outcome: "found", lease };
  }

  async create(record: LeaseRecord, limitMs: number): Promise<LeaseWrite> {
    const path = leasesPath(this.#options.namespace);
    const body = newLease(record, this.#options);
    return this.#written(await this.#requests.request<KubeLease>({ method: "POST", path, body, limitMs }), [409]);
  }

  async update(record: LeaseRecord, version: string, limitMs: number): Promise<LeaseWrite> {
    const base = this.#objects.get(version);
    if (base === undefined) return await this.#updateUnseen(record, version, limitMs);
    return await this.#put(base, record, { version, limitMs });
  }

  /** A version that another store has seen: what else is in the object has to be read first. */
  async #updateUnseen(record: LeaseRecord, version: string, limitMs: number): Promise<LeaseWrite> {
    const read = await this.read(limitMs / 2);
    if (read.outcome === "failed") return read;
    const base = this.#objects.get(version);
    if (read.outcome === "absent" || read.lease.version !== version || base === undefined) {
      return { outcome: "conflict" };
    }
    return await this.#put(base, record, { version, limitMs: limitMs / 2 });
  }

  async #put(
    base: KubeLease,
    record: LeaseRecord,
    { version, limitMs }: { version: string; limitMs: number },
  ): Promise<LeaseWrite> {
    const lease = withRecord(base, record, this.#options.annotations);
    const body = { ...lease, metadata: { ...lease.metadata, resourceVersion: version } };
    const answer = await this.#requests.request<KubeLease>({ method: "PUT", path: this.#path, body, limitMs });
    return this.#written(answer, [404, 409]);
  }

  watch(seen: (lease: StoredLease | null) => void): { stop(): void } {
    const { namespace, name } = this.#options;
    const isIt = (object: KubeLease): boolean => object.metadata?.name === name;
    const show = (object: KubeLease): void => {
      const lease = isIt(object) ? this.#stored(object) : null;
      if (lease !== null) seen(lease);
    };
    return this.#client.watch<KubeLease>({ path: leasesPath(namespace), fieldSelector: `metadata.name=${name}` }, {
      listed: (objects) => {
        const object = objects.find(isIt);
        if (object === undefined) seen(null);
        else show(object);
      },
      changed: show,
      deleted: (object) => {
        if (isIt(object)) seen(null);
      },
    });
  }

  close(): void {
    this.#requests.close();
    this.#objects.clear();
  }

  #written(answer: KubeAnswer<KubeLease>, conflicts: readonly number[]): LeaseWrite {
    if (answer.outcome === "refused" && conflicts.includes(answer.status)) return { outcome: "conflict" };
    if (answer.outcome !== "ok") return { outcome: "failed", cause: causeOf(answer) };
    const lease = this.#stored(answer.body);
    if (lease === null) return { outcome: "failed", cause: "the answer has no version" };
    return { outcome: "written", version: lease.version };
  }

  /** Keeps the object for an update and gives what an election sees of it. */
  #stored(object: KubeLease): StoredLease | null {
    const version = object.metadata?.resourceVersion;
    if (version === undefined || version === "") return null;
    this.#objects.delete(version);
    this.#objects.set(version, object);
    for (const oldest of this.#objects.keys()) {
      if (this.#objects.size <= KEPT_OBJECTS) break;
      this.#objects.delete(oldest);
    }
    return { record: recordOf(object), version };
  }
}

/** One line for people about an answer that is none. */
function causeOf(answer: Exclude<KubeAnswer<unknown>, { outcome: "ok" }>): string {
  if (answer.outcome === "unreachable") return answer.cause;
  return `the API server answered ${answer.status} ${answer.reason}: ${answer.message}`;
}
