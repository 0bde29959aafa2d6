/**
 * The other end of a link that has no addresses but link-local ones ("unnumbered"). Routers such as FRR tell theirs in router
 * advertisements and learn ours from ours, so both are needed before a session can come up.
 *
 * Our advertisements have a lifetime of 0: we are nobody's default router (RFC 4861 §4.2). They are sent more often than a real router
 * may (§6.2.4), as FRR does on such links: there is one other machine, and it waits.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { SysError } from "../linux/errno.ts";
import type { RouterMessage } from "../net/router_discovery.ts";
import { getLog } from "../observe/log.ts";
import type { LinkPort, LinkPortEvents, PortLink } from "./link_port.ts";
import type { LinkPeers } from "./session_options.ts";

/** Between advertisements: as FRR's on such links. */
const INTERVAL_MS = 10_000;
/** Before the second and the third: the first may come before the other side listens. */
const FIRST_MS = [250, 750] as const;
/** The link is up and cannot send yet: its own address is checked for duplicates, for a second or two. */
const REFUSED_MS = 250;
/** A link that still cannot send has no link-local address; it is tried in the usual interval. */
const REFUSALS_TOLERATED = 40;
/** Somebody has asked, or is about to connect: at most one advertisement in this time. */
const ASKED_MS = 1000;
/** A router that has been silent for three of its intervals has been replaced by another that is heard. */
const SILENT_MS = 30_000;

const log = getLog("bgp");

/** What {@link LinkDiscovery} needs. */
export interface LinkDiscoveryOptions {
  readonly clock: Clock;
  /** Opens the port when there is a link to look at, e.g. `(events) => new KernelLinkPort(poller, events)`. */
  readonly open: (events: LinkPortEvents) => LinkPort;
}

interface Router {
  readonly ip: string;
  /** When it was heard last; -Infinity: the kernel knows it, it has not been heard. */
  heardMs: number;
  /** It offers itself as a default router; what has a lifetime of 0 may be another of us. */
  offers: boolean;
}

interface WatchedLink {
  readonly name: string;
  link: PortLink | null;
  router: Router | null;
  /** Since the link has been up. */
  sent: number;
  refused: number;
  sentMs: number;
  next: { readonly atMs: number; readonly timer: Timer } | null;
  toldOther: boolean;
}

/** Finds the routers on some links and lets them find us. Its owner stops it. */
export class LinkDiscovery implements LinkPeers {
  readonly #clock: Clock;
  readonly #open: (events: LinkPortEvents) => LinkPort;
  readonly #links = new Map<string, WatchedLink>();
  readonly #listeners = new Set<() => void>();
  #port: LinkPort | null = null;

  constructor({ clock, open }: LinkDiscoveryOptions) {
    this.#clock = clock;
    this.#open = open;
  }

  /** These are the links from now on; those that stay keep their routers. Throws SysError, EPERM without CAP_NET_RAW. */
  setInterfaces(names: readonly string[]): void {
    for (const name of [...this.#links.keys()]) if (!names.includes(name)) this.#forget(name);
    if (names.length === 0) return this.#closePort();
    this.#port ??= this.#open({
      heard: (message, from) => this.#heard(message, from),
      changed: (name) => this.#changed(name),
    });
    for (const name of names) if (!this.#links.has(name)) this.#begin(name);
  }

  /** Nothing is pending after this; listeners stay. */
  stop(): void {
    this.setInterfaces([]);
  }

  /** Whoever asks is about to connect: the router is told once more where we are, at most once a second. */
  peer(interfaceName: string): string | null {
    const watched = this.#links.get(interfaceName);
    if (watched === undefined) return null;
    if (watched.link?.running === true) this.#hurry(watched);
    return watched.router?.ip ?? null;
  }

  onChange(changed: () => void): () => void {
    const listener = (): void => changed();
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #begin(name: string): void {
    const watched: WatchedLink = {
      name,
      link: null,
      router: null,
      sent: 0,
      refused: 0,
      sentMs: -Infinity,
      next: null,
      toldOther: false,
    };
    this.#links.set(name, watched);
    this.#refresh(watched);
  }

  #forget(name: string): void {
    const watched = this.#links.get(name);
    this.#links.delete(name);
    watched?.next?.timer.cancel();
    if (watched !== undefined) this.#learn(watched, null);
  }

