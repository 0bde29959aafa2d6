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
import { isOurs } from "./address.ts";
import { Attempts } from "./attempts.ts";
import { type Claim, Claims } from "./claim.ts";
import type { Sighting } from "./conflict.ts";
import { Contenders, type Elsewhere } from "./contenders.ts";
import { Fence, FENCE_SUBJECT } from "./fence.ts";
import { Herald } from "./herald.ts";
import type { AddressBook, Announcer, KernelEvent, Link, Permission } from "./kernel.ts";
import { Links } from "./links.ts";
import { Seats } from "./seats.ts";
import type { HoldListener, HoldStatus, PlacedVip } from "./types.ts";
import { addressOf, Upkeep } from "./upkeep.ts";

const log = getLog("vip");

/** The guard is looked at this often, so that a flushed ruleset is back within 100 ms. */
const VERIFY_MS = 80;
/** A fault that lasts so long makes this machine unfit to hold: longer than a cable takes to settle. */
const UNFIT_MS = 500;

/** Kernel calls without which an address does not serve. */
const UNFIT_SUBJECTS = new RegExp(`^(${FENCE_SUBJECT}$|address )`);

export interface HolderOptions {
  /** May be none yet, see {@link Holder.place}. */
  readonly vips: readonly PlacedVip[];
  readonly book: AddressBook;
  readonly permission: Permission;
  /** null: `gratuitousARP: false`. */
  readonly announcer: Announcer | null;
  readonly announceEveryMs: number;
  readonly clock: Clock;
  readonly listener: HoldListener;
  readonly elsewhere: Elsewhere;
  /** A link without carrier for so long makes this machine unfit to hold. @default {500} */
  readonly unfitAfterMs?: number;
  /** A link that is there and down does not make this machine unfit. @default {false} */
  readonly allowInterfaceNotUp?: boolean;
  /**
   * At start, and when an address begins to be managed, it is taken off its link whoever put it there: the leftover of another program
   * of this kind, which marks nothing. Otherwise only what carries our mark goes. @default {false}
   */
  readonly ownAll?: boolean;
}

/** See the head of this file. */
export class Holder implements GrantSink {
  readonly #options: HolderOptions;
  readonly #claims: Claims;
  readonly #links: Links;
  readonly #seats: Seats;
  readonly #attempts: Attempts;
  readonly #fence: Fence;
  readonly #contenders: Contenders;
  readonly #herald: Herald;
  readonly #upkeep: Upkeep;
  #timer: Timer | null = null;
  #timerMs = Infinity;
  #verifyMs = 0;
  #state: "new" | "running" | "stopped" = "new";

  constructor(options: HolderOptions) {
    this.#options = options;
    const { vips, book, announcer, announceEveryMs, listener, elsewhere } = options;
    const now = (): number => this.#now();
    const claims = this.#claims = new Claims(vips.map((vip) => vip.ip));
    const links = this.#links = new Links({ names: vips.map((vip) => vip.linkName), book, announcer });
    const seats = this.#seats = new Seats({ vips, book, links });
    const attempts = this.#attempts = new Attempts(now);
    const fence = this.#fence = new Fence(options.permission, attempts);
    const contenders = this.#contenders = new Contenders({ announcer, elsewhere, attempts });
    const onTakenOver = (ip: string, takeoverMs: number): void =>
      void attempts.run(listenersOf(ip), () => listener.announced?.(ip, takeoverMs));
    const herald = this.#herald = new Herald({ announcer, announceEveryMs, seats, attempts, now, onTakenOver });
    const ownAll = options.ownAll === true;
    this.#upkeep = new Upkeep({ claims, links, seats, attempts, fence, contenders, herald, ownAll, now });
  }

