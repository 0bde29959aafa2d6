/**
 * A node of a Kubernetes control plane, put together. Read this first to see who owns what.
 *
 *     election (Lease, etcd, raft, or nobody's) ──grants──▶ holder ──▶ kernel
 *        ▲ fit?                                              │ held, released
 *     names, local API server, link                         routers: BGP or a routing table, where that is the mode
 *                                                           balancing among the API servers, where that is asked for
 *                                                           records: Lease per address, node label, Events, metrics
 *
 * The agent makes all of it and stops it in the opposite direction: the election first, because it gives the addresses back in order and
 * lets a successor in; the holder after it; what only reports goes last.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { formatProblem } from "../config/findings.ts";
import type { ManagerConfig } from "../config/manager/types.ts";
import { ApiHealth, makeProbe } from "../health/api_health.ts";
import { RivalWatch } from "../health/rivals.ts";
import type { KubeClient } from "../kube/api.ts";
import { leasePath } from "../kube/lease_object.ts";
import { type Lookup, systemLookup } from "../names/lookup.ts";
import { NameWatch } from "../names/resolver.ts";
import type { DumpSetting } from "../observe/dump_types.ts";
import { getLog } from "../observe/log.ts";
import { type ClusterStatus, NO_ROUTING, type NodeStatus, type RoutingStatus } from "../observe/status_types.ts";
import { Holder } from "../vip/holder.ts";
import { LanAnnouncer } from "../vip/lan_announcer.ts";
import { type LinkFacts, placeOn } from "../vip/placing.ts";
import type { HoldListener, PlacedVip } from "../vip/types.ts";
import { kernelEngineOf } from "./balance_kernel.ts";
import { CONTROL_SOCKET, ControlServer } from "./control.ts";
import { ControlPlaneBalance } from "./control_plane_balance.ts";
import { HoldRecords } from "./hold_records.ts";
import type { HostKernel } from "./host_kernel.ts";
import type { Election, ElectionParts } from "./manager_election.ts";
import { ManagerPages } from "./manager_pages.ts";
import { stopInOrder, type StopStep } from "./orderly_stop.ts";
import type { Routing } from "./routing.ts";
import { StateLock, StateLockError } from "./state_lock.ts";
import { clusterReports, nodeStatus } from "./status_report.ts";

const log = getLog("agent");

/** An address that cannot be put on the link is looked at again: somebody may have made room. */
const PLACE_AGAIN_MS = 2000;

export interface ManagerAgentOptions {
  readonly config: ManagerConfig;
  /** Every setting by its name, for the dump. */
  readonly settings: ReadonlyMap<string, DumpSetting>;
  readonly kernel: HostKernel;
  /** Where the addresses are put. */
  readonly link: LinkFacts;
  /** null: the election needs no API server, and nothing is written there. */
  readonly client: KubeClient | null;
  /** Of the Lease. */
  readonly namespace: string;
  readonly bootId: string;
  readonly clock: Clock;
  /** Of names that are given in place of addresses. @default {systemLookup} */
  readonly lookup?: Lookup;
  readonly build: { readonly version: string; readonly commit: string };
  /** null: the addresses are announced by ARP and NDP. */
  readonly routing: Routing | null;
  /** Makes the election that the configuration asks for. */
  readonly elect: (parts: ElectionParts, rivals: () => string | null) => Election;
}

/** See the head of this file. */
export class ManagerAgent {
  readonly #options: ManagerAgentOptions;
  readonly #startedMs: number;
  readonly #names: NameWatch;
  readonly #holder: Holder;
  readonly #health: ApiHealth | null;
  readonly #rivals: RivalWatch | null;
  readonly #election: Election;
  /** null: not asked for. */
  readonly #balance: ControlPlaneBalance | null;
  /** null: there is no API server to write them at. */
  readonly #records: HoldRecords | null;
  readonly #pages: ManagerPages;
  /** What ends a hold on this machine. */
  #fence: "guard" | "lifetime" = "guard";
  /** Why an address cannot be put on the link, or null. */
  #unplaced: string | null = null;
  #placeAgain: Timer | null = null;
  #lock: StateLock | null = null;
  #control: ControlServer | null = null;
  #stop: Promise<void> | null = null;

