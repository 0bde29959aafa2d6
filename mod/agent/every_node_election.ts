/** No election: every healthy node serves, and routers choose among them. */
import type { BgpSettings } from "../config/bgp/types.ts";
import { EveryNode } from "../election/every_node.ts";
import type { Election, ElectionParts } from "./manager_election.ts";

export interface EveryNodeElectionParts extends ElectionParts {
  /** What an election would be called; no Lease has this name. */
  readonly leaseName: string;
  /** How long the kernel goes on answering when this process ends without a word. */
  readonly leaseMs: number;
}

/** The address outlives its routes by this. */
const BEYOND_ROUTES_MS = 15_000;
/** Routers have so long to prefer others, and so long to send no more, before the address of a node that leaves goes. */
const DRAIN_MS = 500;
const SETTLE_MS = 1000;

/** Makes it. */
export function everyNodeElection(parts: EveryNodeElectionParts): Election {
  const { clock, identity, addresses, fit, onStanding, sink, leaseName, leaseMs } = parts;
  const elector = new EveryNode({
    identity,
    addresses,
    fit,
    leaseMs,
    drainMs: DRAIN_MS,
    settleMs: SETTLE_MS,
    onStanding,
    clock,
    sink,
  });
  return {
    elector,
    leaseName,
    status: () => elector.observe(),
    raft: () => null,
    rejected: () => [],
    refresh: () => elector.refresh(),
    transfer: () => Promise.resolve({ outcome: "refused", why: "Every node serves: there is nothing to hand over" }),
    elsewhere: () => ({ atMs: null, graceMs: 0 }),
    close: () => Promise.resolve(),
  };
}

/**
 * How long an address is to answer when this process falls silent and no other node takes over: longer than routers keep its routes, which
 * is the restart time for a process that ends, and the hold time for one that hangs.
 */
export function outlivingMs({ gracefulRestartMs, defaults }: BgpSettings): number {
  return Math.max(gracefulRestartMs ?? 0, defaults.holdTimeMs) + BEYOND_ROUTES_MS;
}
