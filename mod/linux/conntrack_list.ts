/** Connection tracking, listed at once: for tables that are known to be small. {@link ConntrackSocket} lists those of any size. */
import {
  type ConntrackEntry,
  type ConntrackFilter,
  decodeConntrack,
  dumpConntrack,
  matches,
} from "../net/netlink/conntrack.ts";
import { NetlinkFamily, NetlinkSocket } from "./netlink_socket.ts";

/** A socket of ctnetlink in the network namespace that was current when this was made. */
export class ConntrackList {
  readonly #socket = new NetlinkSocket(NetlinkFamily.NETFILTER);

  /** Every connection of the filter. Throws SysError. */
  list(filter: ConntrackFilter): ConntrackEntry[] {
    return this.#socket.request(dumpConntrack(filter))
      .map(decodeConntrack)
      .filter((entry) => entry !== null)
      .filter((entry) => matches(entry, filter));
  }

  /** Closes the socket; calling it twice does nothing. */
  close(): void {
    this.#socket.close();
  }
}
