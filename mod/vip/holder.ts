/**
 * Turns grants into kernel state and takes it back in time. One holder a process, whatever elects it.
 *
 * For each granted address it keeps three things alive, each no longer than the grant: permission to answer (which the kernel ends by
 * itself), the address on the link, and its announcement. The order matters: on taking, permission comes before the address is
 * announced; on giving back, connections are reset while a RST may still leave, then the permission ends, then the address goes.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { assertNever } from "../base/assert.ts";
import type { Grant, GrantSink, RevokeReason } from "../election/elector.ts";
import { getLog } from "../observe/log.ts";
import { isOurs, lifetimeSeconds } from "./address.ts";
import { Announcements } from "./announcement.ts";
import { type Claim, Claims } from "./claim.ts";
import { Conflicts, type Sighting } from "./conflict.ts";
import {
  type AddressBook,
  type Announcer,
  type KernelEvent,
  type Link,
  type Permission,
  PermissionUnavailable,
} from "./kernel.ts";
import { Links } from "./links.ts";
import type { HoldListener, HoldStatus, PlacedVip } from "./types.ts";

const log = getLog("vip");

/** The guard is looked at this often, so that a flushed ruleset is back within 100 ms. */
const VERIFY_MS = 80;
/** The addresses of the machine are compared with the claims this often, whatever events said. */
const SWEEP_MS = 2000;
/** An address that a stranger has is asked for this often. */
const PROBE_MS = 1000;
/** Moments of the first probes, within the time in which a voter that starts grants no vote. */
const START_PROBES_MS: readonly number[] = [0, 60, 140];
/** The lifetime of a held address is renewed this often; it is at least 2 s longer than the permission. */
const LIFETIME_REFRESH_MS = 500;
/** An address that somebody keeps taking away is put back this often, not more. */
const RESTORE_MS = 80;
/** A fault that lasts so long makes this machine unfit to hold: longer than a cable takes to settle. */
const UNFIT_MS = 500;

/** Kernel calls without which an address does not serve. */
const UNFIT_SUBJECTS = /^(permission|address )/;

export interface HolderOptions {
  readonly vips: readonly PlacedVip[];
  readonly book: AddressBook;
  readonly permission: Permission;
  /** null: `gratuitousARP: false`. */
  readonly announcer: Announcer | null;
  readonly announceEveryMs: number;
  readonly clock: Clock;
  readonly listener: HoldListener;
  /** When another member was last known to hold the address, and how long its claims may still be on the wire. */
  readonly elsewhere: (ip: string) => { readonly atMs: number | null; readonly graceMs: number };
}

/** See the head of this file. */
export class Holder implements GrantSink {
  readonly #options: HolderOptions;
  readonly #claims: Claims;
  readonly #conflicts = new Conflicts();
  readonly #announcements: Announcements;
  readonly #vips: ReadonlyMap<string, PlacedVip>;
  readonly #links: Links;
  /** When the lifetime of a held address was last renewed; absent while the address is not on the link. */
  readonly #putMs = new Map<string, number>();
  readonly #refused = new Map<string, string>();
  /** What the kernel refuses, and since when. */
  readonly #complaints = new Map<string, number>();
  /** When to ask for an address next: the moments that lie ahead. */
  readonly #probes = new Map<string, readonly number[]>();
  readonly #restoredMs = new Map<string, number>();
  #permission: Permission | null = null;
  #timer: Timer | null = null;
  #timerMs = Infinity;
  #verifyMs = 0;
  #sweepMs = 0;
  #lifetimeMs = 0;
  #state: "new" | "running" | "stopped" = "new";

  constructor(options: HolderOptions) {
    this.#options = options;
    this.#claims = new Claims(options.vips.map((vip) => vip.ip));
    this.#announcements = new Announcements(options.announceEveryMs);
    this.#vips = new Map(options.vips.map((vip) => [vip.ip, vip]));
    const names = options.vips.map((vip) => vip.linkName);
    this.#links = new Links({ names, book: options.book, announcer: options.announcer });
  }

