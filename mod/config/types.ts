/** A validated configuration of peers mode: every value parsed, every reference resolved, nothing optional left to guess. */

import type { Timing } from "../election/raft/types.ts";
import type { BgpSettings } from "./bgp/types.ts";
import type { ListenAddress } from "./manager/types.ts";

export interface Peer {
  readonly id: string;
  /** Canonical IP text. */
  readonly address: string;
  readonly port: number;
}

export interface TcpBackend {
  readonly address: string;
  readonly port: number;
  /** Relative share, ≥ 1. */
  readonly weight: number;
}

export interface HttpBackend {
  /** `http://host:port[/path]` or `https://…`. */
  readonly url: URL;
  readonly weight: number;
}

/**
 * How bytes are moved: by the kernel (nftables), by threads of this program with sockets of the system's own, by plain `Deno.listen`, or
 * whichever of them is the first that does all that is asked for on this machine.
 */
export type Engine = "auto" | "kernel" | "user" | "listen";

/** The versions of the PROXY protocol, by which a balancer tells the next one who the client is. */
export type ProxyVersion = "v1" | "v2";

/** The certificate that clients are shown. Both files are read again when they change. */
export interface FrontTls {
  /** PEM: the certificate and what it was issued by. */
  readonly certificateFile: string;
  /** PEM. */
  readonly keyFile: string;
}

/** How https backends are spoken to. */
export interface BackendTls {
  /** PEM of who may have issued their certificates, besides whom the system trusts; null: whom the system trusts. */
  readonly caFile: string | null;
  /** The name their certificates must carry; null: the host of the URL. */
  readonly serverName: string | null;
  /** PEM of the certificate shown to them, and its key; null: none. */
  readonly client: FrontTls | null;
}

/** How a balancer chooses among healthy backends. */
export type Policy = "round-robin" | "least-connections";

export interface HealthCheckConfig {
  readonly type: "tcp" | "http";
  /** For http: path and accepted status range. */
  readonly path: string;
  readonly expectMin: number;
  readonly expectMax: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive successes until up, failures until down. */
  readonly rise: number;
  readonly fall: number;
}

interface BalancerCommon {
  readonly name: string;
  readonly port: number;
  /** Listen on the VIPs only, only while they are held here; else on every address from the start. */
  readonly bindToVip: boolean;
  readonly engine: Engine;
  readonly policy: Policy;
  readonly connectTimeoutMs: number;
  /** A connection without traffic for so long is closed. */
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  /** How long established connections may go on after a stop was asked for. */
  readonly drainMs: number;
  /** null: no active checks. */
  readonly health: HealthCheckConfig | null;
  /** Passive ejection: after `failures` failed connects in a row a backend rests for `restMs`; null: off. */
  readonly ejection: { readonly failures: number; readonly restMs: number } | null;
  /** Threads of the engine `user`. */
  readonly threads: number;
  /** Clients are spoken to with TLS; null: in the clear. */
  readonly tls: FrontTls | null;
  /** Clients are balancers that say first whom they speak for, in either version of the PROXY protocol. */
  readonly acceptProxyProtocol: boolean;
}

/** Connections or datagrams as they are: what the kernel can balance. */
interface PlainBalancerConfig extends BalancerCommon {
  readonly backends: readonly TcpBackend[];
  /** `source`: the connections of one client address go to one backend. Of the kernel only. */
  readonly affinity: "none" | "source";
  /** Backends see the client's address, and send their answers through this machine. Of the kernel only. */
  readonly preserveClientAddress: boolean;
  /** Backends are told first who the client is; null: not. */
  readonly sendProxyProtocol: ProxyVersion | null;
  /** Keys that were given and that the kernel cannot do. */
  readonly listenOnly: readonly string[];
}

export interface TcpBalancerConfig extends PlainBalancerConfig {
  readonly type: "tcp";
}

/** Always of the kernel. */
export interface UdpBalancerConfig extends PlainBalancerConfig {
  readonly type: "udp";
}

export interface HttpBalancerConfig extends BalancerCommon {
  readonly type: "http";
  readonly backends: readonly HttpBackend[];
  /** Limits of a request or response head. */
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  /** A client gets this long to complete a request head. */
  readonly headTimeoutMs: number;
  /** A backend gets this long until its response head is complete. */
  readonly responseTimeoutMs: number;
  /** Most bytes of a request's content; null: no limit. */
  readonly maxRequestBytes: number | null;
  /** Most bytes of an answer's content; null: no limit. */
  readonly maxResponseBytes: number | null;
  /** Of the backends with an https URL. */
  readonly backendTls: BackendTls;
}

export type BalancerConfig = TcpBalancerConfig | UdpBalancerConfig | HttpBalancerConfig;

export interface Vip {
  /** Canonical IP text. */
  readonly ip: string;
  readonly prefixLength: number;
}

export interface PeersConfig {
  readonly vips: readonly Vip[];
  /** Named, or null: chosen by the VIP's subnet when the agent starts. */
  readonly interface: string | null;
  readonly announce: boolean;
  /** Repeat announcements this often while holding. */
  readonly announceEveryMs: number;
  /** Announced to routers while held, besides {@link announce}; null: no BGP. */
  readonly bgp: BgpSettings | null;
  readonly localPeer: Peer;
  /** Without the local one. */
  readonly remotePeers: readonly Peer[];
  /** null: unauthenticated, warned about. */
  readonly peerSecret: string | null;
  readonly clusterId: string;
  readonly singleNode: boolean;
  readonly startAsLeader: boolean;
  readonly disableVip: boolean;
  readonly timing: Timing;
  /** `leader`: every address on the leader; `spread`: evenly over the members. */
  readonly placement: "leader" | "spread";
  readonly stateDir: string;
  readonly balancers: readonly BalancerConfig[];
  /** debug, info, warning or error. */
  readonly logLevel: "debug" | "info" | "warning" | "error";
  readonly logFormat: "text" | "json";
  /** The file is applied whenever it changes. */
  readonly watchConfig: boolean;
  /** Where metrics are served; null: nowhere. */
  readonly metrics: ListenAddress | null;
}

/** One finding about the input: names the key, the value and what would be accepted. */
export interface Problem {
  /** Path of the key as the user wrote it, e.g. `loadBalancers[0].port`, a flag or an environment variable. */
  readonly key: string;
  /** The value as given, for printing; secrets are masked. Empty if the key is missing. */
  readonly value: string;
  /** A sentence without a period: what is wrong and what would be accepted. */
  readonly message: string;
  /** Line in the file, when known. */
  readonly line: number | null;
}

/** A setting as it was taken in the end, for the dump. */
export interface Effective {
  /** Path of the setting, e.g. `loadBalancers[0].port`. */
  readonly key: string;
  /** The value in words; secrets are masked. */
  readonly value: string;
  /** `env vip_address`, `flag --vip`, `file line 3` or `default`. */
  readonly origin: string;
}

export type ConfigResult =
  | {
    readonly outcome: "valid";
    readonly config: PeersConfig;
    readonly warnings: readonly Problem[];
    /** Every setting and where it is from. */
    readonly effective: readonly Effective[];
  }
  | { readonly outcome: "invalid"; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };
