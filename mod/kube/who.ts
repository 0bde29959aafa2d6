/**
 * Answers 'who' for people: `kubectl get leases -n kube-system | grep kube-vip`. Each change of holder writes, once, a Lease named
 * `kube-vip-<address>` whose holder is this node. Nobody elects by these, and no election waits for them.
 */
import type { Clock, Random, Timer } from "../base/clock.ts";
import { microTime } from "../election/lease/record.ts";
import { getLog } from "../observe/log.ts";
import type { WallClock } from "../runtime/wall_clock.ts";
import { addressLeaseName } from "./address_lease.ts";
import type { KubeAnswer, KubeClient } from "./api.ts";
import { Backoff } from "./backoff.ts";
import { type KubeLease, leasePath, leasesPath } from "./lease_object.ts";

const log = getLog("kube");

const REQUEST_MS = 5000;

export interface WhoOptions {
  /** Stays with whoever made it. */
  readonly client: KubeClient;
  readonly namespace: string;
  /** This node's name as it stands in the Leases. */
  readonly node: string;
  /** Canonical text of every address; asked whenever something is to be written. */
  readonly addresses: () => readonly string[];
  readonly clock: Clock;
  readonly wallNow: WallClock;
  readonly random: Random;
}

/** See the head of this file. */
export class WhoLeases {
  readonly #options: WhoOptions;
  /** What has been written since this node holds. */
  readonly #written = new Set<string>();
  #holds = false;
  #isWriting = false;
  #wait: { readonly timer: Timer; readonly done: () => void } | null = null;

  constructor(options: WhoOptions) {
    this.#options = options;
  }

  /** Whether this node holds; called at every change of holder, and when the addresses have changed. */
  holder(holds: boolean): void {
    const addresses = holds ? this.#options.addresses() : [];
    for (const address of this.#written) if (!addresses.includes(address)) this.#written.delete(address);
    this.#holds = holds;
    this.#wake();
    this.#begin();
  }

  /** Nothing is written after this. */
  stop(): void {
    this.holder(false);
  }

  #begin(): void {
    if (this.#isWriting || this.#missing().length === 0) return;
    this.#isWriting = true;
    this.#write().catch((error: unknown) => log.error("Writing who holds failed", { error: String(error) })).then(
      () => {
        this.#isWriting = false;
        this.#begin();
      },
    );
  }

  #missing(): string[] {
    return this.#holds ? this.#options.addresses().filter((address) => !this.#written.has(address)) : [];
  }

  /** Until every address is written, or this node holds no longer. */
  async #write(): Promise<void> {
    const backoff = new Backoff(this.#options.random);
    for (let missing = this.#missing(); missing.length > 0; missing = this.#missing()) {
      let failure: string | null = null;
      for (const address of missing) {
        const result = await this.#writeOne(address);
        if (!this.#holds) break;
        if (result === null) this.#written.add(address);
        else failure = result;
      }
      if (failure === null) continue;
      if (backoff.failures === 0) log.warning("Cannot write who holds", { cause: failure });
      await this.#pause(backoff.next());
    }
  }

  /** @returns null when it is written, else why not */
  async #writeOne(address: string): Promise<string | null> {
    const { client, namespace, node } = this.#options;
    const name = addressLeaseName(address);
    const path = leasePath(namespace, name);
    const read = await client.request<KubeLease>({ method: "GET", path, limitMs: REQUEST_MS });
    // Another may hold by now: its answer must not be overwritten by a late one of ours.
    if (!this.#holds) return "no longer the holder";
    if (read.outcome === "ok") {
      if (read.body.spec?.holderIdentity === node) return null;
      const body = this.#lease(read.body, name);
      return failureOf(await client.request({ method: "PUT", path, body, limitMs: REQUEST_MS }));
    }
    if (read.outcome !== "refused" || read.status !== 404) return failureOf(read);
    const body = this.#lease(null, name);
    return failureOf(await client.request({ method: "POST", path: leasesPath(namespace), body, limitMs: REQUEST_MS }));
  }

  #lease(before: KubeLease | null, name: string): KubeLease {
    const { namespace, node, wallNow, random } = this.#options;
    const time = microTime(wallNow(), Math.floor(1000 * random()));
    return {
      ...before,
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: before?.metadata ?? { name, namespace },
      spec: {
        ...before?.spec,
        holderIdentity: node,
        acquireTime: time,
        renewTime: time,
        leaseTransitions: before === null ? 0 : (before.spec?.leaseTransitions ?? 0) + 1,
      },
    };
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wait = { timer: this.#options.clock.after(delayMs, () => this.#wake()), done: resolve };
    });
  }

  #wake(): void {
    this.#wait?.timer.cancel();
    this.#wait?.done();
    this.#wait = null;
  }
}

function failureOf(answer: KubeAnswer<unknown>): string | null {
  if (answer.outcome === "ok") return null;
  return answer.outcome === "unreachable" ? answer.cause : `${answer.status} ${answer.reason}: ${answer.message}`;
}
