/** Announces addresses by routes in a table of the kernel, which a routing daemon on the same machine redistributes. */
import type { Clock, Timer } from "../base/clock.ts";
import { Errno, SysError } from "../linux/errno.ts";
import type { RouteSocket } from "../linux/rtnetlink.ts";
import type { Route } from "../net/netlink/route.ts";
import { getLog } from "../observe/log.ts";
import { Owners } from "./owners.ts";
import {
  hostRoute,
  literal,
  needsLink,
  otherRealm,
  removalOf,
  type RouteShape,
  type Survey,
  survey,
} from "./table_plan.ts";
import type { RouteAnnouncer } from "./types.ts";

const log = getLog("routes");

/** What somebody removed is back within this time. */
const CHECK_MS = 1000;
/** Routes of ours that nobody has asked for by now are from an earlier run (upstream waits as long). */
const CLEAN_AFTER_MS = 10_000;
/** Routes to one address that differ in link or metric; more than a few were made on purpose to keep us busy. */
const ROUTES_TO_ONE = 8;

/** The kernel's routes, {@link RouteSocket} or one in memory. */
export interface RouteBook extends Pick<RouteSocket, "routes" | "createRoute" | "addRoute" | "removeRoute"> {
  linkByName(name: string): { readonly index: number } | null;
  addresses(): readonly { readonly ip: string }[];
}

/** An address and whether its route is in the table. */
export interface TableRouteStatus {
  /** Canonical text. */
  readonly ip: string;
  readonly state: "routed" | "refused";
  /** Why there is no route; empty when there is. */
  readonly why: string;
}

export interface RouteTableOptions {
  /** Table, protocol and type of the routes. With another program that uses the same table and protocol, `cleanStale` is to be false. */
  readonly shape: RouteShape;
  /** Ten seconds after the start, remove routes of the same table and protocol that are not wanted (`vip_cleanroutingtable`). */
  readonly cleanStale: boolean;
  /** The link that the routes lead to. It may come and go. */
  readonly linkName: string;
  /** How often {@link RouteTableAnnouncer.reassert} happens by itself (upstream: `backend_health_check_interval`). */
  readonly reassertMs: number;
  /** Addresses that are this program's to announce: a route of ours to one of them goes whenever it is not wanted. */
  readonly managed: () => readonly string[];
  /** In the namespace of the link; belongs to the caller, who closes it after the announcer. */
  readonly book: RouteBook;
  readonly clock: Clock;
}

/**
 * Keeps one host route for each announced address. The address itself is the holder's business. A route that does not get in is tried
 * again every second, and one that got lost (removed, gone with its link) is put back as often. Routes of others stay: where one of them
 * is in the way, ours is refused.
 */
export class RouteTableAnnouncer implements RouteAnnouncer {
  readonly #options: RouteTableOptions;
  readonly #owners = new Owners();
  /** Why a wanted route is not there; empty: it is. */
  readonly #refusals = new Map<string, string>();
  /** Withdrawn, but the kernel did not let go. */
  readonly #leaving = new Set<string>();
  #listing = "";
  #timer: Timer | null = null;
  #state: "new" | "running" | "closed" = "new";
  #cleanAtMs = Infinity;
  #reassertAtMs = Infinity;
  /** What is wanted at the start is known. */
  #isReady = false;
  #readyAtMs = Infinity;

  constructor(options: RouteTableOptions) {
    this.#options = options;
  }

