/** Connection tracking over netlink, for tables of any size: lists are read in pieces, so that nobody waits for them. */
import {
  type ConntrackEntry,
  type ConntrackFilter,
  decodeConntrack,
  decodeConntrackCount,
  deleteConntrack,
  dumpConntrack,
  getConntrackCount,
  matches,
} from "../net/netlink/conntrack.ts";
import { concat } from "../net/netlink/bytes.ts";
import {
  decodeAcknowledgement,
  encodeMessage,
  MessageFlag,
  MessageType,
  type NetlinkMessage,
} from "../net/netlink/message.ts";
import { Errno, SysError } from "./errno.ts";
import { NetlinkDump } from "./netlink_dump.ts";
import { NetlinkFamily, NetlinkSocket } from "./netlink_socket.ts";

/** How a deletion went: what the filter found, and how much of it this call ended (the rest was over by then). */
export interface Cleared {
  readonly found: number;
  readonly deleted: number;
}

/** Sockets of ctnetlink in the network namespace that was current when this was made. All calls throw SysError. */
export class ConntrackSocket {
  readonly #lists: NetlinkDump;
  readonly #calls: NetlinkSocket;

  /** Opens the sockets; whether the kernel tracks connections only the first call shows. */
  constructor() {
    this.#calls = new NetlinkSocket(NetlinkFamily.NETFILTER);
    try {
      this.#lists = new NetlinkDump(NetlinkFamily.NETFILTER);
    } catch (error) {
      this.#calls.close();
      throw error;
    }
  }

  /** How many connections of all kinds the namespace tracks (Linux 5.9; 0 before). Synchronous. */
  total(): number {
    const [answer] = this.#calls.request(getConntrackCount());
    return answer === undefined ? 0 : decodeConntrackCount(answer);
  }

  /** Gives each connection of the filter to `visit`, in no order. What `visit` throws ends the visits and is thrown here. */
  forEach(filter: ConntrackFilter, visit: (entry: ConntrackEntry) => void): Promise<void> {
    return this.#list(filter, (entries) => entries.forEach(visit));
  }

  /** How many connections the filter names now. */
  async count(filter: ConntrackFilter): Promise<number> {
    let found = 0;
    await this.#list(filter, (entries) => void (found += entries.length));
    return found;
  }

  /** Ends one connection for this machine: the next packet of it begins anew. Synchronous. */
  delete(entry: ConntrackEntry): "deleted" | "absent" {
    return this.#deleteAll([entry]) === 1 ? "deleted" : "absent";
  }

  /**
   * The same for every connection of the filter. Rules must send new connections elsewhere by now, or the next packet brings the same
   * one back.
   */
  async deleteMatching(filter: ConntrackFilter): Promise<Cleared> {
    let [found, deleted] = [0, 0];
    await this.#list(filter, (entries) => {
      found += entries.length;
      deleted += this.#deleteAll(entries);
    });
    return { found, deleted };
  }

  /** Closes the sockets; a list that is being read fails with ECONNABORTED. Calling it twice does nothing. */
  async close(): Promise<void> {
    // A list that is being read may still delete.
    await this.#lists.close();
    this.#calls.close();
  }

  #list(filter: ConntrackFilter, take: (entries: readonly ConntrackEntry[]) => void): Promise<void> {
    return this.#lists.read(dumpConntrack(filter), (messages) => take(entriesOf(messages, filter)));
  }

  /** Deletes them in one datagram; gives how many were there. The kernel answers only what it could not do. */
  #deleteAll(entries: readonly ConntrackEntry[]): number {
    if (entries.length === 0) return 0;
    const messages = entries.map((entry) => {
      const request = deleteConntrack(entry);
      const flags = request.flags | MessageFlag.REQUEST;
      return encodeMessage({ ...request, flags, sequence: this.#calls.nextSequence(), portId: 0 });
    });
    const about = { op: "delete connections", subject: `${entries.length}` };
    this.#calls.send(concat(messages), about);
    let absent = 0;
    for (let received = this.#calls.receive(); received !== "empty"; received = this.#calls.receive()) {
      if (received === "overrun") throw new SysError(about.op, Errno.ENOBUFS, about);
      for (const message of received) {
        const errno = message.type === MessageType.ERROR ? decodeAcknowledgement(message).errno : 0;
        if (errno === Errno.ENOENT) absent++;
        else if (errno !== 0) throw new SysError(about.op, errno, about);
      }
    }
    return entries.length - absent;
  }
}

function entriesOf(messages: readonly NetlinkMessage[], filter: ConntrackFilter): ConntrackEntry[] {
  return messages
    .map(decodeConntrack)
    .filter((entry) => entry !== null)
    .filter((entry) => matches(entry, filter));
}
