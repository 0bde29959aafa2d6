import type { Clock, Random, Timer } from "../base/clock.ts";
import type { BfdMonitor } from "../bfd/types.ts";
import type { Family } from "../net/bgp/types.ts";
import { parseIp } from "../net/ip.ts";
import type { RouteAnnouncer } from "../routes/types.ts";
import { Announced } from "./announced.ts";
import { Door } from "./door.ts";
import { incomingPeers, listenKeys } from "./incoming_peer.ts";
import { Neighbour, type NeighbourHost } from "./neighbour.ts";
import type { HostAddress } from "./next_hop.ts";
import { OwnAddresses } from "./own_addresses.ts";
import { peerChanges } from "./peer_changes.ts";
import { Session } from "./session.ts";
import type { LinkPeers, Lookup, SessionOptions } from "./session_options.ts";
import type { Cease, PeerSession } from "./session_types.ts";
import { SpeakerLog } from "./speaker_log.ts";
import type { Incoming, Transport } from "./transport.ts";
import type { BgpConfig, BgpPeerConfig, PeerReport } from "./types.ts";

/** {@link BgpSpeaker.close}: withdrawals have so long to be taken by the kernel, and everything has so long to end. */
const FLUSH_LIMIT_MS = 300;
const CLOSE_LIMIT_MS = 1700;
/** How often it is looked whether bytes were taken. */
const LOOK_MS = 2;

const FAREWELL = "kube-vip is stopping";

/** What a speaker needs. */
export interface BgpSpeakerOptions {
  readonly config: BgpConfig;
  readonly transport: Transport;
  /** Called once, when the first path is to be watched. Throws SysError. The speaker closes it. */
  readonly bfdMonitor: () => BfdMonitor;
  readonly clock: Clock;
  readonly random: Random;
  /** Addresses of this machine in the kernel's order, VIPs included. Throws when the kernel does not say. */
  readonly addresses: () => readonly HostAddress[];
  readonly lookup: Lookup;
  readonly linkPeers: LinkPeers;
  /** Whether addresses of an earlier run were still answered for when this one began. @default {true} */
  readonly addressesKept?: boolean;
  /** For tests; otherwise a {@link Session}. */
  readonly makeSession?: (options: SessionOptions) => PeerSession;
  /** For tests; otherwise the log of the room `bgp`. */
  readonly log?: SpeakerLog;
}

/**
 * Announces host routes to all configured peers, and imports nothing. A withdrawal and a drain are handed to the sessions within the call;
 * announcements at the end of the turn, so that many of them share messages.
 */
export class BgpSpeaker implements RouteAnnouncer {
  readonly #options: BgpSpeakerOptions;
  readonly #log: SpeakerLog;
  readonly #announced = new Announced();
  readonly #neighbours = new Map<string, Neighbour>();
  /** Sessions that are saying goodbye. */
  readonly #ending = new Set<Promise<void>>();
  readonly #door: Door;
  readonly #addresses: OwnAddresses;
  #config: BgpConfig;
  #state: "new" | "running" | "closed" = "new";
  #monitor: BfdMonitor | null = null;
  /** Announced in this turn, and nobody was told yet. */
  readonly #news = new Set<string>();
  #isReady: boolean;
  /** Runs for the first restart time after the start. */
  #restartTimer: Timer | null = null;
  readonly #toldFamilies = new Set<Family>();
  #unwatchLinks: () => void = () => {};
  #closing: Promise<void> | null = null;

