import type { Clock } from "../base/clock.ts";
import type { BfdMonitor } from "../bfd/types.ts";
import type { Family } from "../net/bgp/types.ts";
import type { Announced } from "./announced.ts";
import { bfdPath } from "./bfd_path.ts";
import type { HostAddress } from "./next_hop.ts";
import { PathWatch } from "./path_watch.ts";
import { type Path, pathFor, type PeerPaths, peerPaths } from "./paths.ts";
import { RibOut } from "./rib_out.ts";
import type { Cease, PeerSession, SessionEvents } from "./session_types.ts";
import type { SpeakerLog } from "./speaker_log.ts";
import type { Incoming } from "./transport.ts";
import type { BgpPeerConfig, Negotiated, PeerReport } from "./types.ts";

/** What all neighbours of a speaker share. */
export interface NeighbourHost {
  readonly as: number;
  readonly clock: Clock;
  readonly log: SpeakerLog;
  readonly announced: Announced;
  readonly addresses: () => readonly HostAddress[];
  readonly monitor: () => BfdMonitor;
  /** All routes that are to be announced at start are known: End-of-RIB may be sent. */
  readonly isReady: () => boolean;
  readonly makeSession: (peer: BgpPeerConfig, events: SessionEvents) => PeerSession;
}

/** While the session is up. */
interface Up {
  readonly negotiated: Negotiated;
  readonly rib: RibOut;
  /** null: not worked out yet, which {@link Neighbour.tellAll} does soon. */
  paths: PeerPaths | null;
  refused: number;
}

/** One peer: its session, what it has been told, and BFD. */
export class Neighbour {
  readonly #host: NeighbourHost;
  readonly #session: PeerSession;
  readonly #watch: PathWatch;
  #peer: BgpPeerConfig;
  #up: Up | null = null;
  #isStopped = false;
  #isTellDue = false;
  /** Families that the log has said cannot be announced, until they can. */
  readonly #toldFamilies = new Set<Family>();

