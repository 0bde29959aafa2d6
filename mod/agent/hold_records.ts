/**
 * What is written at the API server for people when something changes hands: a Lease for each address, the node's label, Events. Nothing
 * that is held depends on it, and nothing waits for it.
 */
import type { Clock } from "../base/clock.ts";
import type { KubeClient } from "../kube/api.ts";
import { EventRecorder, leaseReference, type ObjectReference } from "../kube/events.ts";
import { NodeLabel } from "../kube/node_label.ts";
import { WhoLeases } from "../kube/who.ts";
import { systemWallClock } from "../runtime/wall_clock.ts";

export interface HoldRecordsOptions {
  readonly client: KubeClient;
  readonly nodeName: string;
  /** `enable_node_labeling`. */
  readonly nodeLabeling: boolean;
  /** Only one node holds an address: it is named in the address's Lease. */
  readonly elects: boolean;
  /** The Lease of the election: Events are about it, and the Leases of the addresses are beside it. */
  readonly lease: { readonly name: string; readonly namespace: string };
  readonly clock: Clock;
}

/** Follows what this node holds; started and stopped by its agent. */
export class HoldRecords {
  readonly #options: HoldRecordsOptions;
  readonly #client: KubeClient;
  readonly #about: ObjectReference;
  readonly #events: EventRecorder;
  readonly #label: NodeLabel | null;
  /** null: every node holds the addresses. */
  readonly #who: WhoLeases | null;
  readonly #held = new Set<string>();
  #leading = false;

  constructor(options: HoldRecordsOptions) {
    const { nodeName: node, nodeLabeling, elects, lease, clock } = options;
    this.#options = options;
    const client = this.#client = options.client.fork();
    const shared = { client, node, clock, wallNow: systemWallClock, random: Math.random };
    this.#about = leaseReference(lease.namespace, lease.name);
    this.#events = new EventRecorder(shared);
    this.#label = nodeLabeling ? new NodeLabel(shared) : null;
    this.#who = elects
      ? new WhoLeases({ ...shared, namespace: lease.namespace, addresses: () => [...this.#held] })
      : null;
  }

  /** Begins: takes off the label that an earlier process may have left. */
  start(): void {
    this.#label?.start();
  }

  /** This node begins or ceases to lead. */
  leads(leading: boolean): void {
    if (leading === this.#leading) return;
    this.#leading = leading;
    this.#note("LeaderElection", `${this.#options.nodeName} ${leading ? "became leader" : "stopped leading"}`);
  }

  /** An address answers here from now on. */
  held(ip: string): void {
    this.#held.add(ip);
    this.#note("VIPTaken", `${this.#options.nodeName} holds ${ip}`);
    this.#changed();
  }

  /** An address does not answer here any more. */
  released(ip: string): void {
    if (!this.#held.delete(ip)) return;
    this.#note("VIPReleased", `${this.#options.nodeName} has given back ${ip}`);
    this.#changed();
  }

  /** Takes the label off and writes the Events that wait, in about two seconds at most. */
  async stop(): Promise<void> {
    this.#who?.stop();
    await Promise.all([this.#label?.stop(), this.#events.close()]);
    this.#client.close();
  }

  #changed(): void {
    this.#who?.holder(this.#held.size > 0);
    this.#label?.hold([...this.#held]);
  }

  #note(reason: string, message: string): void {
    this.#events.record({ type: "Normal", reason, message, about: this.#about });
  }
}
