import { Errno, SysError } from "../linux/errno.ts";
import type { NftSocket } from "../linux/nft_socket.ts";
import {
  GUARD_FAMILIES,
  GUARD_TABLE,
  installGuard,
  type Live,
  removeGuard,
  revokeGuard,
  TimeoutProbe,
} from "./guard.ts";
import type { Permission } from "./kernel.ts";
import { Renewal } from "./renewal.ts";

/** The sets of managed addresses per family; the live ones change all the time and are ours alone to write. */
const FIXED_SETS = { arp: ["vips4"], inet: ["vips4", "vips6"] } as const;

/** A renewal may be overtaken by another commit of somebody's; after so many in a row it goes out regardless. */
const OVERTAKEN_LIMIT = 3;
/** Rules that change while they are installed are looked at again, so many times. */
const INSTALL_ATTEMPTS = 5;
/** Time-outs for the probe, long and far apart. */
const PROBE_MS = [10_000, 20_000] as const;

/**
 * Permission kept by nftables. Throws SysError when the kernel refuses.
 *
 * Every commit of anybody gives the ruleset a new generation number. As long as the number is the one our last commit made, nobody has
 * touched anything; when it is another, the kernel refuses the renewal and the tables are compared with what was installed.
 */
export class NftPermission implements Permission {
  readonly #socket: NftSocket;
  #ips: readonly string[] = [];
  #generation = 0;
  #shape = "";
  #how: "update" | "replace" = "replace";
  #renewal = new Renewal([], "replace");
  /** Renewals in a row that somebody's commit overtook. */
  #overtaken = 0;

  /** @param socket belongs to the caller, who closes it */
  constructor(socket: NftSocket) {
    this.#socket = socket;
  }

  install(ips: readonly string[]): void {
    this.#ips = [...ips];
    for (let attempt = 1;; attempt++) {
      try {
        this.#rebuild([]);
        this.#how = this.#takesNewTimeouts() ? "update" : "replace";
        this.#generation = this.#socket.generation();
        this.#shape = this.#look();
        // Only what nobody touched meanwhile is a picture of the whole guard.
        if (this.#socket.generation() === this.#generation) return;
      } catch (error) {
        const isGone = error instanceof SysError && error.errno === Errno.ENOENT;
        if (!isGone || attempt >= INSTALL_ATTEMPTS) throw error;
      }
      if (attempt >= INSTALL_ATTEMPTS) {
        throw new SysError("install guard", Errno.EAGAIN, { subject: "rules that keep changing" });
      }
    }
  }

  allow(live: readonly Live[]): "refreshed" | "rebuilt" | "overtaken" {
    if (live.length === 0) return this.verify(live) === "whole" ? "refreshed" : "rebuilt";
    if (!this.#renewal.fits(live)) this.#renewal = new Renewal(live.map((entry) => entry.ip), this.#how);
    const isGated = this.#overtaken < OVERTAKEN_LIMIT;
    try {
      this.#socket.commitPrepared(this.#renewal.with(live), isGated ? this.#generation : 0);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.errno === Errno.ENOENT) return this.#rebuild(live);
      if (error.errno !== Errno.ERESTART) throw error;
      this.#overtaken++;
      return this.verify(live) === "rebuilt" ? "rebuilt" : "overtaken";
    }
    // After a renewal that went out regardless the number stays as it was, so that the next verify looks at the tables.
    if (isGated) this.#generation = following(this.#generation);
    this.#overtaken = 0;
    return "refreshed";
  }

  deny(ips: readonly string[]): void {
    try {
      this.#socket.commit(revokeGuard(ips));
    } catch (error) {
      if (!(error instanceof SysError && error.errno === Errno.ENOENT)) throw error;
      // Somebody removed the guard: without it nothing is silent. Build it again with no address live; the next renewal adds the others.
      this.#rebuild([]);
    }
  }

  verify(live: readonly Live[]): "whole" | "rebuilt" {
    const generation = this.#socket.generation();
    if (generation === this.#generation) return "whole";
    if (this.#look() !== this.#shape) return this.#rebuild(live);
    this.#generation = generation;
    return "whole";
  }

  uninstall(): void {
    this.#socket.commit(removeGuard());
  }

  #rebuild(live: readonly Live[]): "rebuilt" {
    this.#socket.commit(installGuard(this.#ips, live));
    this.#generation = this.#socket.generation();
    return "rebuilt";
  }

  /** Whether an element that exists takes a new time-out (kernel 6.12); tried, because distributions take fixes back to older ones. */
  #takesNewTimeouts(): boolean {
    for (const timeoutMs of PROBE_MS) this.#socket.commit(TimeoutProbe.give(timeoutMs));
    const [probed] = this.#socket.elements(TimeoutProbe.set);
    this.#socket.commit(TimeoutProbe.end());
    return probed?.timeoutMs === PROBE_MS[1] && probed.expiresInMs > PROBE_MS[0];
  }

  /** Everything of the guard that does not change while it is whole, as text to compare. */
  #look(): string {
    const parts = GUARD_FAMILIES.map((family) => {
      const table = { family, table: GUARD_TABLE };
      const rules = this.#socket.rules(table).map(({ chain, expressions }) => ({ chain, expressions }));
      const sets = this.#socket.sets(table);
      const fixed = FIXED_SETS[family as keyof typeof FIXED_SETS].filter((set) =>
        sets.some((known) => known.set === set)
      );
      const members = fixed.map((set) =>
        this.#socket.elements({ ...table, set }).map((element) => [...element.key].join(".")).sort()
      );
      return { chains: this.#socket.chains(table), rules, sets, members };
    });
    return JSON.stringify(parts);
  }
}

/** The generation after this one; 0 is left out. */
function following(generation: number): number {
  return generation >= 0xffff_ffff ? 1 : generation + 1;
}
