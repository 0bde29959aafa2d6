/** A validated configuration of `manager`: every value parsed, every reference resolved, nothing optional left to guess. */

import type { Timing } from "../../election/raft/types.ts";
import type { ManagerBgp } from "../bgp/types.ts";
import type { Effective, Peer, Problem } from "../types.ts";

/** An address of the control plane as it was given. */
export type GivenAddress =
  /** Canonical IP text. */
  | { readonly is: "ip"; readonly ip: string }
  /** A name that is looked up again and again. */
  | { readonly is: "name"; readonly host: string };

/** Which addresses of a name are used: the first of any family, one family's first, or one of each. */
export type DnsMode = "first" | "ipv4" | "ipv6" | "dual";

/** Times of a Lease, as client-go names them: durationMs > renewDeadlineMs > 1.2 × retryMs, all at least one second. */
export interface LeaseTimes {
  readonly durationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

/** The Lease of the control plane. */
export interface LeaseSettings {
  /** From `namespace/name`, or null: the service account's namespace, else {@link ManagerConfig.namespace}. */
  readonly namespace: string | null;
  readonly name: string;
  readonly times: LeaseTimes;
  /** Written to the Lease's metadata. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Who decides which node holds. */
export type ElectionSettings =
  | { readonly type: "kubernetes" }
  | {
    readonly type: "etcd";
    readonly endpoints: readonly string[];
    /** Paths of PEM files; null: not given. */
    readonly caPath: string | null;
    readonly certPath: string | null;
    readonly keyPath: string | null;
  }
  | {
    readonly type: "peers";
    readonly localPeer: Peer;
    /** Without the local one. */
    readonly remotePeers: readonly Peer[];
    readonly peerSecret: string | null;
    readonly clusterId: string;
    readonly timing: Timing;
  };

/** The check that says whether this node may hold. */
export interface HealthSettings {
  /** An http or https URL, which the others are about; null: the local API server is asked, at times of its own. */
  readonly url: URL | null;
  readonly periodMs: number;
  readonly timeoutMs: number;
  /** So many failures in a row make the node unfit. */
  readonly failureThreshold: number;
  /** PEM file added to the well-known authorities; null: none. */
  readonly caPath: string | null;
}

/** Where the API server is (reference order: explicit file, admin.conf, home, in-cluster). */
export interface ApiServerSettings {
  /** `k8s_config_file`; the default path when it was not given. */
  readonly configPath: string;
  /** Host or URL that replaces the server of the file; null: not given. */
  readonly address: string | null;
  /** `cp_detect`: find a local address that the server's certificate names. */
  readonly detect: boolean;
  /** `port`: of the API server on every control-plane node. */
  readonly port: number;
}

/** A place to listen on; `host` is empty for every address. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Routes in a table of the kernel, for a routing daemon to redistribute (reference §4.8). */
export interface RoutesConfig {
  readonly table: number;
  /** `rtm_protocol`: whose the routes are. */
  readonly protocol: number;
  /** `rtm_type`: 1 unicast, 2 local. */
  readonly type: number;
  /** Remove routes of an earlier run. */
  readonly cleanStale: boolean;
  /** `backend_health_check_interval`: routes are told of anew this often. */
  readonly reassertMs: number;
}

/** `lb_enable`: connections to the control plane's addresses are spread over the API servers of all control-plane nodes. */
export interface BalancingSettings {
  /** `lb_port`: where clients connect to. */
  readonly port: number;
  /** `port`: where the API servers listen. */
  readonly backendPort: number;
  /** `backend_health_check_interval`: one that refuses connections gets none after at most so long. */
  readonly checkMs: number;
}

/** How the addresses get their packets. */
export type ManagerMode = "arp" | "bgp" | "routes";

export interface ManagerConfig {
  readonly mode: ManagerMode;
  /** Only the elected node holds the control plane's addresses; false: every healthy node does. */
  readonly elects: boolean;
  /** null: another mode. */
  readonly bgp: ManagerBgp | null;
  /** null: another mode. */
  readonly routes: RoutesConfig | null;
  readonly addresses: readonly GivenAddress[];
  readonly prefixLengths: { readonly v4: number; readonly v6: number };
  readonly dnsMode: DnsMode;
  /** Named, or null: the link of the default route, IPv4 first. */
  readonly interface: string | null;
  readonly allowInterfaceNotUp: boolean;
  /** On `lo`: global instead of host scope. */
  readonly loopbackGlobalScope: boolean;
  readonly announceEveryMs: number;
  /** Lower case; the identity in elections. */
  readonly nodeName: string;
  /** Of the Lease when nothing else says it, `cp_namespace`. */
  readonly namespace: string;
  readonly lease: LeaseSettings;
  readonly election: ElectionSettings;
  readonly apiServer: ApiServerSettings;
  readonly health: HealthSettings;
  /** null: whoever connects to an address of the control plane gets the API server of its holder. */
  readonly balancing: BalancingSettings | null;
  /** `vip_loseleadership`: hand over when the link is down for so long; null: as soon as the fault lasts. */
  readonly linkDownMs: number | null;
  /** `vip_preserve_on_leadership_loss`. */
  readonly preserveOnLoss: boolean;
  readonly nodeLabeling: boolean;
  /** null: no metrics. */
  readonly metrics: ListenAddress | null;
  /** `health_check_port`; null: no health server. */
  readonly healthPort: number | null;
  /** `vip_statedir`: of the control socket (`kube-vip status`) and, with peers, of the election's state. */
  readonly stateDir: string;
  readonly logLevel: "debug" | "info" | "warning" | "error";
}

/** One setting after merging: environment over flag over file over default. */
export interface SettingValue {
  /** Its first environment variable, or its flag where it has none. */
  readonly name: string;
  /** As an environment variable would say it (`true`, `6443`, `a,b`); empty for nothing. */
  readonly text: string;
  /** Whether a variable, a flag or the file gave it. */
  readonly given: boolean;
  /** Whether the text differs from the default's. */
  readonly changed: boolean;
  readonly secret: boolean;
}

/** Every setting of `manager`, whether this program already acts on it or not; the manifests are made of these. */
export type ManagerValues =
  | {
    readonly outcome: "valid";
    /** By {@link SettingValue.name}, in the order of the table. */
    readonly values: ReadonlyMap<string, SettingValue>;
    readonly warnings: readonly Problem[];
  }
  | { readonly outcome: "invalid"; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

export type ManagerResult =
  | {
    readonly outcome: "valid";
    readonly config: ManagerConfig;
    readonly warnings: readonly Problem[];
    readonly effective: readonly Effective[];
  }
  | { readonly outcome: "invalid"; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };
