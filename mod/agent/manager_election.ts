/**
 * Who decides in `manager`, behind one face: a Lease at the API server, etcd, or the raft of the nodes themselves. What each needs of the
 * others is put together here; what they decide goes to one sink.
 */
import type { Clock } from "../base/clock.ts";
import type { Elector, ElectorStatus, GrantSink, Standing } from "../election/elector.ts";
import type { NodeStatus as RaftStatus } from "../election/raft/node.ts";
import type { Holder } from "../vip/holder.ts";
import type { TransferAnswer } from "./control.ts";

/** One election of the control plane's addresses. */
export interface Election {
  readonly elector: Elector;
  /** Name for metrics and messages. */
  readonly leaseName: string;
  status(): ElectorStatus;
  /** null: not by raft. */
  raft(): RaftStatus | null;
  /** Peers whose datagrams do not authenticate. */
  rejected(): readonly string[];
  /** Something it asks about has changed: the addresses, the node's condition. */
  refresh(): void;
  transfer(to: string | null): Promise<TransferAnswer>;
  /** When another node was last known to hold the address, and how long its claims may still be on the wire. */
  elsewhere(ip: string): { readonly atMs: number | null; readonly graceMs: number };
  /** What is left when the elector has stopped. */
  close(): Promise<void>;
}

/** What every election gets. */
export interface ElectionParts {
  readonly clock: Clock;
  readonly identity: string;
  /** `/proc/sys/kernel/random/boot_id`. */
  readonly bootId: string;
  readonly addresses: () => readonly string[];
  readonly sink: GrantSink;
  readonly holder: Holder;
  /** What ends a hold on this machine. */
  readonly fence: () => "guard" | "lifetime";
  /** Whether this node should hold, for all reasons. */
  readonly fit: () => boolean;
  /** Whether another node is known that could take over. */
  readonly rival: () => boolean;
  /** How this node stands to its addresses, where every node serves them; never called by an election. */
  readonly onStanding: (standing: Standing) => void;
  /** Once for each change of holder that is seen; null: nobody holds. */
  readonly onLeader: (holder: string | null, transitions: number) => void;
}

/** Another node's claim to an address may be on the wire this much longer than its Lease lasts. */
const LATE_CLAIM_MS = 1000;

/** Remembers when another node was last known to hold, for elections in which the holder is known by name only. */
export class Others {
  readonly #identity: string;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #holder: string | null = null;
  #untilMs: number | null = null;

  constructor(options: { readonly identity: string; readonly clock: Clock; readonly leaseMs: number }) {
    this.#identity = options.identity;
    this.#clock = options.clock;
    this.#leaseMs = options.leaseMs;
  }

  /** The election says that this node holds now, or nobody (null). */
  holds(holder: string | null): void {
    if (this.#isOther()) this.#untilMs = this.#clock.now();
    this.#holder = holder;
  }

  elsewhere(): { readonly atMs: number | null; readonly graceMs: number } {
    const atMs = this.#isOther() ? this.#clock.now() : this.#untilMs;
    return { atMs, graceMs: this.#leaseMs + LATE_CLAIM_MS };
  }

  #isOther(): boolean {
    return this.#holder !== null && this.#holder !== this.#identity;
  }
}

/** A successor is waited for this long after a hand-over. */
const SUCCESSOR_MS = 3000;
const LOOK_MS = 50;

/** Waits for whoever follows this node, and says who that is. */
export async function followed(
  elector: { observe(): ElectorStatus },
  options: { readonly clock: Clock; readonly identity: string },
): Promise<TransferAnswer> {
  const { clock, identity } = options;
  const endMs = clock.now() + SUCCESSOR_MS;
  for (;;) {
    const { leader } = elector.observe();
    if (leader !== null && leader !== identity) return { outcome: "transferred", to: leader };
    if (clock.now() >= endMs) {
      return { outcome: "refused", why: "Given up here, and nobody was seen to take over in time" };
    }
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
}
