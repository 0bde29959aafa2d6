import { getLog } from "../observe/log.ts";
import type { AddressBook } from "./kernel.ts";
import type { PlacedVip } from "./types.ts";

const log = getLog("vip");

/**
 * Takes addresses off the link they are placed on, before anything is known of an election: whoever put them there has ended, and another
 * machine may hold them while this one looks for its API server. What cannot be removed now is tried again by the holder. Only for what
 * `placeOn` has let pass: a machine's own address is a problem there.
 */
export function removeLeftovers(book: AddressBook, placed: readonly PlacedVip[]): void {
  const links = new Map(book.links().map(({ name, index }) => [name, index]));
  for (const { ip, prefixLength, linkIndex } of book.addresses()) {
    if (!placed.some((vip) => vip.ip === ip && links.get(vip.linkName) === linkIndex)) continue;
    try {
      book.remove(ip, prefixLength, linkIndex);
      log.info("removed a leftover address", { ip, linkIndex });
    } catch (error) {
      log.warning("could not remove a leftover address", {
        ip,
        cause: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
