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

/** Each look may be overtaken by another commit of somebody's; after so many a renewal goes out regardless. */
const LOOKS = 3;
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

  /** @param socket belongs to the caller, who closes it */
  constructor(socket: NftSocket) {
    this.#socket = socket;
  }

  install(ips: readonly string[]): void {
    this.#ips = [...ips];
    this.#rebuild([]);
    this.#how = this.#takesNewTimeouts() ? "update" : "replace";
    this.#generation = this.#socket.generation();
    this.#shape = this.#look();
  }

  allow(live: readonly Live[]): "refreshed" | "rebuilt" {
    if (live.length === 0) return this.verify(live) === "whole" ? "refreshed" : "rebuilt";
    if (!this.#renewal.fits(live)) this.#renewal = new Renewal(live.map((entry) => entry.ip), this.#how);
    const batch = this.#renewal.with(live);
    for (let look = 1; look <= LOOKS; look++) {
      try {
        this.#socket.commitPrepared(batch, this.#generation);
        this.#generation = following(this.#generation);
        return "refreshed";
      } catch (error) {
        if (!(error instanceof SysError && (error.errno === Errno.ERESTART || error.errno === Errno.ENOENT))) {
          throw error;
        }
      }
      if (this.verify(live) === "rebuilt") return "rebuilt";
    }
    this.#socket.commitPrepared(batch);
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
