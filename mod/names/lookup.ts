/** Asks the system for the addresses of a name, as every program of this machine does: hosts file first, then DNS. */
import { lookup } from "node:dns";

/** Every address of a name as text, in the order of the resolver. Rejects with the reason when there is none. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/**
 * {@link Lookup} by getaddrinfo(3), in the system's order. It cannot be cancelled and takes as long as the system's resolver does
 * (`resolv.conf`: 5 s for each server and try, by default), in a thread of which there are few: see that one name is asked for once at a
 * time.
 */
export const systemLookup: Lookup = (host) =>
  new Promise((resolve, reject) => {
    lookup(host, { all: true, verbatim: true }, (error, found) => {
      if (error === null || error === undefined) resolve(found.map(({ address }) => address));
      else reject(new Error(error.code === "ENOTFOUND" ? "the name is not known" : error.message, { cause: error }));
    });
  });