  /**
   * Removes leftovers of an earlier run, installs the guard and asks the network who has the addresses.
   * @returns `lifetime` where the kernel has no nftables: then whole seconds of address lifetime end the hold, and the elector's
   * hand-over has to wait {@link unfencedGraceMs} longer
   * @throws what kept the guard from being installed although the kernel has nftables
   */
  start(): "guard" | "lifetime" {
    const now = this.#now();
    this.#state = "running";
    const fence = this.#installGuard();
    this.#adoptLinks(now);
    this.#sweep(now);
    const announcer = this.#options.announcer;
    if (announcer !== null) announcer.onSighting = (sighting) => this.#sighted(sighting);
    for (const ip of this.#vips.keys()) this.#probes.set(ip, START_PROBES_MS.map((afterMs) => now + afterMs));
    this.#verifyMs = now + VERIFY_MS;
    this.#run();
    return fence;
  }

  /** Gives every address back and leaves the kernel as it was found. Idempotent. */
  stop(): void {
    if (this.#state !== "running") return;
    for (const claim of this.#claims.live(this.#now())) this.#giveBack(claim.ip);
    this.#sweep(this.#now());
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#timer = null;
    this.#attempt("guard", () => {
      // An address that could not be removed must stay silent until its lifetime clears it; the next start replaces the guard.
      const left = this.#options.book.addresses().filter((address) => this.#vips.has(address.ip) && isOurs(address));
      if (left.length === 0) this.#permission?.uninstall();
    });
    this.#options.announcer?.close();
  }

  /** Why this machine could not serve the addresses if it held them, or null. A fault counts once it lasts. */
  unfit(): string | null {
    const now = this.#now();
    const fault = this.#links.fault(now, UNFIT_MS);
    if (fault !== null) return fault;
    for (const [subject, sinceMs] of this.#complaints) {
      if (UNFIT_SUBJECTS.test(subject) && now - sinceMs > UNFIT_MS) return `the kernel refuses: ${subject}`;
    }
    return null;
  }

  granted(grants: readonly Grant[]): void {
    if (this.#state !== "running") return;
    const now = this.#now();
    const taken: string[] = [];
    const renewed: string[] = [];
    for (const grant of grants) {
      if (this.#claims.get(grant.scope, now) === null && this.#refuse(grant.scope, now)) continue;
      const outcome = this.#claims.grant(grant, now);
      switch (outcome) {
        case "taken":
          taken.push(grant.scope);
          break;
        case "renewed":
          renewed.push(grant.scope);
          break;
        case "too-late":
        case "unknown-address":
          break;
        default:
          assertNever(outcome);
      }
    }
    if (taken.length + renewed.length > 0) this.#allow();
    for (const ip of taken) this.#take(ip, now);
    for (const ip of renewed) this.#keep(ip, now);
    this.#run();
  }

  revoked(scopes: readonly string[], reason: RevokeReason): void {
    for (const ip of scopes) {
      if (this.#giveBack(ip) !== null) log.info("address given back", { ip, reason });
    }
    this.#arm();
  }

  /** Something changed in the kernel: put back what is ours to hold. */
  kernelEvent(event: KernelEvent): void {
    if (this.#state !== "running") return;
    const now = this.#now();
    switch (event.type) {
      case "address-removed":
        if (this.#claims.get(event.ip, now) !== null && this.#putMs.has(event.ip)) this.#restore([event.ip], "removed");
        break;
      case "address-added":
        break;
      case "link-changed":
        if (this.#links.has(event.link.name)) this.#linkChanged(event.link, now);
        break;
      case "link-removed":
        if (this.#links.get(event.name)?.index === event.linkIndex) this.#links.removed(event.name, now);
        break;
      case "resync":
        this.#adoptLinks(now);
        this.#sweep(now);
        break;
      default:
        assertNever(event);
    }
    this.#run();
  }

  status(): HoldStatus[] {
    const now = this.#now();
    return this.#options.vips.map(({ ip }) => {
      const claim = this.#claims.get(ip, now);
      const stranger = this.#refused.get(ip) ?? null;
      return {
        ip,
        heldHere: claim !== null,
        heldForMs: claim === null ? null : now - claim.sinceMs,
        validForMs: claim === null ? null : claim.validUntilMs - now,
        conflict: stranger === null ? this.unfit() : `${stranger} answers for it and is no member of this cluster`,
        conflictsSeen: this.#conflicts.count(ip),
      };
    });
  }

  /** Whether somebody outside the cluster answers for one of the addresses, as far as is known. */
  strangerKnown(): boolean {
    const now = this.#now();
    return [...this.#vips.keys()].some((ip) => this.#conflicts.stranger(ip, now, this.#options.elsewhere(ip)) !== null);
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #installGuard(): "guard" | "lifetime" {
    try {
      this.#options.permission.install([...this.#vips.values()]);
      this.#permission = this.#options.permission;
      return "guard";
    } catch (error) {
      if (!(error instanceof PermissionUnavailable)) throw error;
      log.warning("no nftables here: only the lifetime of the address ends a hold, so hand-over takes longer", {
        cause: error.message,
      });
      return "lifetime";
    }
  }

  /** Whether the address is a stranger's; says so once. */
  #refuse(ip: string, now: number): boolean {
    const mac = this.#conflicts.stranger(ip, now, this.#options.elsewhere(ip));
    if (mac === null) {
      if (this.#refused.delete(ip)) log.info("the stranger is silent, the address is free", { ip });
      return false;
    }
    if (!this.#refused.has(ip)) {
      log.error("refusing to hold an address that another machine answers for; free it there, or change vip", {
        ip,
        mac,
      });
      this.#probes.set(ip, [now + PROBE_MS]);
    }
    this.#refused.set(ip, mac);
    return true;
  }

  /** Lets every claimed address answer until its deadline, and not an instant longer. */
  #allow(): void {
    const permission = this.#permission;
    if (permission === null) return;
    this.#attempt("permission", () => {
      if (permission.allow(this.#deadlines()) === "rebuilt") {
        log.warning("the guard had been removed by somebody, rebuilt");
      }
    });
    this.#verifyMs = this.#now() + VERIFY_MS;
    // The process may have been stopped within the call: then the deadline may have passed.
    const late = this.#claims.expire(this.#now());
    for (const claim of late) this.#end(claim, "the deadline passed while renewing");
  }

  #deadlines(): { ip: string; validUntilMs: number }[] {
    return this.#claims.live(this.#now()).map(({ ip, validUntilMs }) => ({ ip, validUntilMs }));
  }

  #take(ip: string, now: number): void {
    if (this.#claims.get(ip, this.#now()) === null) return;
    this.#put(ip, now);
    this.#announcements.begin(ip, now);
    this.#announceDue();
    log.info("address taken", { ip, link: this.#linkOf(ip)?.name ?? null });
    this.#attempt(`listeners of ${ip}`, () => this.#options.listener.held(ip));
  }

  /** An address that could not be put there is tried again at once; lifetimes are renewed by the timer, not while a beat waits. */
  #keep(ip: string, now: number): void {
    if (!this.#putMs.has(ip)) this.#put(ip, now);
  }

  #renewLifetimes(now: number): void {
    this.#lifetimeMs = now + LIFETIME_REFRESH_MS;
    for (const claim of this.#claims.live(now)) this.#put(claim.ip, now);
  }

  #put(ip: string, now: number): void {
    const claim = this.#claims.get(ip, now);
    const link = this.#linkOf(ip);
    if (claim === null || link === null) return;
    const seconds = lifetimeSeconds(claim.validUntilMs - now, this.#permission !== null);
    this.#attempt(`address ${ip}`, () => {
      this.#options.book.put(ip, this.#prefixOf(ip), link.index, seconds);
      this.#putMs.set(ip, now);
    });
  }

  #giveBack(ip: string): Claim | null {
    const claim = this.#claims.drop(ip);
    if (claim !== null) this.#withdraw(ip);
    return claim;
  }

  #end(claim: Claim, why: string): void {
    log.warning("hold ended", { ip: claim.ip, why });
    this.#withdraw(claim.ip);
  }

  #withdraw(ip: string): void {
    this.#announcements.end(ip);
    this.#attempt(`listeners of ${ip}`, () => this.#options.listener.released(ip));
    this.#attempt("permission", () => this.#permission?.deny([ip]));
    this.#putMs.delete(ip);
    const link = this.#linkOf(ip);
    if (link !== null) {
      this.#attempt(`address ${ip}`, () => this.#options.book.remove(ip, this.#prefixOf(ip), link.index));
    }
  }

  #linkOf(ip: string): Link | null {
    return this.#links.get(this.#vips.get(ip)?.linkName ?? "") ?? null;
  }

