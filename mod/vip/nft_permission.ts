import { Errno, SysError } from "../linux/errno.ts";
import type { NftSocket } from "../linux/nft_socket.ts";
import { GUARD_FAMILIES, GUARD_TABLE, installGuard, type Live, removeGuard, renewGuard, revokeGuard } from "./guard.ts";
import type { Permission } from "./kernel.ts";

/** The sets of managed addresses per family; the live ones change all the time and are ours alone to write. */
const FIXED_SETS = { arp: ["vips4"], inet: ["vips4", "vips6"] } as const;

/**
 * Permission kept by nftables. Throws SysError when the kernel refuses.
 *
 * Every commit of anybody gives the ruleset a new generation number. As long as the number is the one our last commit made, nobody has
 * touched anything; when it is another, the tables are compared with what was installed.
 */
export class NftPermission implements Permission {
  readonly #socket: NftSocket;
  #ips: readonly string[] = [];
  #generation = -1;
  #shape = "";

  /** @param socket belongs to the caller, who closes it */
  constructor(socket: NftSocket) {
    this.#socket = socket;
  }

  install(ips: readonly string[]): void {
    this.#ips = [...ips];
    this.#rebuild([]);
    this.#shape = this.#look();
  }

  allow(live: readonly Live[]): "refreshed" | "rebuilt" {
    const generation = this.#socket.generation();
    if (generation !== this.#generation && this.#look() !== this.#shape) return this.#rebuild(live);
    try {
      this.#socket.commit(renewGuard(live));
      this.#generation = (generation + 1) >>> 0;
      return "refreshed";
    } catch (error) {
      if (!(error instanceof SysError && error.errno === Errno.ENOENT)) throw error;
      return this.#rebuild(live);
    }
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