  /** Throws HealthCheckError for a check that cannot be made. */
  constructor(options: ManagerAgentOptions) {
    const { config, clock, client, kernel } = options;
    this.#options = options;
    this.#startedMs = clock.now();
    this.#names = new NameWatch({
      addresses: config.addresses,
      dnsMode: config.dnsMode,
      prefixLengths: config.prefixLengths,
      lookup: options.lookup ?? systemLookup,
      clock,
      onChange: () => this.#placed(),
    });
    this.#holder = this.#makeHolder();
    const objectPath = leasePath(options.namespace, config.lease.name);
    // Where every node serves nobody has to make way.
    this.#rivals = client === null || !config.elects
      ? null
      : new RivalWatch({ client, clock, objectPath, own: () => this.#ownAddresses() });
    this.#health = client === null && config.health.url === null
      ? null
      : new ApiHealth(makeProbe(config.health, { client, clock, objectPath }), clock);
    this.#election = options.elect(this.#electionParts(), () => this.#rivals?.rival() ?? null);
    this.#balance = this.#makeBalance();
    this.#records = client === null ? null : new HoldRecords({
      client,
      nodeName: config.nodeName,
      nodeLabeling: config.nodeLabeling,
      elects: config.elects,
      lease: { name: config.lease.name, namespace: options.namespace },
      clock,
    });
    this.#pages = new ManagerPages({
      config,
      settings: options.settings,
      clock,
      build: options.build,
      kernel,
      facts: {
        startedMs: this.#startedMs,
        apiServer: client?.server ?? "none",
        holds: () => this.#holder.status(),
        election: this.#election,
        health: () => this.#health?.health() ?? { is: "healthy" },
        unfit: () => this.#unfit(),
        linkName: options.link.name,
        routing: () => this.#routingStatus(),
        balancers: () => this.#ownStatus().balancers,
        bgp: () => options.routing?.bgp() ?? null,
      },
    });
  }

  /** Begins to serve. Throws what its parts throw after taking back the rest. */
  async start(): Promise<void> {
    const { config, kernel } = this.#options;
    try {
      this.#lock = this.#lockState();
      kernel.onEvent = (event) => {
        this.#holder.kernelEvent(event);
        this.#options.routing?.kernelEvent(event);
      };
      this.#fence = this.#holder.start();
      this.#names.start();
      if (this.#unplaced !== null) this.#placed();
      await this.#pages.start();
      this.#records?.start();
      this.#rivals?.start();
      await this.#options.routing?.start();
      this.#watchHealth();
      this.#balance?.start();
      await this.#election.elector.start();
      this.#decide();
      if (this.#lock !== null) this.#control = await this.#serveControl();
    } catch (error) {
      await this.stop();
      throw error;
    }
    log.info("ready", { node: config.nodeName, link: this.#options.link.name, election: config.election.type });
  }

  /** Hands over, drains, and leaves the kernel as it was found. Idempotent, at most ten seconds. */
  stop(): Promise<void> {
    this.#stop ??= this.#takeBack();
    return this.#stop;
  }

  /** Lets go at once and without a word to anybody: the kernel is left as it was found. */
  abort(): void {
    this.#holder.stop();
  }

  /** The configuration and what is so now, as text. */
  dump(): string {
    return this.#pages.dump();
  }

  async #takeBack(): Promise<void> {
    const { clock } = this.#options;
    const steps: readonly StopStep[] = [
      ["the election", () => this.#election.elector.stop()],
      ["the routes", () => this.#options.routing?.close()],
      ["the balancing", () => this.#balance?.stop()],
      ["the addresses", () => this.#holder.stop()],
      ["the records", () => this.#records?.stop()],
      ["the election's connections", () => this.#election.close()],
      ["the health check", () => this.#health?.close()],
      ["the other API servers", () => this.#rivals?.close()],
      ["the names", () => this.#names.close()],
      ["the addresses that have no place", () => this.#placeAgain?.cancel()],
      ["metrics and health pages", () => this.#pages.stop()],
      ["the control socket", () => this.#control?.stop()],
      ["the API client", () => this.#options.client?.close()],
      ["the kernel's sockets", () => this.#options.kernel.close()],
      ["the state directory", () => this.#lock?.release()],
    ];
    await stopInOrder(steps, { clock, log });
  }

  /**
   * Only peers have something to remember. For the others a directory that cannot be written, as in a container whose root file system
   * is read-only, costs `kube-vip status` and nothing else; null then.
   */
  #lockState(): StateLock | null {
    const { stateDir, election } = this.#options.config;
    try {
      return StateLock.take(stateDir);
    } catch (error) {
      const isNeeded = election.type === "peers" || !(error instanceof StateLockError) || error.reason === "in use";
      if (isNeeded) throw error;
      log.warning("without a state directory there is no control socket (kube-vip status)", { cause: error.message });
      return null;
    }
  }

  #serveControl(): Promise<ControlServer> {
    return ControlServer.start(`${this.#options.config.stateDir}/${CONTROL_SOCKET}`, {
      status: () => Promise.resolve(this.#clusterStatus()),
      transfer: (to) => this.#election.transfer(to),
    });
  }

  #makeHolder(): Holder {
    const { config, kernel } = this.#options;
    const vips = this.#placements();
    const onLan = config.mode === "arp";
    return new Holder({
      vips,
      book: kernel.book,
      permission: kernel.permission,
      announcer: onLan ? new LanAnnouncer({ vips, poller: kernel.poller, book: kernel.book }) : null,
      announceEveryMs: config.announceEveryMs,
      clock: this.#options.clock,
      listener: this.#listener(),
      elsewhere: (ip) => this.#election.elsewhere(ip),
      ...(config.linkDownMs === null ? {} : { unfitAfterMs: config.linkDownMs }),
      allowInterfaceNotUp: config.allowInterfaceNotUp,
      ownAll: true,
    });
  }

  #listener(): HoldListener {
    const { routing, config: { elects } } = this.#options;
    const routed = routing?.holds;
    const termOf = (epoch: number): number | null => elects ? epoch : null;
    return {
      held: (ip, epoch) => {
        routed?.held(ip, termOf(epoch));
        this.#balance?.held(ip);
        this.#decide();
        this.#records?.held(ip);
        this.#pages.held(ip);
      },
      released: (ip) => {
        routed?.released(ip);
        this.#balance?.released(ip);
        this.#records?.released(ip);
        this.#pages.released(ip);
      },
      preserved: (ip) => routed?.preserved(ip),
      resumed: (ip, epoch) => routed?.resumed(ip, termOf(epoch)),
      announced: (ip, takeoverMs) => this.#pages.announced(ip, takeoverMs),
    };
  }

  #makeBalance(): ControlPlaneBalance | null {
    const { config: { balancing, lease }, namespace, client, clock, kernel: { book } } = this.#options;
    if (balancing === null || client === null) return null;
    const engine = kernelEngineOf({
      vips: [],
      linkNames: () => book.links().map(({ name }) => name),
      localAddresses: () => book.addresses().map(({ ip }) => ip),
    }, clock);
    const managed = (): ReadonlySet<string> => new Set(this.#names.current().map(({ ip }) => ip));
    const objectPath = leasePath(namespace, lease.name);
    return new ControlPlaneBalance({ settings: balancing, client, clock, engine, managed, objectPath });
  }

  #electionParts(): ElectionParts {
    const { config, clock, bootId } = this.#options;
    return {
      clock,
      identity: config.nodeName,
      bootId,
      addresses: () => this.#names.current().map(({ ip }) => ip),
      sink: this.#holder,
      holder: this.#holder,
      fence: () => this.#fence,
      fit: () => this.#unfit() === null,
      rival: () => this.#hasRival(),
      onStanding: (standing) => this.#options.routing?.holds.standing(standing),
      onLeader: (holder) => {
        this.#pages.leads(holder === this.#id);
        this.#records?.leads(holder === this.#id);
        log.info("new leader", { holder: holder ?? "nobody" });
      },
    };
  }

  /** This node as the election names it. */
  get #id(): string {
    const { election, nodeName } = this.#options.config;
    return election.type === "peers" ? election.localPeer.id : nodeName;
  }

  /** Why this node should not hold, or null. */
  #unfit(): string | null {
    if (this.#names.current().length === 0) return "the name of the address has not been found yet";
    // Whoever led without being able to hold would keep it from those who can.
    if (this.#unplaced !== null) return this.#unplaced;
    const health = this.#health?.health() ?? { is: "healthy" };
    return this.#holder.unfit() ?? (health.is === "unhealthy" ? health.why : null);
  }

  /**
   * A node whose link is down lets another try: whoever is well takes over, and if nobody does it takes the Lease again. One whose API
   * server is gone makes way only for a server that is seen to be well.
   */
  #hasRival(): boolean {
    return this.#health?.health().is === "unhealthy" ? this.#rivals?.rival() !== null : true;
  }

  #watchHealth(): void {
    const { rivals, health, routing } = { rivals: this.#rivals, health: this.#health, ...this.#options };
    if (rivals !== null) rivals.onChange = () => this.#election.refresh();
    if (health === null) {
      routing?.holds.healthy(true);
      return;
    }
    health.onChange = (now) => {
      rivals?.needed(now.is === "unhealthy");
      // Elected nodes announce for as long as they hold: a node alone keeps its addresses whatever its server says.
      if (!this.#options.config.elects) routing?.holds.healthy(now.is === "healthy");
      this.#election.refresh();
      this.#decide();
    };
    health.start();
  }

  /**
   * Routers that keep the routes of an earlier run need wait no longer: what is announced is all that will be. A name that has not been
   * found yet is waited for; the restart time ends that.
   */
  #decide(): void {
    const health = this.#health?.health().is ?? "healthy";
    if (health === "unknown") return;
    const current = this.#names.current();
    const held = new Set(this.#holder.status().filter(({ heldHere }) => heldHere).map(({ ip }) => ip));
    const isComplete = current.length > 0 && current.every(({ ip }) => held.has(ip));
    if (isComplete || health === "unhealthy" || this.#holder.unfit() !== null) this.#options.routing?.decided();
  }

  /** The names have other addresses now, or what was in the way may be gone. */
  #placed(): void {
    this.#placeAgain?.cancel();
    this.#placeAgain = null;
    try {
      this.#holder.place(this.#placements());
    } catch (error) {
      this.#cannotPlace(`the kernel refuses: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (this.#unplaced !== null && this.#stop === null) {
      this.#placeAgain = this.#options.clock.after(PLACE_AGAIN_MS, () => this.#placed());
    }
    this.#election.refresh();
  }

  #cannotPlace(why: string): void {
    if (why !== this.#unplaced) log.error("cannot use an address", { finding: why });
    this.#unplaced = why;
  }

  /** What the names give now, as far as it can be put on the link. */
  #placements(): readonly PlacedVip[] {
    const { config, kernel } = this.#options;
    const links = kernel.book.links();
    // A link that was replaced by another of the same name has another index.
    const link = links.find(({ name }) => name === this.#options.link.name) ?? this.#options.link;
    const { placed, problems } = placeOn({
      addresses: this.#names.current(),
      link,
      links,
      present: kernel.book.addresses(),
      defaultRoutes: kernel.book.defaultRoutes(),
      loopbackGlobalScope: config.loopbackGlobalScope,
    });
    if (problems.length === 0) this.#unplaced = null;
    else this.#cannotPlace(problems.map((problem) => formatProblem(problem, null)).join("; "));
    return placed;
  }

  #ownAddresses(): ReadonlySet<string> {
    const managed = this.#names.current().map(({ ip }) => ip);
    return new Set([...managed, ...this.#options.kernel.book.addresses().map(({ ip }) => ip)]);
  }

  #routingStatus(): RoutingStatus {
    return this.#options.routing?.status() ?? NO_ROUTING;
  }

  #clusterStatus(): ClusterStatus {
    const own = this.#ownStatus();
    return { self: own.id, nodes: clusterReports(own, new Map()) };
  }

  #ownStatus(): NodeStatus {
    const { config, clock, build } = this.#options;
    const raft = this.#election.raft();
    return nodeStatus({
      id: this.#id,
      version: build.version,
      uptimeMs: clock.now() - this.#startedMs,
      raft,
      elector: raft === null && config.elects ? this.#election.status() : null,
      holds: this.#holder.status(),
      balancers: this.#balance?.status() ?? [],
      routing: this.#routingStatus(),
      rejected: this.#election.rejected(),
      silenceMs: config.election.type === "peers" ? config.election.timing.electionMaxMs : 0,
    });
  }
}