  constructor(peer: BgpPeerConfig, host: NeighbourHost) {
    this.#host = host;
    this.#peer = peer;
    this.#session = host.makeSession(peer, {
      established: (negotiated) => this.#established(negotiated),
      ended: () => this.#ended(),
      received: (update) => {
        if (this.#up !== null) this.#up.refused = Math.max(0, this.#up.refused + update.announced - update.withdrawn);
      },
      refresh: (family) => {
        this.#up?.rib.refresh(family);
        this.#tellSoon();
      },
    });
    this.#watch = new PathWatch({
      peer: peer.name,
      monitor: host.monitor,
      clock: host.clock,
      log: host.log,
      events: { down: () => this.#session.pathDown(), up: () => this.#session.pathUp() },
    });
  }

  get peer(): BgpPeerConfig {
    return this.#peer;
  }

  get isEstablished(): boolean {
    return this.#up !== null;
  }

  /** Bytes for this peer that the kernel has not taken yet; 0 unless the session is up. */
  get queuedBytes(): number {
    return this.#up === null ? 0 : this.#session.queuedBytes;
  }

  start(): void {
    if (!this.#isStopped) this.#session.start();
  }

  /**
   * Says goodbye and ends; resolves when nothing of it is left. Idempotent. BFD ends last: FRR takes its AdminDown for a failure of the path
   * if that comes before the NOTIFICATION, and its log would tell the wrong reason.
   */
  async stop(cease: Cease): Promise<void> {
    this.#isStopped = true;
    this.#up = null;
    try {
      await this.#session.stop(cease);
    } finally {
      this.#watch.stop();
    }
  }

  /** Somebody has connected; the session takes it if it is this peer. */
  incoming(incoming: Incoming): "taken" | "refused" {
    return this.#isStopped ? "refused" : this.#session.incoming(incoming);
  }

  /** Other settings that the session does not need to know about ({@link file://./peer_changes.ts}). */
  change(peer: BgpPeerConfig): void {
    this.#peer = peer;
    this.tellAll();
  }

  /** Tells the peer what has become of these addresses. */
  tell(ips: readonly string[]): void {
    const up = this.#up;
    if (up === null || up.paths === null) return;
    for (const ip of ips) up.rib.want(ip, this.#pathFor(ip, up.paths));
    const messages = up.rib.flush({ complete: this.#host.isReady() });
    if (messages.length > 0) this.#session.send(messages);
  }

  /** Tells the peer everything that it does not know yet, by next hops that are worked out anew. */
  tellAll(): void {
    const up = this.#up;
    if (up === null) return;
    this.#findPaths(up);
    this.tell([...up.rib.addresses(), ...this.#host.announced.addresses()]);
  }

  /** As {@link tell}, but everything if next hops have changed meanwhile. */
  tellChecked(ips: readonly string[]): void {
    const up = this.#up;
    if (up === null || up.paths === null) return;
    const before = keysOf(up.paths);
    if (keysOf(this.#findPaths(up)) === before) this.tell(ips);
    else this.tellAll();
  }

  report(): PeerReport {
    const { refused = 0, rib = null } = this.#up ?? {};
    return {
      ...this.#session.report(),
      name: this.#peer.name,
      prefixesSent: rib?.size ?? 0,
      prefixesUnsent: rib === null ? 0 : Math.max(0, this.#suitable() - rib.size),
      prefixesRefused: refused,
      bfd: this.#peer.bfd === null ? null : this.#watch.state,
    };
  }

  /** Addresses of the families that this peer is configured for. */
  #suitable(): number {
    return this.#host.announced.addresses().filter((ip) => this.#peer.families.has(familyOf(ip))).length;
  }

  #established(negotiated: Negotiated): void {
    this.#up = { negotiated, rib: new RibOut(negotiated), paths: null, refused: 0 };
    const path = bfdPath(this.#peer, negotiated, { addresses: this.#host.addresses() });
    if (path !== null) this.#watch.sessionUp(path);
    this.#tellSoon();
  }

  #ended(): void {
    this.#up = null;
    this.#watch.sessionDown();
  }

  /** After the session has done what it is at: it is up for its owner only then. Once, however often a peer asks in this turn. */
  #tellSoon(): void {
    if (this.#isTellDue) return;
    this.#isTellDue = true;
    queueMicrotask(() => {
      this.#isTellDue = false;
      this.tellAll();
    });
  }

  #findPaths(up: Up): PeerPaths {
    const paths = peerPaths({
      as: this.#host.as,
      peer: this.#peer,
      session: up.negotiated,
      addresses: this.#host.addresses(),
      isAnnounced: (ip) => this.#host.announced.has(ip),
    });
    up.paths = paths;
    const wanted = new Set(this.#host.announced.addresses().map(familyOf));
    for (const [family, some] of paths) {
      if (some.is === "paths") this.#toldFamilies.delete(family);
      else if (wanted.has(family) && !this.#toldFamilies.has(family)) {
        this.#toldFamilies.add(family);
        this.#host.log.noRoutes(this.#peer.name, { family, why: some.why });
      }
    }
    return paths;
  }

  /** null: nothing is to be said of it, or only that it is gone. An address is no way to itself. */
  #pathFor(ip: string, paths: PeerPaths): Path | null {
    const { announced } = this.#host;
    const some = announced.has(ip) ? paths.get(familyOf(ip)) : undefined;
    if (some === undefined || some.is === "none" || some.plain.attributes.nextHop === ip) return null;
    return pathFor(some, { isDraining: announced.isDraining(ip), term: announced.term(ip) });
  }
}

function keysOf(paths: PeerPaths): string {
  return [...paths].map(([family, some]) => `${family}:${some.is === "paths" ? some.plain.key : ""}`).join("\n");
}

function familyOf(ip: string): Family {
  return ip.includes(":") ? 6 : 4;
}
