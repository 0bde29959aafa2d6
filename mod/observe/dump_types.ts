/** What the dump on SIGUSR1 is made of. Each part asks only for what it shows, so that the program's own records fit. */

import type { LagReport } from "./lag.ts";
import type { HoldSample } from "./metrics.ts";
import type { RoutingStatus } from "./status_types.ts";

/** Of the configuration: `ManagerConfig` fits. */
export interface DumpConfig {
  readonly addresses: readonly ({ readonly is: "ip"; readonly ip: string } | {
    readonly is: "name";
    readonly host: string;
  })[];
  readonly prefixLengths: { readonly v4: number; readonly v6: number };
  /** null: the link of the default route. */
  readonly interface: string | null;
  readonly announceEveryMs: number;
  readonly nodeName: string;
  readonly namespace: string;
  /** Only the elected node holds the addresses. */
  readonly elects: boolean;
  readonly lease: {
    readonly name: string;
    readonly namespace: string | null;
    readonly times: { readonly durationMs: number; readonly renewDeadlineMs: number; readonly retryMs: number };
  };
  readonly election: { readonly type: "kubernetes" | "etcd" | "peers" };
  readonly apiServer: { readonly detect: boolean; readonly port: number };
  readonly nodeLabeling: boolean;
  readonly metrics: { readonly host: string; readonly port: number } | null;
  readonly healthPort: number | null;
}

/** One setting after merging: `SettingValue` fits. */
export interface DumpSetting {
  readonly name: string;
  readonly text: string;
  readonly given: boolean;
  readonly secret: boolean;
}

/** An address this node manages: `HoldStatus` fits. */
export interface DumpHold extends HoldSample {
  readonly heldForMs: number | null;
  readonly conflict: string | null;
}

/** The election; times are durations. */
export interface DumpElection {
  readonly leader: string | null;
  readonly leading: boolean;
  readonly transitions: number;
  /** Since its last success; null: never. */
  readonly goodAgoMs: number | null;
  readonly trouble: string | null;
}

/** An interface: `Link` fits. */
export interface DumpLink {
  readonly index: number;
  readonly name: string;
  readonly mac: Uint8Array;
  readonly up: boolean;
  readonly running: boolean;
}

/** An address on an interface: `HeldAddress` fits. */
export interface DumpAddress {
  readonly ip: string;
  readonly prefixLength: number;
  readonly linkIndex: number;
  /** Infinity: for ever. */
  readonly validSeconds: number;
}

/** The speaker: what it was told, and what it tells. */
export interface DumpBgp {
  readonly as: number;
  readonly routerId: string;
  readonly sourceIp: string | null;
  readonly sourceInterface: string | null;
  readonly holdTimeMs: number;
  readonly keepaliveMs: number;
  readonly peers: readonly { readonly name: string; readonly as: number | null; readonly multihop: boolean }[];
  /** Addresses that are announced now. */
  readonly announced: readonly string[];
}

/** The chains of this program in nftables, or why they could not be read. */
export type DumpChains =
  | { readonly outcome: "read"; readonly chains: readonly { readonly table: string; readonly chain: string }[] }
  | { readonly outcome: "failed"; readonly why: string };

/** What is so at this moment. */
export interface DumpFacts {
  /** RFC 3339. */
  readonly timestamp: string;
  readonly processId: number;
  readonly version: string;
  readonly uptimeMs: number;
  /** Where the API server is reached. */
  readonly apiServer: string;
  /** Why this node should not hold, in words; null: it is fit. */
  readonly unfit: string | null;
  readonly lag: LagReport;
  readonly holds: readonly DumpHold[];
  readonly election: DumpElection;
  /** null: not in BGP mode, or not known yet. */
  readonly bgp: DumpBgp | null;
  readonly routing: RoutingStatus;
  readonly links: readonly DumpLink[];
  readonly addresses: readonly DumpAddress[];
  readonly nftables: DumpChains;
}

/** All of it. */
export interface DumpInput {
  readonly config: DumpConfig;
  /** Every setting by its name. */
  readonly settings: ReadonlyMap<string, DumpSetting>;
  readonly facts: DumpFacts;
}
