import type { AddressBook, Announcer, Link } from "./kernel.ts";

/** A link that cannot be attached to, or is not there, is tried again this often. */
const RETRY_MS = 1000;

/** What a change of a link means for the addresses on it. */
export type LinkChange =
  /** It can carry frames again, or has another hardware address: put its addresses back and announce them. */
  | "renewed"
  | "unchanged"
  /** Down, or without carrier. */
  | "unusable";

/**
 * The links that carry managed addresses, by name: a link that is replaced by another of the same name is the same to us. Attaches the
 * announcer to each; one that cannot be attached does not keep the others from it.
 */
export class Links {
  #names: readonly string[];
  readonly #book: AddressBook;
  readonly #announcer: Announcer | null;
  readonly #links = new Map<string, Link>();
  /** Since when a link cannot carry frames; absent while it can. */
  readonly #downSinceMs = new Map<string, number>();
  readonly #unattached = new Set<string>();
  #retryMs = 0;

  constructor(
    options: { readonly names: Iterable<string>; readonly book: AddressBook; readonly announcer: Announcer | null },
  ) {
    this.#names = [...new Set(options.names)];
    this.#book = options.book;
    this.#announcer = options.announcer;
  }

  /** From now on these links matter; those that are new are looked at by the next {@link adopt}. */
  place(names: Iterable<string>): void {
    this.#names = [...new Set(names)];
    for (const name of [...this.#links.keys(), ...this.#downSinceMs.keys()]) {
      if (this.has(name)) continue;
      this.#links.delete(name);
      this.#downSinceMs.delete(name);
      this.#unattached.delete(name);
    }
  }

  get(name: string): Link | null {
    return this.#links.get(name) ?? null;
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /** Looks at every link anew; gives the names of those that were renewed. Throws what the kernel or the announcer throws, in the end. */
  adopt(now: number): string[] {
    const present = this.#book.links();
    const errors: unknown[] = [];
    const renewed = this.#names.filter((name) => {
      const link = present.find((candidate) => candidate.name === name);
      if (link === undefined) this.removed(name, now);
      try {
        return link !== undefined && this.changed(link, now) === "renewed";
      } catch (error) {
        errors.push(error);
        return false;
      }
    });
    this.#retryMs = now + RETRY_MS;
    if (errors.length > 0) throw errors[0];
    return renewed;
  }

  /** Takes note of a link's state. Throws what the announcer throws. */
  changed(link: Link, now: number): LinkChange {
    const before = this.#links.get(link.name);
    const same = before !== undefined && before.index === link.index && sameBytes(before.mac, link.mac);
    const isAttached = same && !this.#unattached.has(link.name);
    this.#links.set(link.name, link);
    if (!(link.up && link.running)) {
      if (!this.#downSinceMs.has(link.name)) this.#downSinceMs.set(link.name, now);
      if (!isAttached) this.#attach(link);
      return "unusable";
    }
    const wasDown = this.#downSinceMs.delete(link.name);
    if (!isAttached) this.#attach(link);
    return isAttached && !wasDown ? "unchanged" : "renewed";
  }

  /** The link is gone. */
  removed(name: string, now: number): void {
    this.#links.delete(name);
    if (!this.#downSinceMs.has(name)) this.#downSinceMs.set(name, now);
  }

  /** True when a link is missing or not attached and it is time to look again. */
  isRetryDue(now: number): boolean {
    return now >= this.#retryMs && (this.#links.size < this.#names.length || this.#unattached.size > 0);
  }

  /**
   * Why a link has been unable to carry frames for longer than `forMs`, or null.
   * @param tolerance `down`: a link that is there may be down
   */
  fault(now: number, forMs: number, tolerance: "none" | "down" = "none"): string | null {
    for (const [name, sinceMs] of this.#downSinceMs) {
      if (now - sinceMs <= forMs) continue;
      if (!this.#links.has(name)) return `${name} does not exist`;
      if (tolerance === "none") return `${name} has no carrier or is down`;
    }
    return null;
  }

  #attach(link: Link): void {
    this.#unattached.add(link.name);
    this.#announcer?.attach(link);
    this.#unattached.delete(link.name);
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
