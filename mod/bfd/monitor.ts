/** BFD sessions on the real clock: finds out whose a packet is, and sends what is due. */
import { assert } from "../base/assert.ts";
import type { Clock, Random, Timer } from "../base/clock.ts";
import { Errno, SysError } from "../linux/errno.ts";
import { type BfdPacket, decodeBfd, encodeBfd } from "../net/bfd.ts";
import { WireError } from "../net/errors.ts";
import type { BfdDatagram, BfdLine, BfdNetwork } from "./network.ts";
import { type BfdOutput, BfdSession } from "./session.ts";
import type { BfdChange, BfdMonitor, BfdPath, BfdState, BfdWatch } from "./types.ts";

/** More than the peers that a node can have; at the fastest all of them together send 20,000 packets a second. */
const MAX_PATHS = 1024;
/** AdminDown has no answer: so many copies, for one to arrive. */
const FAREWELLS = 3;

/** What a monitor needs. */
export interface PathMonitorOptions {
  /** Closed with the monitor. */
  readonly network: BfdNetwork;
  readonly clock: Clock;
  readonly random: Random;
}

/** Watches paths. Whoever made it closes it. */
export class PathMonitor implements BfdMonitor {
  readonly #options: PathMonitorOptions;
  /** By our discriminator. */
  readonly #paths = new Map<number, WatchedPath>();

  constructor(options: PathMonitorOptions) {
    this.#options = options;
    options.network.listen((datagram) => this.#receive(datagram));
  }

  /**
   * Begins to watch; changes are told from timers and packets, so never before this has returned. Throws SysError: EEXIST if the path is
   * watched already, EADDRINUSE if another program has BFD's port, EADDRNOTAVAIL, ENODEV.
   */
  watch(path: BfdPath, onChange: (change: BfdChange) => void): BfdWatch {
    const known = [...this.#paths.values()].some((each) =>
      each.path.multihop === path.multihop && each.isBetween(path)
    );
    if (known) throw new SysError("watch with BFD", Errno.EEXIST, { subject: path.remoteIp });
    if (this.#paths.size >= MAX_PATHS) {
      throw new SysError("watch with BFD", Errno.ENOBUFS, { subject: path.remoteIp, reason: `${MAX_PATHS} paths are` });
    }
    const discriminator = this.#newDiscriminator();
    const watched = new WatchedPath(path, {
      ...this.#options,
      discriminator,
      onChange,
      onStop: () => void this.#paths.delete(discriminator),
    });
    this.#paths.set(discriminator, watched);
    return watched;
  }

  /** Stops all watches. Idempotent. */
  close(): void {
    for (const watched of [...this.#paths.values()]) watched.stop();
    this.#options.network.close();
  }

  /** RFC 5880 §6.8.1: unique, not zero; random, so that nobody off the path guesses it. */
  #newDiscriminator(): number {
    for (;;) {
      const candidate = Math.floor(this.#options.random() * 0x1_0000_0000) >>> 0;
      if (candidate !== 0 && !this.#paths.has(candidate)) return candidate;
    }
  }

  #receive(datagram: BfdDatagram): void {
    const packet = decoded(datagram.bytes);
    if (packet === null) return;
    const watched = this.#select(packet, datagram);
    // RFC 5883 §5: a packet for a neighbour's session that has passed routers is nobody's.
    if (watched !== undefined && watched.path.multihop === datagram.multihop) watched.receive(packet);
  }

  /** RFC 5880 §6.3: by our discriminator, and by addresses and link as long as the other side does not know it. */
  #select(packet: BfdPacket, datagram: BfdDatagram): WatchedPath | undefined {
    if (packet.yourDiscriminator !== 0) return this.#paths.get(packet.yourDiscriminator);
    for (const watched of this.#paths.values()) {
      if (watched.path.multihop === datagram.multihop && watched.isEnd(datagram)) return watched;
    }
    return undefined;
  }
}

/** Null for what is no control packet: anybody may send anything. */
function decoded(bytes: Uint8Array): BfdPacket | null {
  try {
    return decodeBfd(bytes);
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

interface WatchedPathOptions extends PathMonitorOptions {
  readonly discriminator: number;
  readonly onChange: (change: BfdChange) => void;
  readonly onStop: () => void;
}

/** A session with its line and its timer. */
class WatchedPath implements BfdWatch {
  readonly path: BfdPath;
  readonly #options: WatchedPathOptions;
  readonly #session: BfdSession;
  #line: BfdLine;
  #timer: { readonly atMs: number; readonly timer: Timer } | null = null;
  #stopped = false;

  constructor(path: BfdPath, options: WatchedPathOptions) {
    const { clock, random, discriminator, network } = options;
    this.path = path;
    this.#options = options;
    this.#line = network.open(path);
    this.#session = new BfdSession(path, { discriminator, now: clock.now(), random });
    this.#arm();
  }

  get state(): BfdState {
    return this.#session.state;
  }

  /** Whether a packet comes from the other end of this path to ours. */
  isEnd({ source, destination, linkIndex }: BfdDatagram): boolean {
    const linked = this.#line.linkIndex === 0 || this.#line.linkIndex === linkIndex;
    return linked && source === this.path.remoteIp && destination === this.path.localIp;
  }

  /** Whether packets without discriminator could not tell this path from that one. */
  isBetween({ remoteIp, localIp, interface: link }: BfdPath): boolean {
    const { path } = this;
    const sameLink = path.interface === null || link === null || path.interface === link;
    return sameLink && path.remoteIp === remoteIp && path.localIp === localIp;
  }

  receive(packet: BfdPacket): void {
    this.#do(this.#session.receive(packet, this.#options.clock.now()));
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.timer.cancel();
    const farewell = encodeBfd(this.#session.stop());
    for (let copy = 0; copy < FAREWELLS; copy++) this.#line.send(farewell);
    this.#line.close();
    this.#options.onStop();
  }

  /** After a pause of the whole process the packets that arrived meanwhile are still in their queue: they come first. */
  #fire(): void {
    const { clock, network } = this.#options;
    this.#timer = null;
    if (this.#session.expiresAtMs <= clock.now()) network.drain();
    if (!this.#stopped) this.#do(this.#session.tick(clock.now()));
  }

  #do({ packets, change }: BfdOutput): void {
    for (const packet of packets) this.#send(encodeBfd(packet));
    this.#arm();
    if (change !== null) this.#options.onChange(change);
  }

  /**
   * An error needs no answer while the session is up: the other side's silence tells. While it is down, the link may have gone and come
   * again, which for the kernel makes it another one, with other sockets.
   */
  #send(packet: Uint8Array<ArrayBuffer>): void {
    if (this.#line.send(packet) === "sent" || this.path.interface === null || this.state !== "down") return;
    try {
      const line = this.#options.network.open(this.path);
      this.#line.close();
      this.#line = line;
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      return;
    }
    this.#line.send(packet);
  }

  /** A timer that fires too early only looks at the time: packets move the deadline more often than anything is due. */
  #arm(): void {
    const atMs = this.#session.deadlineMs;
    if (this.#timer !== null && this.#timer.atMs <= atMs) return;
    this.#timer?.timer.cancel();
    this.#timer = null;
    if (atMs === Infinity) return;
    const delayMs = Math.ceil(Math.max(0, atMs - this.#options.clock.now()));
    assert(Number.isFinite(delayMs), "a deadline is a time");
    this.#timer = { atMs, timer: this.#options.clock.after(delayMs, () => this.#fire()) };
  }
}
