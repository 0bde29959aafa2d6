/** How routers hear of this node's addresses: a mode of `manager`, or BGP among peers. One face for the agents. */
import type { DumpBgp } from "../observe/dump_types.ts";
import type { RoutingStatus } from "../observe/status_types.ts";
import type { KernelEvent } from "../vip/kernel.ts";
import type { AnnouncedHolds } from "./announced_holds.ts";

/** Made by the starter of an agent; started and closed by the agent. */
export interface Routing {
  /** What the agent tells of its addresses. */
  readonly holds: AnnouncedHolds;
  /** Throws what keeps it from starting: a port, a setting that does not fit this machine. */
  start(): Promise<void>;
  /** It is decided whether this node serves: routers that wait for a restarted speaker need wait no longer (RFC 4724 §4.1). */
  decided(): void;
  /** What the kernel tells unasked. */
  kernelEvent(event: KernelEvent): void;
  status(): RoutingStatus;
  /** For the dump; null: no BGP, or its peers are not known yet. */
  bgp(): DumpBgp | null;
  /** Withdraws what is left and ends, in two seconds at most. */
  close(): Promise<void>;
}
