/**
 * Peers mode, put together: three machines, one config file each, no other software. Read this first to see who owns what.
 *
 * The agent makes everything below and stops it in the opposite direction: the elector first, because it gives the addresses back in
 * order and hands over; then the balancers, which let connections finish; then the holder, which leaves the kernel as it was found.
 */
import { createBalancer } from "../balance/create.ts";
import { UserThreads } from "../balance/user/user_threads.ts";
import type { KernelEngine } from "../balance/kernel/kernel_engine.ts";
import type { Clock } from "../base/clock.ts";
import type { PeersConfig } from "../config/types.ts";
import type { Elector } from "../election/elector.ts";
import { STATUS_CHANNEL } from "../election/raft/mux.ts";
import type { RaftNode } from "../election/raft/node.ts";
import { rehearse } from "../election/raft/rehearsal.ts";
import type { UdpTransport } from "../election/raft/udp_transport.ts";
import { SingleNode } from "../election/single_node.ts";
import { connectionResetter } from "../linux/reset_connections.ts";
import { getLog } from "../observe/log.ts";
import { type ClusterStatus, NO_ROUTING, type NodeStatus } from "../observe/status_types.ts";
import { Holder } from "../vip/holder.ts";
import type { PlacedVip } from "../vip/types.ts";
import { LanAnnouncer } from "../vip/lan_announcer.ts";
import { kernelEngineOf } from "./balance_kernel.ts";
import { BalancerSet } from "./balancer_set.ts";
import { CONTROL_SOCKET, ControlServer, type TransferAnswer } from "./control.ts";
import type { HostKernel } from "./host_kernel.ts";
import type { Build } from "./manager_run.ts";
import { PeersPages } from "./peers_pages.ts";
import { outlivingMs } from "./every_node_election.ts";
import { makeRaft, raftElsewhere, transferRaft } from "./raft_election.ts";
import { stopInOrder, type StopStep } from "./orderly_stop.ts";
import type { ReloadOutcome } from "./reload.ts";
import { describePlan, planReload } from "./reload_plan.ts";
import type { Routing } from "./routing.ts";
import { StateLock } from "./state_lock.ts";
import { StatusExchange } from "./status_exchange.ts";
import { clusterReports, nodeStatus } from "./status_report.ts";

const log = getLog("agent");

/** Peers have this long to answer a status question. */
const STATUS_LIMIT_MS = 600;
/** A single node listens this long for a stranger's answer to its probes before it takes anything. */
const PROBE_WAIT_MS = 200;

export interface PeersAgentOptions {
  readonly config: PeersConfig;
  /** Empty with `disableVIP`. */
  readonly placed: readonly PlacedVip[];
  readonly kernel: HostKernel;
  readonly clock: Clock;
  readonly build: Build;
  /** null: no routers are told. */
  readonly routing: Routing | null;
}

/** See the head of this file. */
export class PeersAgent {
  readonly #options: PeersAgentOptions;
  /** What runs now; of {@link PeersAgentOptions.config} only what never changes while it runs may be used after the start. */
  #config: PeersConfig;
  readonly #startedMs: number;
  readonly #kernelEngine: KernelEngine;
  readonly #threads: UserThreads;
  readonly #balancers: BalancerSet;
  readonly #holder: Holder;
  readonly #transport: UdpTransport | null;
  readonly #node: RaftNode | null;
  readonly #elector: Elector;
  readonly #exchange: StatusExchange | null;
  readonly #pages: PeersPages;
  /** What ends a hold on this machine. */
  #fence: "guard" | "lifetime" = "guard";
  #lock: StateLock | null = null;
  #control: ControlServer | null = null;
  #stop: Promise<void> | null = null;