  constructor(options: BgpSpeakerOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#log = options.log ?? new SpeakerLog();
    this.#isReady = options.config.gracefulRestartMs === null;
    this.#door = new Door({
      transport: options.transport,
      clock: options.clock,
      log: this.#log,
      onIncoming: (incoming) => this.#incoming(incoming),
    });
    this.#addresses = new OwnAddresses({
      read: options.addresses,
      clock: options.clock,
      log: this.#log,
      onChange: () => {
        for (const neighbour of this.#neighbours.values()) neighbour.tellChecked([]);
      },
    });
  }

  /** The port that peers can connect to; null: none. */
  get listenPort(): number | null {
    return this.#door.port;
  }

  /** Begins with all peers. Resolves when it is listened on the port, if there is one; a port that cannot be had is tried again. */
  async start(): Promise<void> {
    if (this.#state !== "new") return;
    this.#state = "running";
    this.#addresses.current(); // so that something is known whatever happens later
    const { gracefulRestartMs, peers } = this.#config;
    if (gracefulRestartMs !== null) {
      this.#restartTimer = this.#options.clock.after(gracefulRestartMs, () => {
        this.#restartTimer = null;
        this.ready();
      });
    }
    for (const peer of peers) this.#add(peer).start();
    // The kernel drops what an unnumbered peer signs until the listening socket has the key for its address.
    this.#unwatchLinks = this.#options.linkPeers.onChange(() => void this.#inBackground(this.#listen()));
    await this.#listen();
  }

  /**
   * What is announced at start is known now: peers are told that this is all (End-of-RIB), and drop what they kept of the time before the
   * restart. Without graceful restart it is always so, and with it at the latest when the restart time is over.
   */
  ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.#tell();
    for (const neighbour of this.#neighbours.values()) neighbour.tell([]);
  }

  announce(ip: string, owner: string, term?: number): void {
    const canonical = this.#canonical(ip);
    if (canonical === null || this.#announced.announce(canonical, owner, term ?? null) === "same") return;
    this.#log.announced(canonical, this.#announced.term(canonical));
    this.#findCarrier(canonical);
    if (this.#news.size === 0) queueMicrotask(() => this.#tell());
    this.#news.add(canonical);
  }

  withdraw(ip: string, owner: string): void {
    const canonical = this.#canonical(ip);
    if (canonical === null || this.#announced.withdraw(canonical, owner) === "same") return;
    if (!this.#announced.has(canonical)) this.#log.withdrawn(canonical);
    this.#tellNow(canonical);
  }

  drain(ip: string): void {
    const canonical = this.#canonical(ip);
    if (canonical === null || this.#announced.drain(canonical) === "same") return;
    this.#log.draining(canonical);
    this.#tellNow(canonical);
  }

  /** The machine's addresses have changed: next hops may be others. Peers are told at once, or after the last change of many. */
  addressesChanged(): void {
    this.#addresses.changed();
  }

  /** Resolves when every peer's bytes were taken by the kernel, or `limitMs` have passed: before an address goes. */
  async settled(limitMs: number): Promise<void> {
    this.#tell();
    const { clock } = this.#options;
    const untilMs = clock.now() + limitMs;
    while ([...this.#neighbours.values()].some(({ queuedBytes }) => queuedBytes > 0)) {
      const leftMs = untilMs - clock.now();
      if (leftMs <= 0) return;
      await new Promise<void>((resolve) => void clock.after(Math.min(LOOK_MS, leftMs), resolve));
    }
  }

  /** One report for each peer, in the order of the configuration. */
  reports(): PeerReport[] {
    return this.#config.peers.flatMap(({ name }) => this.#neighbours.get(name)?.report() ?? []);
  }

  /** Goes on with another configuration; sessions that it does not concern are not touched. */
  reconfigure(config: BgpConfig): void {
    if (this.#state === "closed") return;
    const changes = peerChanges(this.#config, config);
    this.#config = config;
    this.#toldFamilies.clear();
    if (config.gracefulRestartMs === null) this.ready();
    if (this.#state === "new") return;
    const ended = changes.removed.map((name) => {
      this.#log.peerRemoved(name);
      return this.#end(name, { is: "deconfigured" });
    });
    for (const peer of changes.restarted) {
      this.#log.peerChanged(peer.name);
      ended.push(this.#end(peer.name, { is: "config-change" }));
    }
    for (const { name } of changes.added) this.#log.peerAdded(name);
    this.#startAfter(ended, [...changes.restarted, ...changes.added].map((peer) => this.#add(peer)));
    for (const peer of changes.retold) this.#neighbours.get(peer.name)?.change(peer);
    for (const ip of this.#announced.addresses()) this.#findCarrier(ip);
    this.#inBackground(this.#listen());
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#state = "closed";
    this.#restartTimer?.cancel();
    this.#unwatchLinks();
    this.#addresses.stop();
    const gone = this.#announced.clear();
    for (const ip of gone) this.#log.withdrawn(ip);
    this.#news.clear();
    for (const neighbour of this.#neighbours.values()) neighbour.tell(gone);
    const shut = this.#door.set(null);
    await this.settled(FLUSH_LIMIT_MS);
    for (const name of [...this.#neighbours.keys()]) this.#end(name, { is: "shutdown", text: FAREWELL });
    await this.#within(CLOSE_LIMIT_MS, Promise.all([...this.#ending, shut]));
    this.#monitor?.close();
  }

  async #within(limitMs: number, work: Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(limitMs, late.resolve);
    await Promise.race([work, late.promise]);
    timer.cancel();
  }

  #canonical(ip: string): string | null {
    if (this.#state === "closed") return null;
    const parsed = parseIp(ip);
    if (parsed === null) this.#log.notAnAddress(ip);
    return parsed?.text ?? null;
  }

  /** Tells all peers what was announced in this turn. */
  #tell(): void {
    const news = [...this.#news];
    this.#news.clear();
    if (news.length === 0) return;
    for (const neighbour of this.#neighbours.values()) neighbour.tellChecked(news);
  }

  #tellNow(ip: string): void {
    this.#tell();
    for (const neighbour of this.#neighbours.values()) neighbour.tell([ip]);
  }

  #findCarrier(ip: string): void {
    const family: Family = ip.includes(":") ? 6 : 4;
    if (this.#toldFamilies.has(family) || this.#config.peers.some((peer) => peer.families.has(family))) return;
    this.#toldFamilies.add(family);
    this.#log.noCarrier(ip, family);
  }

  #add(peer: BgpPeerConfig): Neighbour {
    const neighbour = new Neighbour(peer, this.#host());
    this.#neighbours.set(peer.name, neighbour);
    return neighbour;
  }

  #host(): NeighbourHost {
    const { clock, random, transport, lookup, linkPeers } = this.#options;
    const { as, routerId, gracefulRestartMs } = this.#config;
    const make = this.#options.makeSession ?? ((options) => new Session(options));
    const restarting = (): boolean => this.#restartTimer !== null;
    const forwarding = (): boolean => this.#options.addressesKept !== false || !restarting();
    const speaker = { as, routerId, gracefulRestartMs, restarting, forwarding };
    return {
      as,
      clock,
      log: this.#log,
      announced: this.#announced,
      addresses: () => this.#addresses.current(),
      monitor: () => this.#monitor ??= this.#options.bfdMonitor(),
      isReady: () => this.#isReady,
      makeSession: (peer, events) => make({ peer, speaker, transport, clock, random, lookup, linkPeers, events }),
    };
  }

  #end(name: string, cease: Cease): Promise<void> {
    const neighbour = this.#neighbours.get(name);
    this.#neighbours.delete(name);
    return neighbour === undefined ? Promise.resolve() : this.#inBackground(neighbour.stop(cease), name);
  }

  /** The old sessions first: a new one may be with the same router, which takes one only, as BFD does. */
  #startAfter(ended: readonly Promise<void>[], neighbours: readonly Neighbour[]): void {
    const started = Promise.all(ended).then(() => {
      for (const neighbour of neighbours) neighbour.start();
    });
    this.#inBackground(started);
  }

  #inBackground(work: Promise<void>, name = "all"): Promise<void> {
    const done = work.catch((error: unknown) => {
      this.#log.stopFailed(name, error instanceof Error ? error.message : String(error));
    }).finally(() => void this.#ending.delete(done));
    this.#ending.add(done);
    return done;
  }

  #listen(): Promise<void> {
    const { listenPort, peers } = this.#config;
    if (listenPort === null) return this.#door.set(null);
    return this.#door.set({ port: listenPort, keys: listenKeys(peers, (link) => this.#options.linkPeers.peer(link)) });
  }

  /** What is not taken within this call is refused by RST: a word to a stranger would tell it that BGP is spoken here. */
  #incoming(incoming: Incoming): void {
    const candidates = [...this.#neighbours.values()];
    const isSigned = this.#door.hasKey(incoming.remoteIp);
    const { names, isStranger } = incomingPeers(candidates, incoming, { isSigned });
    const isTaken = names.some((name) => this.#neighbours.get(name)?.incoming(incoming) === "taken");
    if (!isTaken && isStranger) this.#log.stranger(incoming.remoteIp);
  }
}
