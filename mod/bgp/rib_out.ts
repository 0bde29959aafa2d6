/** Adj-RIB-Out (RFC 4271 §3.2): what one peer has been told in this session, and the messages that make it what it should be. Pure. */

import { encodeRouteRefresh } from "../net/bgp/message.ts";
import type { Family, Prefix, UpdateTraits } from "../net/bgp/types.ts";
import { encodeAnnouncements, encodeEndOfRib, encodeWithdrawals } from "../net/bgp/update.ts";
import type { Path } from "./paths.ts";

/** RFC 7313 §3.2: subtypes that mark the begin and the end of a refresh. */
const BEGIN_OF_REFRESH = 1;
const END_OF_REFRESH = 2;

/** What both sides agreed on, as far as it matters here. */
export interface RibOutTraits extends UpdateTraits {
  readonly enhancedRouteRefresh: boolean;
}

/** One peer's, for the length of one session. Holds one entry for each address that is announced. */
export class RibOut {
  readonly #traits: RibOutTraits;
  /** What the peer has by the messages given so far. */
  readonly #told = new Map<string, Path>();
  /** What it is to have instead; null: nothing. */
  readonly #wanted = new Map<string, Path | null>();
  /** Families whose End-of-RIB marker has not been sent. */
  readonly #unmarked: Set<Family>;
  /** Families that the peer wants again. */
  readonly #refresh = new Set<Family>();

  constructor(traits: RibOutTraits) {
    this.#traits = traits;
    this.#unmarked = new Set(traits.families);
  }

  /** Destinations that the peer has by the messages given so far. */
  get size(): number {
    return this.#told.size;
  }

  /** The addresses that the peer has or is to have. */
  addresses(): string[] {
    return [...new Set([...this.#told.keys(), ...this.#wanted.keys()])];
  }

  /** The host route of `ip` (canonical text) is to have this path; null: it is to be withdrawn. */
  want(ip: string, path: Path | null): void {
    const told = this.#told.get(ip);
    if (told?.key === path?.key) this.#wanted.delete(ip);
    else this.#wanted.set(ip, path);
  }

  /** The peer wants all routes of that family again (RFC 2918); families that were not agreed on are ignored (§4). */
  refresh(family: Family): void {
    if (this.#traits.families.has(family)) this.#refresh.add(family);
  }

  /**
   * The messages that are due, in order: withdrawals, announcements path by path, what the peer asked to have again, and, if `complete`,
   * the End-of-RIB marker of each family that has had none (RFC 4724 §2). What they say counts as told.
   */
  flush(options: { readonly complete: boolean }): Uint8Array[] {
    const messages = [...this.#withdrawals(), ...this.#announcements()];
    this.#wanted.clear();
    for (const family of this.#refresh) messages.push(...this.#again(family));
    this.#refresh.clear();
    if (!options.complete) return messages;
    for (const family of this.#unmarked) messages.push(encodeEndOfRib(family));
    this.#unmarked.clear();
    return messages;
  }

  #withdrawals(): Uint8Array[] {
    const gone: Prefix[] = [];
    for (const [ip, path] of this.#wanted) {
      if (path === null && this.#told.delete(ip)) gone.push(hostRoute(ip));
    }
    return encodeWithdrawals(gone, this.#traits);
  }

  #announcements(): Uint8Array[] {
    const changed: [string, Path][] = [];
    for (const [ip, path] of this.#wanted) {
      if (path === null) continue;
      this.#told.set(ip, path);
      changed.push([ip, path]);
    }
    return this.#encode(changed);
  }

  /**
   * All routes of a family. Between two marks, so that the peer can drop what is not among them (RFC 7313 §4), but not before the first
   * End-of-RIB, as that section forbids.
   */
  #again(family: Family): Uint8Array[] {
    const routes = this.#encode([...this.#told].filter(([ip]) => familyOf(ip) === family));
    if (!this.#traits.enhancedRouteRefresh || this.#unmarked.has(family)) return routes;
    return [encodeRouteRefresh(family, BEGIN_OF_REFRESH), ...routes, encodeRouteRefresh(family, END_OF_REFRESH)];
  }

  /** Routes with one path share messages. */
  #encode(routes: readonly (readonly [ip: string, path: Path])[]): Uint8Array[] {
    const groups = new Map<string, { readonly path: Path; readonly prefixes: Prefix[] }>();
    for (const [ip, path] of routes) {
      const group = groups.get(path.key) ?? { path, prefixes: [] };
      groups.set(path.key, group);
      group.prefixes.push(hostRoute(ip));
    }
    return [...groups.values()].flatMap(({ path, prefixes }) =>
      encodeAnnouncements(prefixes, path.attributes, this.#traits)
    );
  }
}

function hostRoute(ip: string): Prefix {
  const family = familyOf(ip);
  return { family, ip, length: family === 4 ? 32 : 128 };
}

function familyOf(ip: string): Family {
  return ip.includes(":") ? 6 : 4;
}