  #closePort(): void {
    this.#port?.close();
    this.#port = null;
  }

  #changed(name: string | null): void {
    for (const watched of this.#links.values()) {
      if (name === null || watched.name === name) this.#refresh(watched);
    }
  }

  /** Looks at the link: what went down has lost its router, what came up begins anew. */
  #refresh(watched: WatchedLink): void {
    const before = watched.link;
    const link = this.#port?.link(watched.name) ?? null;
    watched.link = link;
    const same = before?.index === link?.index && before?.running === link?.running;
    if (same) return;
    watched.next?.timer.cancel();
    Object.assign(watched, { sent: 0, refused: 0, sentMs: -Infinity, next: null, toldOther: false });
    this.#learn(watched, null);
    if (link === null || !link.running) return;
    this.#port?.join(link.index);
    this.#try(watched);
  }

  /** A kernel that cannot answer just now is asked again. */
  #try(watched: WatchedLink): void {
    watched.next = null;
    try {
      this.#tick(watched);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      log.warning("an unnumbered interface cannot be looked at now", { interface: watched.name, error: error.message });
      this.#comeAgain(watched, INTERVAL_MS);
    }
  }

  /** Says where we are, asks where the other is if that is not known, and comes again. */
  #tick(watched: WatchedLink): void {
    const { link } = watched;
    if (link === null || this.#port === null) return;
    const sourceMac = link.mac.length === 6 ? link.mac : null;
    const outcome = this.#port.send({ type: "advertisement", lifetimeSeconds: 0, sourceMac }, "all-nodes", link.index);
    if (outcome === "refused") return this.#refused(watched);
    watched.sent++;
    watched.refused = 0;
    watched.sentMs = this.#clock.now();
    if (this.#isSilent(watched.router)) {
      this.#port.send({ type: "solicitation", sourceMac }, "all-routers", link.index);
      this.#askKernel(watched, link.index);
    }
    this.#comeAgain(watched, FIRST_MS[watched.sent - 1] ?? INTERVAL_MS);
  }

  #refused(watched: WatchedLink): void {
    watched.refused++;
    if (watched.refused === REFUSALS_TOLERATED) {
      log.warning("an interface cannot send router advertisements: has it a link-local IPv6 address?", {
        interface: watched.name,
      });
    }
    this.#comeAgain(watched, watched.refused < REFUSALS_TOLERATED ? REFUSED_MS : INTERVAL_MS);
  }

  #comeAgain(watched: WatchedLink, inMs: number): void {
    watched.next?.timer.cancel();
    const timer = this.#clock.after(inMs, () => this.#try(watched));
    watched.next = { atMs: this.#clock.now() + inMs, timer };
  }

  /** The next advertisement comes as soon as the last one allows. */
  #hurry(watched: WatchedLink): void {
    const now = this.#clock.now();
    const atMs = Math.max(now, watched.sentMs + ASKED_MS);
    if (watched.next !== null && watched.next.atMs > atMs && watched.refused === 0) {
      this.#comeAgain(watched, atMs - now);
    }
  }

  #heard(message: RouterMessage, from: { ip: string; linkIndex: number }): void {
    for (const watched of this.#links.values()) {
      if (watched.link?.index !== from.linkIndex || !watched.link.running) continue;
      if (message.type === "solicitation") this.#hurry(watched);
      else this.#advertised(watched, { ip: from.ip, heardMs: this.#clock.now(), offers: message.lifetimeSeconds > 0 });
    }
  }

  #advertised(watched: WatchedLink, heard: Router): void {
    const { router } = watched;
    if (router?.ip === heard.ip) Object.assign(router, heard);
    else if (router === null || this.#isSilent(router) || (heard.offers && !router.offers)) {
      this.#learn(watched, heard);
      // It has just come up: it does not know us.
      this.#hurry(watched);
    } else if (!watched.toldOther) {
      watched.toldOther = true;
      log.warning("an unnumbered interface has more than one router: the first one is used", {
        interface: watched.name,
        used: router.ip,
        other: heard.ip,
      });
    }
  }

  /** What the kernel has learnt from others: the only router, or else the only neighbour. */
  #askKernel(watched: WatchedLink, linkIndex: number): void {
    if (watched.router !== null || this.#port === null) return;
    const neighbours = this.#port.neighbours(linkIndex);
    const routers = neighbours.filter(({ router }) => router);
    const [only, another] = routers.length > 0 ? routers : neighbours;
    if (only !== undefined && another === undefined) {
      this.#learn(watched, { ip: only.ip, heardMs: -Infinity, offers: only.router });
    }
  }

  #isSilent(router: Router | null): boolean {
    return router === null || this.#clock.now() - router.heardMs > SILENT_MS;
  }

  #learn(watched: WatchedLink, router: Router | null): void {
    const changed = watched.router?.ip !== router?.ip;
    watched.router = router;
    if (!changed) return;
    log.info("the router of an unnumbered interface", { interface: watched.name, router: router?.ip ?? null });
    for (const listener of [...this.#listeners]) listener();
  }
}
