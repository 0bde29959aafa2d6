import { assertNever } from "../base/assert.ts";
import { getLog } from "../observe/log.ts";
import { isOurs, lifetimeSeconds } from "./address.ts";
import type { Attempts } from "./attempts.ts";
import type { Claims } from "./claim.ts";
import type { Contenders } from "./contenders.ts";
import type { Fence } from "./fence.ts";
import type { Herald } from "./herald.ts";
import type { KernelEvent, Link } from "./kernel.ts";
import type { Links } from "./links.ts";
import type { Seats } from "./seats.ts";

const log = getLog("vip");

/** The addresses of the machine are compared with the claims this often, whatever events said. */
const SWEEP_MS = 2000;
/** The lifetime of a held address is renewed this often; it is at least 2 s longer than the permission. */
const LIFETIME_REFRESH_MS = 500;

/** The parts of a holder that have to agree. */
export interface UpkeepOptions {
  readonly claims: Claims;
  readonly links: Links;
  readonly seats: Seats;
  readonly attempts: Attempts;
  readonly fence: Fence;
  readonly contenders: Contenders;
  readonly herald: Herald;
  /** Whoever put an address there: it goes when it begins to be managed. */
  readonly ownAll: boolean;
  /** The monotonic clock, milliseconds. */
  readonly now: () => number;
}

/**
 * Keeps what is held on its link, and what is not held off it, whatever others do to links and addresses. What fails is tried again by a
 * later look. Its owner calls {@link renewDue} and {@link sweepDue} in time.
 */
export class Upkeep {
  readonly #parts: UpkeepOptions;
  #sweepMs = 0;
  #lifetimeMs = 0;

  constructor(parts: UpkeepOptions) {
    this.#parts = parts;
  }

  /** Something changed in the kernel: puts back what is ours to hold. */
  event(event: KernelEvent): void {
    const { links, seats, now } = this.#parts;
    switch (event.type) {
      case "address-removed":
        if (this.#isHeld(event.ip) && seats.isPut(event.ip)) this.#restore([event.ip], "removed");
        break;
      case "address-added":
        break;
      case "link-changed":
        if (links.has(event.link.name)) this.#linkChanged(event.link);
        break;
      case "link-removed":
        if (links.get(event.name)?.index === event.linkIndex) links.removed(event.name, now());
        break;
      case "resync":
        this.adoptLinks();
        this.sweep();
        break;
      default:
        assertNever(event);
    }
  }

  /** Looks at every link anew. */
  adoptLinks(): void {
    const { attempts, links, now } = this.#parts;
    attempts.run("link", () => this.#renewOn(links.adopt(now())));
  }

  /** Puts a held address on its link, or gives it a new lifetime there; one that was not there is announced anew. */
  put(ip: string): void {
    const { claims, fence, seats, attempts, herald, now } = this.#parts;
    const claim = claims.get(ip, now());
    const wasPut = seats.isPut(ip);
    if (claim === null || (fence.isBehind && !wasPut)) return;
    const seconds = lifetimeSeconds(claim.validUntilMs - now(), fence.isGuard);
    attempts.run(addressOf(ip), () => seats.put(ip, seconds));
    if (!wasPut && seats.isPut(ip) && !claim.preserved) herald.again(ip, now());
  }

  /** Guards what is managed, and what was and could not be taken away yet. */
  guard(): void {
    const { fence, seats, claims, now } = this.#parts;
    fence.place(seats.guarded, claims.live(now()));
  }

  /**
   * Removes what carries our mark and is not held; puts back what is held and missing. Other addresses are never touched, but with
   * `ownAll` those that begin to be managed now (`come`).
   */
  sweep(come: readonly string[] = []): void {
    const { claims, seats, attempts, now } = this.#parts;
    this.#sweepMs = now() + SWEEP_MS;
    attempts.run("sweep", () => {
      const present = seats.present();
      for (const address of present) {
        const isHere = address.linkIndex === seats.link(address.ip)?.index;
        if (isHere && this.#isHeld(address.ip)) continue;
        const isLeft = this.#parts.ownAll && isHere && come.includes(address.ip);
        if (!isLeft && !isOurs(address)) continue;
        seats.removeFound(address);
        log.info("removed a leftover address", { ip: address.ip, linkIndex: address.linkIndex });
      }
      const missing = claims.live(now()).map((claim) => claim.ip)
        .filter((ip) => seats.link(ip)?.running === true)
        .filter((ip) => !present.some((one) => one.ip === ip && one.linkIndex === seats.link(ip)?.index));
      this.#restore(missing, "missing");
      if (seats.settle()) this.guard();
    });
  }

  /** Renews lifetimes that are due; not to be done while a heartbeat waits. */
  renewDue(now: number): void {
    if (now < this.#lifetimeMs) return;
    this.#lifetimeMs = now + LIFETIME_REFRESH_MS;
    for (const claim of this.#parts.claims.live(now)) this.put(claim.ip);
  }

  /** Looks at the machine if that is due. */
  sweepDue(now: number): void {
    if (now >= this.#sweepMs) this.sweep();
  }

  /** The next moment something is due. */
  nextDeadline(): number {
    return this.#parts.seats.isAnyPut ? Math.min(this.#sweepMs, this.#lifetimeMs) : this.#sweepMs;
  }

  #isHeld(ip: string): boolean {
    return this.#parts.claims.get(ip, this.#parts.now()) !== null;
  }

  #linkChanged(link: Link): void {
    const { attempts, links, now } = this.#parts;
    attempts.run("link", () => {
      if (links.changed(link, now()) === "renewed") this.#renewOn([link.name]);
    });
  }

  /** These links carry frames again: what is held is put back there, and who has the rest is asked once more. */
  #renewOn(linkNames: readonly string[]): void {
    const { seats, contenders, now } = this.#parts;
    const here = seats.on(linkNames);
    for (const ip of here.filter((one) => !this.#isHeld(one))) contenders.ask(ip, now());
    this.#restore(here.filter((one) => this.#isHeld(one)), "link up");
  }

  #restore(ips: readonly string[], why: string): void {
    const { claims, seats, herald, now } = this.#parts;
    for (const ip of ips) {
      const when = seats.mayRestore(ip, now());
      if (when !== "now") {
        this.#sweepMs = Math.min(this.#sweepMs, now() + when.afterMs);
        continue;
      }
      log.warning("putting the address back", { ip, why });
      this.put(ip);
      if (claims.get(ip, now())?.preserved === false) herald.again(ip, now());
    }
  }
}

/** The subject of complaints about an address. */
export function addressOf(ip: string): string {
  return `address ${ip}`;
}
