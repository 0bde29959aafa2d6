import type { Clock } from "../../mod/base/clock.ts";
import { ADDRESS_PROTOCOL } from "../../mod/vip/address.ts";
import {
  type AddressBook,
  type AddressScope,
  type Announcer,
  type HeldAddress,
  type Link,
  type LiveUntil,
  type Permission,
  PermissionUnavailable,
} from "../../mod/vip/kernel.ts";

interface Entry extends HeldAddress {
  endsMs: number;
}

/** A kernel in memory: addresses with lifetimes and permissions with time-outs, on the clock of the test. */
export class FakeKernel implements AddressBook, Permission {
  readonly #clock: Clock;
  readonly #addresses: Entry[] = [];
  #links: Link[];
  /** null: no guard is installed, and the kernel answers for every address it has. */
  #guard: Map<string, number> | null = null;
  #managed: string[] = [];
  /** Differs from {@link #managed} after a change that failed, until the next renewal or look. */
  #wanted: string[] = [];
  /** Every call, in order, for assertions about the order of things. */
  readonly calls: string[] = [];
  hasNftables = true;
  /** Calls whose name is in here throw. */
  readonly failing = new Set<string>();
  /** Runs inside {@link allow}, before it takes effect: a test moves the clock here to play a process that was stopped. */
  beforeAllow: () => void = () => {};

  constructor(clock: Clock, links: Link[] = [fakeLink()]) {
    this.#clock = clock;
    this.#links = links;
  }

  /** Whether this machine would answer an ARP request for the address now. */
  answers(ip: string): boolean {
    const present = this.#present().some((address) => address.ip === ip);
    if (!present || this.#guard === null || !this.#managed.includes(ip)) return present;
    return (this.#guard.get(ip) ?? -Infinity) > this.#clock.now();
  }

  /** Somebody else removes the guard (`nft flush ruleset`). */
  flushGuard(): void {
    this.#guard = null;
  }

  setLinks(links: Link[]): void {
    this.#links = links;
  }

  /** Somebody else puts an address there. */
  foreignAddress(address: HeldAddress): void {
    this.#addresses.push({ ...address, endsMs: this.#clock.now() + address.validSeconds * 1000 });
  }

  links(): Link[] {
    return this.#links;
  }

  addresses(): HeldAddress[] {
    return this.#present();
  }

  put(
    ip: string,
    prefixLength: number,
    linkIndex: number,
    validSeconds: number,
    scope: AddressScope = "global",
  ): void {
    this.#call("put", scope === "global" ? ip : `${ip} ${scope}`);
    this.#drop(ip, linkIndex);
    const endsMs = this.#clock.now() + validSeconds * 1000;
    this.#addresses.push({ ip, prefixLength, linkIndex, protocol: ADDRESS_PROTOCOL, validSeconds, endsMs });
  }

  remove(ip: string, _prefixLength: number, linkIndex: number): "removed" | "absent" {
    this.#call("remove", ip);
    return this.#drop(ip, linkIndex);
  }

  install(vips: readonly { ip: string; linkName: string }[]): void {
    if (!this.hasNftables) throw new PermissionUnavailable(new Error("on purpose"));
    this.#call("install", vips.map((vip) => vip.ip).join(","));
    this.#managed = this.#wanted = vips.map((vip) => vip.ip);
    this.#guard = new Map();
  }

  manage(vips: readonly { ip: string; linkName: string }[], live: readonly LiveUntil[]): "changed" | "rebuilt" {
    this.#wanted = vips.map((vip) => vip.ip);
    this.#call("manage", this.#wanted.join(","));
    const outcome = this.#guard === null ? "rebuilt" : "changed";
    this.#refresh(this.#guard === null ? live : []);
    for (const ip of this.#guard?.keys() ?? []) if (!this.#managed.includes(ip)) this.#guard?.delete(ip);
    return outcome;
  }

  allow(live: readonly LiveUntil[]): "refreshed" | "rebuilt" {
    this.beforeAllow();
    this.#call("allow", live.map((entry) => entry.ip).join(","));
    return this.#refresh(live);
  }

  deny(ips: readonly string[]): void {
    this.#call("deny", ips.join(","));
    for (const ip of ips) this.#guard?.delete(ip);
  }

  verify(live: readonly LiveUntil[]): "whole" | "rebuilt" {
    if (this.failing.has("verify")) throw new Error("verify failed on purpose");
    if (this.#guard !== null && this.#managed === this.#wanted) return "whole";
    this.#refresh(live);
    return "rebuilt";
  }

  uninstall(): void {
    this.#call("uninstall", "");
    this.#guard = null;
  }

  #refresh(live: readonly LiveUntil[]): "refreshed" | "rebuilt" {
    const outcome = this.#guard === null || this.#managed !== this.#wanted ? "rebuilt" : "refreshed";
    this.#managed = this.#wanted;
    const guard = this.#guard ?? new Map<string, number>();
    for (const { ip, validUntilMs } of live) guard.set(ip, validUntilMs);
    this.#guard = guard;
    return outcome;
  }

  #present(): Entry[] {
    return this.#addresses.filter((address) => address.endsMs > this.#clock.now());
  }

  #drop(ip: string, linkIndex: number): "removed" | "absent" {
    const at = this.#addresses.findIndex((address) => address.ip === ip && address.linkIndex === linkIndex);
    if (at < 0) return "absent";
    this.#addresses.splice(at, 1);
    return "removed";
  }

  #call(name: string, subject: string): void {
    if (this.failing.has(name)) throw new Error(`${name} failed on purpose`);
    this.calls.push(`${name} ${subject}`.trim());
  }
}

/** An announcer that writes down what it was told. */
export class FakeAnnouncer implements Announcer {
  readonly calls: string[] = [];
  onSighting: (sighting: { readonly ip: string; readonly mac: string }) => void = () => {};

  /** Names of links that cannot be attached. */
  readonly failing = new Set<string>();
  /** Addresses whose announcements the link refuses. */
  readonly refusing = new Set<string>();

  place(vips: readonly { readonly ip: string; readonly linkName: string }[]): void {
    this.calls.push(`place ${vips.map((vip) => vip.ip).join(",")}`);
  }

  attach(link: Link): void {
    if (this.failing.has(link.name)) throw new Error(`attach ${link.name} failed on purpose`);
    this.calls.push(`attach ${link.name}`);
  }

  announce(ip: string): "sent" | "refused" {
    this.calls.push(`announce ${ip}`);
    return this.refusing.has(ip) ? "refused" : "sent";
  }

  probe(ip: string): "sent" | "refused" {
    this.calls.push(`probe ${ip}`);
    return "sent";
  }

  close(): void {
    this.calls.push("close");
  }
}

/** An Ethernet link that is up. */
export function fakeLink(change: Partial<Link> = {}): Link {
  return {
    index: 2,
    name: "eth0",
    mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
    up: true,
    running: true,
    loopback: false,
    ...change,
  };
}