  /**
   * Removes leftovers of an earlier run, installs the guard and asks the network who has the addresses.
   * @returns `lifetime` where the kernel has no nftables: then whole seconds of address lifetime end the hold, and the elector's
   * hand-over has to wait {@link UNFENCED_GRACE_MS} longer
   * @throws what kept the guard from being installed although the kernel has nftables
   */
  start(): "guard" | "lifetime" {
    const now = this.#now();
    this.#state = "running";
    const fence = this.#fence.start(this.#seats.guarded);
    this.#upkeep.adoptLinks();
    this.#upkeep.sweep(this.#seats.ips);
    const announcer = this.#options.announcer;
    if (announcer !== null) announcer.onSighting = (sighting) => this.#sighted(sighting);
    for (const ip of this.#seats.ips) this.#contenders.ask(ip, now);
    this.#verifyMs = now + VERIFY_MS;
    this.#run();
    return fence;
  }

  /** Gives every address back and leaves the kernel as it was found. Idempotent. */
  stop(): void {
    if (this.#state !== "running") return;
    for (const claim of this.#claims.live(this.#now())) this.#giveBack(claim.ip);
    this.#upkeep.sweep();
    this.#state = "stopped";
    this.#timer?.cancel();
    this.#timer = null;
    this.#attempts.run("guard", () => {
      // An address that could not be removed must stay silent until its lifetime clears it; the next start replaces the guard.
      if (!this.#seats.present().some(isOurs)) this.#fence.remove();
    });
    this.#options.announcer?.close();
  }

  /**
   * Manages these addresses from now on, in place of those before: names that are looked up give others in time. One that goes is given
   * back in order; one that stays is not touched; one that moves (to another link, with another prefix) is given back and taken again
   * under the grant it has. One that comes is guarded and asked for; a grant for it is used 100 ms later at the earliest, when it is known
   * whether a stranger has it.
   */
  place(vips: readonly PlacedVip[]): void {
    if (this.#state === "stopped") return;
    const { gone, moved, come } = this.#seats.compare(vips);
    if (gone.length + moved.length + come.length === 0) return;
    const now = this.#now();
    const carried = moved.map((ip) => this.#giveBack(ip)).filter((claim) => claim !== null);
    for (const ip of gone) {
      this.#giveBack(ip);
      this.#forget(ip);
    }
    this.#seats.replace(vips);
    this.#claims.manage(this.#seats.ips);
    this.#options.announcer?.place(vips);
    if (this.#state === "new") return;
    this.#upkeep.sweep(come);
    this.#upkeep.guard();
    this.#upkeep.adoptLinks();
    for (const ip of come) this.#contenders.listen(ip, now);
    log.info("addresses changed", { gone: gone.join(","), moved: moved.join(","), come: come.join(",") });
    this.granted(carried.filter(({ preserved }) => !preserved).map(asGrant));
  }

  /** Why this machine could not serve the addresses if it held them, or null. A fault counts once it lasts. */
  unfit(): string | null {
    const { unfitAfterMs = UNFIT_MS, allowInterfaceNotUp = false } = this.#options;
    const fault = this.#links.fault(this.#now(), unfitAfterMs, allowInterfaceNotUp ? "down" : "none");
    if (fault !== null) return fault;
    const subject = this.#attempts.failing(UNFIT_SUBJECTS, UNFIT_MS);
    return subject === null ? null : `the kernel refuses: ${subject}`;
  }

  granted(grants: readonly Grant[]): void {
    if (this.#state !== "running") return;
    const now = this.#now();
    const taken: string[] = [];
    const renewed: string[] = [];
    for (const grant of grants) {
      if (this.#contenders.defers(grant, now)) continue;
      if (this.#claims.get(grant.scope, now) === null && this.#contenders.refuses(grant.scope, now)) continue;
      const outcome = this.#claims.grant(grant, now);
      switch (outcome) {
        case "taken":
          taken.push(grant.scope);
          break;
        case "renewed":
          renewed.push(grant.scope);
          break;
        case "preserved":
          this.#quieten(grant.scope);
          renewed.push(grant.scope);
          break;
        case "resumed":
          log.info("address is stood for again", { ip: grant.scope });
          this.#herald.again(grant.scope, now);
          this.#attempts.run(
            listenersOf(grant.scope),
            () => this.#options.listener.resumed?.(grant.scope, grant.epoch),
          );
          renewed.push(grant.scope);
          break;
        case "too-late":
        case "unknown-address":
        case "nothing-to-preserve":
          break;
        default:
          assertNever(outcome);
      }
    }
    if (taken.length + renewed.length > 0) this.#allow();
    for (const ip of taken) this.#take(ip, now);
    // One that could not be put there is tried again at once; lifetimes are renewed by the timer, not while a beat waits.
    for (const ip of renewed.filter((one) => !this.#seats.isPut(one))) this.#upkeep.put(ip);
    this.#run();
  }

  revoked(scopes: readonly string[], reason: RevokeReason): void {
    for (const ip of scopes) {
      this.#contenders.revoke(ip);
      if (this.#giveBack(ip) !== null) log.info("address given back", { ip, reason });
    }
    this.#arm();
  }

  /** Something changed in the kernel: put back what is ours to hold. */
  kernelEvent(event: KernelEvent): void {
    if (this.#state !== "running") return;
    this.#upkeep.event(event);
    this.#run();
  }

  status(): HoldStatus[] {
    const now = this.#now();
    return this.#seats.ips.map((ip) => {
      const claim = this.#claims.get(ip, now);
      const stranger = this.#contenders.owner(ip);
      const takeoverMs = this.#herald.lastTakeoverMs(ip);
      return {
        ip,
        heldHere: claim !== null,
        heldForMs: claim === null ? null : now - claim.sinceMs,
        validForMs: claim === null ? null : claim.validUntilMs - now,
        conflict: stranger === null ? this.unfit() : `${stranger} answers for it and is no member of this cluster`,
        conflictsSeen: this.#contenders.count(ip),
        ...(claim?.preserved === true ? { preserved: true } : {}),
        ...(takeoverMs === null ? {} : { takeoverMs }),
      };
    });
  }

  /** Whether somebody outside the cluster answers for one of the addresses, as far as is known. */
  strangerKnown(): boolean {
    return this.#contenders.isAny(this.#seats.ips, this.#now());
  }

  #now(): number {
    return this.#options.clock.now();
  }

  /** Held, and on its link as far as is known. */
  #isServed(ip: string): boolean {
    return this.#claims.get(ip, this.#now()) !== null && this.#seats.isPut(ip);
  }

  /** Lets every claimed address answer until its deadline, and not an instant longer. */
  #allow(): void {
    this.#fence.allow(this.#claims.live(this.#now()));
    this.#verifyMs = this.#now() + VERIFY_MS;
    // The process may have been stopped within the call: then the deadline may have passed.
    const late = this.#claims.expire(this.#now());
    for (const claim of late) this.#end(claim, "the deadline passed while renewing");
  }

  #take(ip: string, now: number): void {
    const claim = this.#claims.get(ip, this.#now());
    if (claim === null) return;
    this.#upkeep.put(ip);
    if (claim.preserved) this.#quieten(ip);
    else this.#herald.granted(ip, now);
    this.#herald.due((one) => this.#isServed(one));
    log.info("address taken", { ip, link: this.#seats.link(ip)?.name ?? null });
    this.#attempts.run(listenersOf(ip), () => this.#options.listener.held(ip, claim.epoch));
  }

  /** Somebody else may have the address by now: it stays, and nobody hears of it. Connections go on: for listeners it is not released. */
  #quieten(ip: string): void {
    log.warning("address kept although nobody stands for it: no announcements", { ip });
    this.#herald.end(ip);
    this.#attempts.run(listenersOf(ip), () => this.#options.listener.preserved?.(ip));
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
    this.#herald.end(ip);
    this.#attempts.run(listenersOf(ip), () => this.#options.listener.released(ip));
    this.#fence.deny([ip]);
    this.#attempts.run(addressOf(ip), () => this.#seats.remove(ip));
  }

  /** Leaves nothing behind about an address that is not managed any more. */
  #forget(ip: string): void {
    this.#contenders.forget(ip);
    this.#herald.forget(ip);
    for (const subject of [addressOf(ip), listenersOf(ip)]) this.#attempts.forget(subject);
  }

  #sighted(sighting: Sighting): void {
    if (this.#state !== "running" || !this.#seats.has(sighting.ip)) return;
    const now = this.#now();
    const claim = this.#claims.get(sighting.ip, now);
    const ownMac = macText(this.#seats.link(sighting.ip));
    const context = { held: claim !== null, preserved: claim?.preserved === true, ownMac };
    const outcome = this.#contenders.see(sighting, now, context);
    switch (outcome.rule) {
      case "defend":
        if (outcome.isNews) {
          const conflicts = this.#contenders.count(sighting.ip);
          log.warning("another machine claims an address held here, announcing again", { ...sighting, conflicts });
        }
        this.#herald.again(sighting.ip, now);
        this.#run();
        break;
      case "yielded":
        log.warning("another machine claims an address that was merely kept, giving it back", { ...sighting });
        this.#giveBack(sighting.ip);
        this.#arm();
        break;
      case "defended-already":
      case "remembered":
      case "own":
        break;
      default:
        assertNever(outcome);
    }
  }

  #run(): void {
    if (this.#state !== "running") return;
    const now = this.#now();
    for (const claim of this.#claims.expire(now)) this.#end(claim, "its grant ran out");
    this.#herald.due((ip) => this.#isServed(ip));
    this.#contenders.due(now, (ip) => this.#claims.get(ip, this.#now()) !== null);
    if (now >= this.#verifyMs) this.#verify(now);
    this.#upkeep.sweepDue(now);
    const ready = this.#contenders.ready(now);
    if (ready.length > 0) this.granted(ready);
    this.#arm();
  }

  #verify(now: number): void {
    this.#verifyMs = now + VERIFY_MS;
    if (this.#links.isRetryDue(now)) this.#upkeep.adoptLinks();
    this.#fence.verify(this.#claims.live(this.#now()));
    for (const claim of this.#claims.expire(this.#now())) this.#end(claim, "the deadline passed while verifying");
  }

  #arm(): void {
    if (this.#state !== "running") return;
    let nextMs = Math.min(this.#verifyMs, this.#upkeep.nextDeadline());
    for (const part of [this.#claims, this.#herald, this.#contenders]) {
      nextMs = Math.min(nextMs, part.nextDeadline() ?? Infinity);
    }
    // Firing early and looking again would wake the machine after every renewal; that costs more than a new timer.
    if (this.#timer !== null && this.#timerMs === nextMs) return;
    this.#timer?.cancel();
    this.#timerMs = nextMs;
    this.#timer = this.#options.clock.after(nextMs - this.#now(), () => {
      this.#timer = null;
      this.#upkeep.renewDue(this.#now());
      this.#run();
    });
  }
}

/** The subject of complaints about those that are told of an address. */
function listenersOf(ip: string): string {
  return `listeners of ${ip}`;
}

function asGrant({ ip, epoch, validUntilMs }: Claim): Grant {
  return { scope: ip, epoch, validUntil: validUntilMs };
}

function macText(link: Link | null): string {
  return link === null ? "" : [...link.mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