  /** Looks after the routes from now on; those that an earlier run left behind stay until {@link ready}. Idempotent. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "running";
    const { clock, cleanStale, reassertMs } = this.#options;
    if (cleanStale) this.#cleanAtMs = clock.now() + CLEAN_AFTER_MS;
    this.#reassertAtMs = clock.now() + reassertMs;
    this.#readyAtMs = clock.now() + CLEAN_AFTER_MS;
    this.#tick();
  }

  /**
   * What is announced at start is known now: a route of an earlier run to an address of ours that nobody has asked for goes. Until then
   * it stays, so that routers hear nothing of a process that restarts; at the latest after ten seconds.
   */
  ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.check();
  }

  /** The term is not used: a route of the kernel has no word for it, and what its metric means is up to the routing daemon. */
  announce(ip: string, owner: string, _term?: number): void {
    if (this.#state === "closed" || this.#owners.claim(ip, owner) !== "first") return;
    this.#leaving.delete(ip);
    this.#put(ip);
  }

  withdraw(ip: string, owner: string): void {
    if (this.#owners.release(ip, owner) === "last") this.#remove(ip);
  }

  /**
   * Nothing: a route of the kernel has no word for it. One with a worse metric would be a second route, not a change of the first, and
   * whether routers get to see a metric at all is up to the daemon between. The route goes before the address, which has the same effect.
   */
  drain(_ip: string): void {}

  close(): Promise<void> {
    if (this.#state === "closed") return Promise.resolve();
    this.#state = "closed";
    this.#timer?.cancel();
    const { managed } = this.#options;
    const left = this.#isReady ? [] : managed();
    for (const ip of new Set([...this.#owners.clear(), ...this.#leaving, ...left])) this.#remove(ip);
    return Promise.resolve();
  }

  /** Each address that is announced, in the order in which they came. */
  status(): readonly TableRouteStatus[] {
    return this.#owners.addresses().map((ip) => {
      const why = this.#refusals.get(ip) ?? "";
      return { ip, state: why === "" ? "routed" : "refused", why };
    });
  }

  /** Compares the table with what is wanted and mends it, as happens every second; worth it at once when the link has changed. */
  check(): void {
    if (this.#state === "closed") return;
    const found = this.#survey();
    if (found === null) return;
    this.#removeSurplus(found);
    for (const ip of this.#owners.addresses()) {
      if (found.right.has(ip)) this.#settled(ip, "");
      else if (this.#refusals.get(ip) !== "") this.#put(ip);
      else this.#putBack(ip);
    }
  }

  /**
   * Puts the routes to addresses of this machine once more, so that a routing daemon that lost one has it again: FRR does when the
   * address comes at the same time (FRRouting/frr#22654). IPv4 routes change their realm, as the kernel keeps quiet about a change that
   * is none; IPv6 has no realms, and each replacement is told. BIRD takes no notice.
   *
   * Routes to addresses that no link has need no help, and must not be touched: what FRR imported by `ip import-table` it drops for good
   * when the route is replaced (seen with 8.4).
   */
  reassert(): void {
    if (this.#state === "closed") return;
    const found = this.#survey();
    if (found === null || found.right.size === 0) return;
    const attached = this.#attached();
    for (const [ip, route] of found.right) {
      if (!attached.has(ip)) continue;
      const request = hostRoute(this.#options.shape, literal(ip), {
        linkIndex: route.linkIndex,
        realm: otherRealm(route),
      });
      this.#settled(ip, this.#attempt(() => this.#options.book.addRoute(request)));
    }
  }

  /** Addresses of this machine; none when the kernel does not say. */
  #attached(): ReadonlySet<string> {
    const found = new Set<string>();
    this.#attempt(() => this.#options.book.addresses().forEach(({ ip }) => found.add(ip)));
    return found;
  }

  #tick(): void {
    const { clock, reassertMs } = this.#options;
    this.#timer = clock.after(CHECK_MS, () => this.#tick());
    if (clock.now() >= this.#readyAtMs) this.#isReady = true;
    this.check();
    if (clock.now() < this.#reassertAtMs) return;
    this.#reassertAtMs = clock.now() + reassertMs;
    this.reassert();
  }

  #putBack(ip: string): void {
    this.#put(ip);
    if (this.#refusals.get(ip) === "") log.info("put back a route that was gone", { ip });
  }

  /** Never throws: what is refused is known by its reason, and tried again. */
  #put(ip: string): void {
    const { book, linkName, shape } = this.#options;
    this.#settled(
      ip,
      this.#attempt(() => {
        const linkIndex = this.#linkIndex();
        if (linkIndex === null && needsLink(shape.type)) return `there is no link ${linkName}`;
        const request = hostRoute(shape, literal(ip), { linkIndex, realm: 1 });
        for (let attempt = 0;; attempt++) {
          try {
            book.createRoute(request);
            return "";
          } catch (error) {
            if (!(error instanceof SysError) || error.errno !== Errno.EEXIST || attempt === 1) throw error;
          }
          const found = this.#survey();
          if (found === null) return this.#listing;
          if (found.right.has(ip)) return "";
          const other = found.occupied.get(ip);
          if (other !== undefined) return occupiedBy(other);
          this.#removeSurplus(found);
        }
      }),
    );
  }

  /** Takes every route of ours to the address out of the table. */
  #remove(ip: string): void {
    const { book, shape } = this.#options;
    this.#refusals.delete(ip);
    const destination = literal(ip);
    const { table, protocol } = shape;
    const why = this.#attempt(() => {
      for (let count = 0; count < ROUTES_TO_ONE; count++) {
        // Type and link are not named: they may have been others in an earlier run.
        if (book.removeRoute({ destination, table, protocol }) === "absent") return "";
      }
      return "somebody adds routes of ours as fast as they are removed";
    });
    if (why === "") this.#leaving.delete(ip);
    else {
      if (!this.#leaving.has(ip)) log.warning("could not withdraw a route", { ip, why });
      this.#leaving.add(ip);
    }
  }

  /** What is in the table; null when the kernel does not say, which is logged once. */
  #survey(): Survey | null {
    const { book, managed, shape } = this.#options;
    let found: Survey | null = null;
    const why = this.#attempt(() => {
      const routes = book.routes({ table: shape.table });
      const ours = new Set(managed());
      found = survey(routes, {
        shape,
        linkIndex: this.#linkIndex(),
        isWanted: (ip) => this.#owners.has(ip),
        isManaged: (ip) => ours.has(ip) || this.#leaving.has(ip),
      });
      return "";
    });
    if (why !== "" && why !== this.#listing) log.warning("could not list the routing table", { why });
    this.#listing = why;
    return found;
  }

  #removeSurplus({ surplus, unknown }: Survey): void {
    const isDue = this.#options.clock.now() >= this.#cleanAtMs;
    if (isDue) this.#cleanAtMs = Infinity;
    const going = surplus.filter(({ destination }) => this.#isReady || this.#isKnown(destination));
    for (const route of isDue ? [...going, ...unknown] : going) {
      const to = { to: `${route.destination ?? "default"}/${route.prefixLength}`, metric: route.metric };
      const why = this.#attempt(() => void this.#options.book.removeRoute(removalOf(route)));
      if (why === "") log.info("removed a stale route", to);
      else log.debug("could not remove a stale route", { ...to, why });
      if (why === "" && route.destination !== null) this.#leaving.delete(route.destination);
    }
  }

  /** Somebody has asked for it, or did. */
  #isKnown(ip: string | null): boolean {
    return ip !== null && (this.#owners.has(ip) || this.#leaving.has(ip));
  }

  #linkIndex(): number | null {
    return this.#options.book.linkByName(this.#options.linkName)?.index ?? null;
  }

  /** Notes how it stands with a wanted route; logs what changed. */
  #settled(ip: string, why: string): void {
    const before = this.#refusals.get(ip);
    this.#refusals.set(ip, why);
    if (before === why) return;
    if (why !== "") log.warning("no route in the table", { ip, why });
    else log.info("routed", { ip, table: this.#options.shape.table });
  }

  /** Empty when it went well, else why not. */
  #attempt(action: () => string | void): string {
    try {
      return action() ?? "";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

function occupiedBy({ protocol, metric, table }: Route): string {
  return `table ${table} has a route to it already, of protocol ${protocol} and metric ${metric}`;
}