  #prefixOf(ip: string): number {
    return this.#vips.get(ip)?.prefixLength ?? (ip.includes(":") ? 128 : 32);
  }

  #restore(ips: readonly string[], why: string): void {
    const now = this.#now();
    for (const ip of ips) {
      // Somebody who removes it again and again is not raced: the sweep puts it back as well.
      if (now - (this.#restoredMs.get(ip) ?? -Infinity) < RESTORE_MS) {
        this.#sweepMs = Math.min(this.#sweepMs, now + RESTORE_MS);
        continue;
      }
      this.#restoredMs.set(ip, now);
      log.warning("putting the address back", { ip, why });
      this.#put(ip, now);
      this.#announcements.begin(ip, now);
    }
  }

  #linkChanged(link: Link, now: number): void {
    this.#attempt("link", () => {
      if (this.#links.changed(link, now) === "renewed") this.#restoreOn([link.name], now);
    });
  }

  #adoptLinks(now: number): void {
    this.#attempt("link", () => this.#restoreOn(this.#links.adopt(now), now));
  }

  #restoreOn(names: readonly string[], now: number): void {
    const held = this.#claims.live(now).map((claim) => claim.ip);
    this.#restore(held.filter((ip) => names.includes(this.#vips.get(ip)?.linkName ?? "")), "link up");
  }

  /** Removes what carries our mark and is not held; puts back what is held and missing. Other addresses are never touched. */
  #sweep(now: number): void {
    this.#sweepMs = now + SWEEP_MS;
    this.#attempt("sweep", () => {
      const present = this.#options.book.addresses().filter((address) => this.#vips.has(address.ip));
      for (const address of present) {
        const held = this.#claims.get(address.ip, now) !== null &&
          address.linkIndex === this.#linkOf(address.ip)?.index;
        if (held || !isOurs(address)) continue;
        this.#options.book.remove(address.ip, address.prefixLength, address.linkIndex);
        log.info("removed a leftover address", { ip: address.ip, linkIndex: address.linkIndex });
      }
      const missing = this.#claims.live(now).map((claim) => claim.ip)
        .filter((ip) => this.#linkOf(ip)?.running === true)
        .filter((ip) => !present.some((address) => address.ip === ip && address.linkIndex === this.#linkOf(ip)?.index));
      this.#restore(missing, "missing");
    });
  }

  #sighted(sighting: Sighting): void {
    if (this.#state !== "running" || !this.#vips.has(sighting.ip)) return;
    const now = this.#now();
    const held = this.#claims.get(sighting.ip, now) !== null;
    const outcome = this.#conflicts.see(sighting, now, { held, ownMac: macText(this.#linkOf(sighting.ip)) });
    switch (outcome.rule) {
      case "defend":
        log.warning("another machine claims an address held here, announcing again", { ...sighting });
        this.#announcements.begin(sighting.ip, now);
        this.#run();
        break;
      case "defended-already":
      case "remembered":
      case "own":
        break;
      default:
        assertNever(outcome);
    }
  }

  #announceDue(): void {
    for (const ip of this.#announcements.take(this.#now())) {
      // A frame sent from a packet socket passes no filter: only the clock can forbid it.
      if (this.#claims.get(ip, this.#now()) !== null) {
        this.#attempt("announcement", () => this.#options.announcer?.announce(ip));
      }
    }
  }

  #probeDue(now: number): void {
    for (const [ip, moments] of this.#probes) {
      const ahead = moments.filter((atMs) => atMs > now);
      if (ahead.length === moments.length) continue;
      const again = ahead.length === 0 && this.#refused.has(ip) ? [now + PROBE_MS] : ahead;
      if (again.length === 0) this.#probes.delete(ip);
      else this.#probes.set(ip, again);
      if (this.#claims.get(ip, now) === null) this.#attempt("probe", () => this.#options.announcer?.probe(ip));
    }
  }

  #run(): void {
    if (this.#state !== "running") return;
    const now = this.#now();
    for (const claim of this.#claims.expire(now)) this.#end(claim, "its grant ran out");
    this.#announceDue();
    this.#probeDue(now);
    if (now >= this.#verifyMs) this.#verify(now);
    if (now >= this.#sweepMs) this.#sweep(now);
    this.#arm();
  }

  #tick(): void {
    const now = this.#now();
    if (now >= this.#lifetimeMs) this.#renewLifetimes(now);
    this.#run();
  }

  #verify(now: number): void {
    this.#verifyMs = now + VERIFY_MS;
    if (this.#links.isRetryDue(now)) this.#adoptLinks(now);
    const permission = this.#permission;
    if (permission === null) return;
    this.#attempt("permission", () => {
      if (permission.verify(this.#deadlines()) === "rebuilt") {
        log.warning("the guard had been removed by somebody, rebuilt");
      }
    });
    for (const claim of this.#claims.expire(this.#now())) this.#end(claim, "the deadline passed while verifying");
  }

  #arm(): void {
    if (this.#state !== "running") return;
    let nextMs = Math.min(this.#verifyMs, this.#sweepMs);
    nextMs = Math.min(nextMs, this.#claims.nextDeadline() ?? Infinity, this.#announcements.nextDeadline() ?? Infinity);
    for (const moments of this.#probes.values()) nextMs = Math.min(nextMs, ...moments);
    if (this.#putMs.size > 0) nextMs = Math.min(nextMs, this.#lifetimeMs);
    // Firing early and looking again would wake the machine after every renewal; that costs more than a new timer.
    if (this.#timer !== null && this.#timerMs === nextMs) return;
    this.#timer?.cancel();
    this.#timerMs = nextMs;
    this.#timer = this.#options.clock.after(nextMs - this.#now(), () => {
      this.#timer = null;
      this.#tick();
    });
  }

  /** Runs a kernel call; a failure is logged when it begins and when it ends, and what could not be done is tried again later. */
  #attempt(subject: string, call: () => void): void {
    try {
      call();
      if (this.#complaints.delete(subject)) log.info("works again", { subject });
    } catch (cause) {
      if (this.#complaints.has(subject)) return;
      this.#complaints.set(subject, this.#now());
      log.error("the kernel refused, trying again", {
        subject,
        cause: cause instanceof Error ? cause.message : String(cause),
      });
    }
  }
}

function macText(link: Link | null): string {
  return link === null ? "" : [...link.mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
