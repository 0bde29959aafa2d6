/** The raft of peers mode and of peers in a Kubernetes cluster: storage, transport and node, put together in one place. */
import type { Clock } from "../base/clock.ts";
import type { Peer } from "../config/types.ts";
import type { GrantSink } from "../election/elector.ts";
import { FileStorage } from "../election/raft/file_storage.ts";
import { RaftNode } from "../election/raft/node.ts";
import type { Timing } from "../election/raft/types.ts";
import { UdpTransport } from "../election/raft/udp_transport.ts";
import type { Poller } from "../linux/poller.ts";
import { UNFENCED_GRACE_MS } from "../vip/address.ts";
import type { Holder } from "../vip/holder.ts";

/** What both configurations say about the members. */
export interface RaftSettings {
  readonly localPeer: Peer;
  /** Without the local one. */
  readonly remotePeers: readonly Peer[];
  readonly peerSecret: string | null;
  readonly clusterId: string;
  readonly timing: Timing;
  readonly stateDir: string;
  readonly placement: "leader" | "spread";
  readonly startAsLeader: boolean;
}

export interface RaftParts {
  readonly clock: Clock;
  readonly poller: Poller;
  readonly addresses: readonly string[];
  /** Gets the grants: the holder, or what stands before it. */
  readonly sink: GrantSink;
  readonly holder: Holder;
  /** What ends a hold on this machine. */
  readonly fence: () => "guard" | "lifetime";
  /** Whether this node is fit for more reasons than the holder knows. */
  readonly fit: () => boolean;
}

/** A node and the transport under it. The node stops the transport. */
export interface RaftElection {
  readonly node: RaftNode;
  readonly transport: UdpTransport;
}

/** Makes both; nothing is opened before the node starts. */
export function makeRaft(settings: RaftSettings, parts: RaftParts): RaftElection {
  const { clock, holder } = parts;
  const transport = new UdpTransport({
    local: settings.localPeer,
    peers: settings.remotePeers,
    secret: settings.peerSecret,
    clusterId: settings.clusterId,
    clock,
    poller: parts.poller,
  });
  const node = new RaftNode({
    self: settings.localPeer.id,
    peers: settings.remotePeers.map((peer) => peer.id),
    timing: settings.timing,
    placement: settings.placement,
    addresses: parts.addresses,
    clock,
    random: Math.random,
    storage: new FileStorage(settings.stateDir, { member: settings.localPeer.id, cluster: settings.clusterId }),
    transport,
    sink: parts.sink,
    startAsLeader: settings.startAsLeader,
    graceMs: () => parts.fence() === "guard" ? 0 : UNFENCED_GRACE_MS,
    soloAllowed: () => !holder.strangerKnown(),
    fit: () => holder.unfit() === null && parts.fit(),
  });
  return { node, transport };
}

/**
 * When another member was last known to hold an address, and how long its claims may still be on the wire. As if every peer lacked a
 * guard: to believe a member's claims a second longer is harmless, a member taken for a stranger is not.
 */
export function raftElsewhere(
  node: Pick<RaftNode, "elsewhereMs"> | null,
  timing: Timing,
  ip: string,
): { atMs: number | null; graceMs: number } {
  return { atMs: node?.elsewhereMs(ip) ?? null, graceMs: timing.leaseMs + UNFENCED_GRACE_MS };
}

/** What became of a wish to hand leadership over, in the words of the control socket. */
export async function transferRaft(
  node: Pick<RaftNode, "transfer">,
  to: string | null,
): Promise<
  { readonly outcome: "transferred"; readonly to: string } | { readonly outcome: "refused"; readonly why: string }
> {
  const result = await node.transfer(to);
  switch (result.outcome) {
    case "transferred":
      return result;
    case "not-leader":
      return { outcome: "refused", why: `This member does not lead; ${result.leader ?? "nobody"} does` };
    case "no-target":
      return {
        outcome: "refused",
        why: to === null ? "No member could take over" : `${to} is no member that could take over`,
      };
    case "not-taken":
      return { outcome: "refused", why: "The successor did not take over in time" };
  }
}
