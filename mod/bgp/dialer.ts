/** Finds where a peer is and begins connections to it; knows, too, whether somebody who connects is that peer. */

import type { Clock, Timer } from "../base/clock.ts";
import { parseIp } from "../net/ip.ts";
import { socketSettings } from "./socket_settings.ts";
import type { LinkPeers, Lookup } from "./session_options.ts";
import type { Connection, ConnectionEvents, Incoming, Transport } from "./transport.ts";
import type { BgpPeerConfig } from "./types.ts";

/** Addresses of one host that are tried in turn; more are left out. */
const MAX_ADDRESSES = 8;
/** Resolvers ask a second server after five seconds (resolv.conf(5), timeout); by then the next attempt may as well ask anew. */
const LOOKUP_MS = 5000;

/** What a {@link Dialer} needs. */
export interface DialerOptions {
  readonly peer: BgpPeerConfig;
  readonly localAs: number;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly lookup: Lookup;
  readonly linkPeers: LinkPeers;
}

/** What becomes of {@link Dialer.dial}. Nothing is called after another `dial` or after `stop`. */
export interface Dialing {
  /** The address is known: TCP begins. */
  readonly begun: (connection: Connection) => void;
  /** There is no address. */
  readonly failed: (why: string) => void;
  readonly events: ConnectionEvents;
}

/** Reaches one peer. Owns the lookup that is under way. */
export class Dialer {
  readonly #options: DialerOptions;
  /** What was found last: addresses of the host, or the router that has connected to us over the link. */
  #addresses: readonly string[] = [];
  #turn = 0;
  #dialing: Dialing | null = null;
  #lookup: { readonly abort: AbortController; readonly deadline: Timer } | null = null;
  #waitsFor = "";

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /** From whom an answer has been missing since {@link dial}. */
  get waitsFor(): string {
    return this.#waitsFor;
  }

  /** Begins to connect; what was begun before and has no address yet is forgotten. */
  dial(dialing: Dialing): void {
    const { address } = this.#options.peer;
    this.#dialing = dialing;
    switch (address.is) {
      case "ip":
        return this.#connect(address.ip);
      case "name":
        this.#waitsFor = `the name service, about "${address.host}"`;
        return this.#find(address.host);
      case "unnumbered":
        return this.#dialLink(address.interface);
    }
  }

  /** Whether this is the peer; a host's addresses are looked up again for the next time if it may be. */
  isPeer(incoming: Pick<Incoming, "remoteIp" | "interface">): boolean {
    const { address } = this.#options.peer;
    switch (address.is) {
      case "ip":
        return incoming.remoteIp === address.ip && this.#isOverItsLink(incoming);
      case "name":
        if (this.#addresses.includes(incoming.remoteIp)) return true;
        this.#find(address.host);
        return false;
      case "unnumbered":
        if (incoming.interface !== address.interface) return false;
        this.#addresses = [incoming.remoteIp];
        return true;
    }
  }

  /** Ends the lookup; nothing is called any more. */
  stop(): void {
    this.#dialing = null;
    this.#endLookup();
  }

  /** A link-local address means nothing without its link. */
  #isOverItsLink(incoming: Pick<Incoming, "remoteIp" | "interface">): boolean {
    const wanted = this.#options.peer.sourceInterface;
    return wanted === null || incoming.interface === null || incoming.interface === wanted;
  }

  #dialLink(interfaceName: string): void {
    const ip = this.#options.linkPeers.peer(interfaceName) ?? this.#addresses[0];
    if (ip === undefined) return this.#fail(`no router has been seen on ${interfaceName}`);
    this.#connect(ip);
  }

  #find(host: string): void {
    if (this.#lookup !== null) return;
    const abort = new AbortController();
    const deadline = this.#options.clock.after(LOOKUP_MS, () => {
      this.#endLookup();
      this.#fail(`the name service does not answer about "${host}"`);
    });
    this.#lookup = { abort, deadline };
    this.#options.lookup(host, abort.signal).then(
      (addresses) => this.#lookup?.abort === abort && this.#found(addresses),
      (reason: unknown) => this.#lookup?.abort === abort && this.#notFound(host, reason),
    );
  }

  #found(addresses: readonly string[]): void {
    this.#endLookup();
    this.#addresses = addresses.slice(0, MAX_ADDRESSES);
    const usable = this.#addresses.filter((ip) => this.#fitsSource(ip));
    const ip = usable[this.#turn++ % Math.max(1, usable.length)];
    if (ip !== undefined) return this.#connect(ip);
    const { sourceIp } = this.#options.peer;
    this.#fail(addresses.length === 0 ? "the host has no address" : `the host has no address that fits ${sourceIp}`);
  }

  #notFound(host: string, reason: unknown): void {
    this.#endLookup();
    const detail = reason instanceof Error ? reason.message : String(reason);
    this.#fail(`cannot look up "${host}": ${detail}`);
  }

  #endLookup(): void {
    this.#lookup?.abort.abort();
    this.#lookup?.deadline.cancel();
    this.#lookup = null;
  }

  #fitsSource(ip: string): boolean {
    const { sourceIp } = this.#options.peer;
    return sourceIp === null || parseIp(sourceIp)?.family === parseIp(ip)?.family;
  }

  #connect(ip: string): void {
    const dialing = this.#dialing;
    if (dialing === null) return;
    this.#dialing = null;
    const { peer, transport, localAs } = this.#options;
    const settings = socketSettings(peer, localAs);
    this.#waitsFor = ip;
    dialing.begun(
      transport.connect({
        ...settings,
        ip,
        port: peer.port,
        interface: peer.address.is === "unnumbered" ? peer.address.interface : peer.sourceInterface,
        bindToInterface: peer.sourceInterface !== null,
        sourceIp: peer.sourceIp,
      }, dialing.events),
    );
  }

  #fail(why: string): void {
    const dialing = this.#dialing;
    this.#dialing = null;
    dialing?.failed(why);
  }
}