  constructor(options: PeersAgentOptions) {
    const { config, clock } = options;
    this.#options = options;
    this.#config = config;
    this.#startedMs = clock.now();
    const deps = { clock, random: Math.random, resetter: connectionResetter };
    const { book } = options.kernel;
    this.#threads = new UserThreads(clock);
    this.#kernelEngine = kernelEngineOf({
      vips: config.vips.map(({ ip }) => ip),
      linkNames: () => book.links().map(({ name }) => name),
      localAddresses: () => book.addresses().map(({ ip }) => ip),
    }, clock);
    this.#balancers = new BalancerSet(config.balancers, {
      clock,
      make: (balancer) => createBalancer(balancer, deps, { kernel: this.#kernelEngine, threads: this.#threads }),
      onSettled: (reached) => this.#kernelEngine.keepFor(reached),
    });
    this.#holder = this.#makeHolder();
    const raft = config.singleNode ? null : makeRaft(config, {
      clock,
      poller: options.kernel.poller,
      addresses: this.#addresses,
      sink: this.#holder,
      holder: this.#holder,
      fence: () => this.#fence,
      fit: () => true,
    });
    this.#transport = raft?.transport ?? null;
    this.#node = raft?.node ?? null;
    this.#elector = this.#node ??
      new SingleNode({
        addresses: this.#addresses,
        timing: config.timing,
        clock,
        sink: this.#holder,
        ...(config.bgp === null ? {} : { leastLeaseMs: outlivingMs(config.bgp) }),
      });
    const channel = this.#node?.channel(STATUS_CHANNEL) ?? null;
    this.#exchange = channel === null ? null : new StatusExchange({ channel, clock, own: () => this.#ownStatus() });
    this.#pages = new PeersPages({
      listen: config.metrics,
      clock,
      build: options.build,
      node: config.localPeer.id,
      stallMs: config.timing.leaseMs / 4,
      facts: {
        holds: () => this.#holder.status(),
        balancers: () => this.#balancers.status(),
        routing: () => this.#options.routing?.status() ?? NO_ROUTING,
      },
    });
  }

  /**
   * Begins to serve. Throws what its parts throw (StateLockError, ListenError, BalancerError, StorageError, TransportError, ControlError, SysError)
   * after taking back the rest.
   */
  async start(): Promise<void> {
    const { config, placed, kernel, clock } = this.#options;
    try {
      this.#lock = StateLock.take(config.stateDir);
      if (this.#balancers.size > 0) await this.#balancers.start();
      kernel.onEvent = (event) => {
        this.#holder.kernelEvent(event);
        this.#options.routing?.kernelEvent(event);
      };
      if (this.#node !== null) rehearse();
      // With `disableVIP` the kernel is left alone: no guard, and no privilege is needed for it.
      if (placed.length > 0) this.#fence = this.#holder.start();
      if (config.singleNode && placed.length > 0) {
        await new Promise<void>((resolve) => void clock.after(PROBE_WAIT_MS, resolve));
      }
      await this.#options.routing?.start();
      await this.#elector.start();
      this.#options.routing?.decided();
      await this.#pages.start();
      this.#control = await ControlServer.start(`${config.stateDir}/${CONTROL_SOCKET}`, {
        status: () => this.#clusterStatus(),
        transfer: (to) => this.#transfer(to),
      });
    } catch (error) {
      await this.stop();
      throw error;
    }
    log.info("ready", { id: config.localPeer.id, vips: this.#addresses.join(","), balancers: this.#balancers.size });
  }

  /** Goes over to another configuration while it serves, as a whole or not at all. Not to be called again before it has ended. */
  async reload(next: PeersConfig): Promise<ReloadOutcome> {
    if (this.#stop !== null) return { outcome: "failed", why: "the agent is stopping" };
    // A balancer that could not be taken back is started by the next change that can.
    const planned = planReload({ ...this.#config, balancers: this.#balancers.configs() }, next);
    if (planned.outcome === "refused") return planned;
    const { plan } = planned;
    const applied = await this.#balancers.apply(plan.balancers);
    if (applied.outcome === "failed") return applied;
    if (plan.readdressed.length > 0) this.#transport?.readdress(next.remotePeers);
    this.#config = next;
    return { outcome: "applied", changes: describePlan(plan) };
  }

  /** Hands over, drains, and leaves the kernel as it was found. Idempotent, at most ten seconds. */
  stop(): Promise<void> {
    this.#stop ??= this.#takeBack();
    return this.#stop;
  }

  async #takeBack(): Promise<void> {
    const { clock } = this.#options;
    const steps: readonly StopStep[] = [
      ["the election", () => this.#elector.stop()],
      ["the routes", () => this.#options.routing?.close()],
      ["the load balancers", () => this.#balancers.stop()],
      ["the kernel's balancing", () => this.#kernelEngine.close()],
      ["the balancers' threads", () => this.#threads.close()],
      ["the addresses", () => this.#holder.stop()],
      ["the metrics", () => this.#pages.stop()],
      ["the status channel", () => this.#exchange?.stop()],
      ["the control socket", () => this.#control?.stop()],
      ["the kernel's sockets", () => this.#options.kernel.close()],
      ["the state directory", () => this.#lock?.release()],
    ];
    await stopInOrder(steps, { clock, log });
  }

  get #addresses(): string[] {
    return this.#options.placed.map((vip) => vip.ip);
  }

  #makeHolder(): Holder {
    const { config, placed, kernel, clock, routing } = this.#options;
    return new Holder({
      vips: placed,
      book: kernel.book,
      permission: kernel.permission,
      announcer: config.announce ? new LanAnnouncer({ vips: placed, poller: kernel.poller, book: kernel.book }) : null,
      announceEveryMs: config.announceEveryMs,
      clock,
      listener: {
        held: (ip, epoch) => {
          this.#balancers.bind(ip);
          this.#pages.held(ip);
          // Nobody counts terms for single nodes that serve one address.
          routing?.holds.held(ip, config.singleNode ? null : epoch);
        },
        released: (ip) => {
          routing?.holds.released(ip);
          this.#balancers.release(ip);
          this.#kernelEngine.released(ip);
          this.#pages.released(ip);
        },
        announced: (ip, takeoverMs) => this.#pages.announced(ip, takeoverMs),
      },
      elsewhere: (ip) => raftElsewhere(this.#node, config.timing, ip),
    });
  }

  #ownStatus(): NodeStatus {
    const { config, clock, build } = this.#options;
    return nodeStatus({
      id: config.localPeer.id,
      version: build.version,
      uptimeMs: clock.now() - this.#startedMs,
      raft: this.#node?.observe() ?? null,
      elector: null,
      holds: this.#holder.status(),
      balancers: this.#balancers.status(),
      routing: this.#options.routing?.status() ?? NO_ROUTING,
      rejected: this.#transport?.rejected() ?? [],
      silenceMs: config.timing.electionMaxMs,
    });
  }

  async #clusterStatus(): Promise<ClusterStatus> {
    const own = this.#ownStatus();
    const asked = own.peers.map((peer) => peer.id);
    const answers = await this.#exchange?.gather(asked, STATUS_LIMIT_MS) ?? new Map<string, unknown>();
    return { self: own.id, nodes: clusterReports(own, answers) };
  }

  async #transfer(to: string | null): Promise<TransferAnswer> {
    if (this.#node === null) {
      return { outcome: "refused", why: "This is a single node: there is nobody to hand over to" };
    }
    return await transferRaft(this.#node, to);
  }
}
