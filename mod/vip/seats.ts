import { isOurs } from "./address.ts";
import type { AddressBook, AddressScope, HeldAddress, Link } from "./kernel.ts";
import type { Links } from "./links.ts";
import type { PlacedVip } from "./types.ts";

/** An address that somebody keeps taking away is put back this often, not more. */
const RESTORE_MS = 80;

/** What one list of addresses differs in from the one before. */
export interface Replacement {
  /** Not managed any more. */
  readonly gone: readonly string[];
  /** Managed before and after, on another link or with another prefix. */
  readonly moved: readonly string[];
  readonly come: readonly string[];
}

/**
 * The managed addresses and where each belongs. Puts them there and takes them away; throws what the kernel throws. Which of them should
 * be there is not decided here.
 */
export class Seats {
  readonly #book: AddressBook;
  readonly #links: Links;
  #vips: ReadonlyMap<string, PlacedVip>;
  /** Managed once, and perhaps still on a link: guarded until they are gone from there. */
  readonly #retired = new Map<string, PlacedVip>();
  /** Addresses that are on their links, as far as is known. */
  readonly #put = new Set<string>();
  readonly #restoredMs = new Map<string, number>();

  constructor(options: { readonly vips: readonly PlacedVip[]; readonly book: AddressBook; readonly links: Links }) {
    this.#vips = byIp(options.vips);
    this.#book = options.book;
    this.#links = options.links;
  }

  /** The managed addresses, in their order. */
  get ips(): readonly string[] {
    return [...this.#vips.keys()];
  }

  has(ip: string): boolean {
    return this.#vips.has(ip);
  }

  /** The managed addresses and those that could not be taken away yet. */
  get guarded(): readonly PlacedVip[] {
    return [...this.#vips.values(), ...this.#retired.values()];
  }

  /** What would change. */
  compare(vips: readonly PlacedVip[]): Replacement {
    const wanted = byIp(vips);
    const both = this.ips.filter((ip) => wanted.has(ip));
    return {
      gone: this.ips.filter((ip) => !wanted.has(ip)),
      moved: both.filter((ip) => !isSame(this.#vips.get(ip), wanted.get(ip))),
      come: [...wanted.keys()].filter((ip) => !this.#vips.has(ip)),
    };
  }

  /** Manages just these from now on. What goes has to be off its link, or is kept in mind until it is: see {@link settle}. */
  replace(vips: readonly PlacedVip[]): void {
    const before = this.#vips;
    this.#vips = byIp(vips);
    for (const [ip, vip] of before) {
      if (this.#vips.has(ip)) continue;
      this.#retired.set(ip, vip);
      this.#restoredMs.delete(ip);
    }
    for (const ip of this.#vips.keys()) this.#retired.delete(ip);
    this.#links.place([...this.#vips.values()].map((vip) => vip.linkName));
  }

  /** Forgets former addresses that are on no link any more; whether there were any. */
  settle(): boolean {
    if (this.#retired.size === 0) return false;
    const present = this.present();
    const left = [...this.#retired.keys()].filter((ip) =>
      !present.some((address) => address.ip === ip && isOurs(address))
    );
    for (const ip of left) this.#retired.delete(ip);
    return left.length > 0;
  }

  /** The addresses of this machine that are, or were, managed. */
  present(): HeldAddress[] {
    return this.#book.addresses().filter(({ ip }) => this.#vips.has(ip) || this.#retired.has(ip));
  }

  /** The link that the address belongs to, if it is there. */
  link(ip: string): Link | null {
    return this.#links.get(this.#vips.get(ip)?.linkName ?? "");
  }

  /** The addresses that belong to one of the links. */
  on(linkNames: readonly string[]): string[] {
    return this.ips.filter((ip) => linkNames.includes(this.#vips.get(ip)?.linkName ?? ""));
  }

  /** Puts the address on its link, or gives it a new lifetime there. Does nothing while the link is missing. */
  put(ip: string, validSeconds: number): void {
    const [vip, link] = [this.#vips.get(ip), this.link(ip)];
    if (vip === undefined || link === null) return;
    this.#book.put(ip, vip.prefixLength, link.index, validSeconds, scopeOn(link, vip));
    this.#put.add(ip);
  }

  /** Whether the address was put on its link and not taken away since, by us. */
  isPut(ip: string): boolean {
    return this.#put.has(ip);
  }

  get isAnyPut(): boolean {
    return this.#put.size > 0;
  }

  /** Takes the address off its link. */
  remove(ip: string): void {
    this.#put.delete(ip);
    const [vip, link] = [this.#vips.get(ip), this.link(ip)];
    if (vip !== undefined && link !== null) this.#book.remove(ip, vip.prefixLength, link.index);
  }

  /** Takes an address off the link it was found on. */
  removeFound(address: HeldAddress): void {
    this.#book.remove(address.ip, address.prefixLength, address.linkIndex);
  }

  /** Whether it is time to put an address back; somebody who removes it again and again is not raced. */
  mayRestore(ip: string, now: number): "now" | { readonly afterMs: number } {
    if (now - (this.#restoredMs.get(ip) ?? -Infinity) < RESTORE_MS) return { afterMs: RESTORE_MS };
    this.#restoredMs.set(ip, now);
    return "now";
  }
}

function scopeOn(link: Link, vip: PlacedVip): AddressScope {
  return vip.scope ?? (link.loopback ? "host" : "global");
}

function byIp(vips: readonly PlacedVip[]): ReadonlyMap<string, PlacedVip> {
  return new Map(vips.map((vip) => [vip.ip, vip]));
}

function isSame(a: PlacedVip | undefined, b: PlacedVip | undefined): boolean {
  return a?.linkName === b?.linkName && a?.prefixLength === b?.prefixLength && a?.scope === b?.scope;
}
