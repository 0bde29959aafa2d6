/**
 * Election by the raft of the control-plane nodes among themselves. The Lease is kept beside it: a record for people, and a fence against
 * nodes that elect by it.
 */
import type { Timer } from "../base/clock.ts";
import type { ElectionSettings, LeaseSettings } from "../config/manager/types.ts";
import type { Elector, ElectorStatus } from "../election/elector.ts";
import { LeaseFence } from "../election/lease/fence.ts";
import { FencedSink } from "../election/lease/fenced_sink.ts";
import type { NodeStatus } from "../election/raft/node.ts";
import { rehearse } from "../election/raft/rehearsal.ts";
import { SharedScope } from "../election/shared_scope.ts";
import type { KubeClient } from "../kube/api.ts";
import { KubeLeaseStore } from "../kube/lease_store.ts";
import type { Poller } from "../linux/poller.ts";
import { systemWallClock } from "../runtime/wall_clock.ts";
import type { Election, ElectionParts } from "./manager_election.ts";
import { makeRaft, raftElsewhere, transferRaft } from "./raft_election.ts";

/** Whether a stranger holds the Lease is asked before the first election, for no longer than this: the API server need not be up. */
const FIRST_LOOK_MS = 1000;
const LOOK_EVERY_MS = 20;
/** Who leads is looked at this often, for the records; what is held does not depend on it. */
const LEADER_EVERY_MS = 250;

/** What the members elect a holder for: all addresses of the control plane together, which a name may change at any time. */
const SCOPE = "control-plane";

export interface PeersElectionParts extends ElectionParts {
  readonly election: ElectionSettings & { readonly type: "peers" };
  readonly lease: LeaseSettings;
  /** Of the Lease. */
  readonly namespace: string;
  readonly client: KubeClient;
  readonly poller: Poller;
  readonly stateDir: string;
}

/** Makes it; nothing is opened before the elector starts. */
export function peersElection(parts: PeersElectionParts): Election {
  const { clock, election, holder, lease, poller } = parts;
  const { namespace } = parts;
  const store = new KubeLeaseStore(parts.client, { namespace, name: lease.name, annotations: lease.annotations });
  const sink = new FencedSink(new SharedScope(parts.sink, parts.addresses), () => fence.open());
  const fence: LeaseFence = new LeaseFence({
    identity: parts.identity,
    clusterId: election.clusterId,
    times: lease.times,
    store,
    clock,
    wallNow: systemWallClock,
    random: Math.random,
    onChange: (open) => {
      if (!open) sink.closed();
    },
    onLeader: () => {},
  });
  const settings = { ...election, stateDir: parts.stateDir, placement: "leader" as const, startAsLeader: false };
  const raft = { clock, poller, addresses: [SCOPE], sink, holder, fence: parts.fence, fit: parts.fit };
  const { node, transport } = makeRaft(settings, raft);
  const elector = new FencedRaft({ parts, fence, node });
  return {
    elector,
    leaseName: lease.name,
    status: () => elector.observe(),
    raft: () => inAddresses(node.observe(), parts.addresses()),
    rejected: () => transport.rejected(),
    refresh: () => {},
    transfer: (to) => transferRaft(node, to),
    elsewhere: () => raftElsewhere(node, election.timing, SCOPE),
    close: () => {
      store.close();
      return Promise.resolve();
    },
  };
}

/** As if each address had been assigned by itself. */
function inAddresses(status: NodeStatus, addresses: readonly string[]): NodeStatus {
  const holder = status.assignment[SCOPE];
  return { ...status, assignment: holder === undefined ? {} : Object.fromEntries(addresses.map((ip) => [ip, holder])) };
}

interface FencedRaftParts {
  readonly parts: PeersElectionParts;
  readonly fence: LeaseFence;
  readonly node: ReturnType<typeof makeRaft>["node"];
}

/** Raft and fence, started and stopped as one; says who leads. */
class FencedRaft implements Elector {
  readonly #parts: FencedRaftParts;
  #timer: Timer | null = null;
  #leader: string | null = null;
  #state: "new" | "running" | "stopped" = "new";

  constructor(parts: FencedRaftParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    const { fence, node } = this.#parts;
    rehearse();
    fence.start();
    await this.#firstLook();
    if (this.#state === "stopped") return;
    this.#state = "running";
    await node.start();
    this.#look();
  }

  /** The addresses first, then the Lease. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#timer = null;
    const { fence, node, parts } = this.#parts;
    await node.stop();
    // A successor writes over the Lease; where nobody follows, a free Lease lets others in at once.
    const { leader } = node.observe();
    if (leader !== null && leader !== parts.election.localPeer.id) fence.leading(false);
    await fence.stop();
  }

  observe(): ElectorStatus {
    const { fence, node, parts } = this.#parts;
    const { leader, role, term } = node.observe();
    const now = parts.clock.now();
    const trouble = fence.open() ? null : `${fence.observe().leader ?? "somebody"}, who is no member, holds the Lease`;
    return { leader, leading: role === "leader", transitions: term, goodMs: now, triedMs: now, trouble };
  }

  async #firstLook(): Promise<void> {
    const { fence, parts } = this.#parts;
    const endMs = parts.clock.now() + FIRST_LOOK_MS;
    while (fence.observe().goodMs === null && parts.clock.now() < endMs && this.#state === "new") {
      await new Promise<void>((resolve) => void parts.clock.after(LOOK_EVERY_MS, resolve));
    }
  }

  #look(): void {
    if (this.#state !== "running") return;
    const { fence, node, parts } = this.#parts;
    const { leader, role, term } = node.observe();
    fence.leading(role === "leader");
    if (leader !== this.#leader) {
      this.#leader = leader;
      parts.onLeader(leader, term);
    }
    this.#timer = parts.clock.after(LEADER_EVERY_MS, () => this.#look());
  }
}
