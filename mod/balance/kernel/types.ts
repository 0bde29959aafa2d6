/** What the kernel is told about one balancer. */

/** Transport protocols that the kernel balances. */
export type KernelProtocol = "tcp" | "udp";

/** One backend of a {@link KernelService}. */
export interface KernelBackend {
  /** Canonical IP text. */
  readonly address: string;
  readonly port: number;
  /** Relative share, ≥ 1. */
  readonly weight: number;
  /** Whether it gets new connections. Those it has go on either way. */
  readonly usable: boolean;
}

/** One balancer as the kernel's table holds it. Pairs of protocol and port are unique within the table. */
export interface KernelService {
  readonly protocol: KernelProtocol;
  readonly port: number;
  /** Held addresses whose connections it takes; null: those to every address of this machine. */
  readonly vips: readonly string[] | null;
  /** `source`: a client's connections go to one backend as long as that is usable. */
  readonly affinity: "none" | "source";
  /** Whether backends see the client's address; else they see this machine's. */
  readonly preserveClientAddress: boolean;
  readonly backends: readonly KernelBackend[];
}

/** What was counted of one backend of one service since the table was made. */
export interface BackendCount {
  /** Connections given to it; of UDP: flows. */
  readonly connections: number;
  /** Bytes of packets both ways, headers of IP included. */
  readonly bytes: number;
}
