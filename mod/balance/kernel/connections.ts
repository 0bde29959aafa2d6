/**
 * The connections that the kernel has translated for balancers: counting them and ending them.
 *
 * To end one, the kernel is made to forget it: its packets then reach this machine's own stack or a backend that knows nothing of it, and are
 * answered with a reset. A client that waits would notice only when it sends, so both ends are sent a segment that they have to
 * answer; the answer is what gets reset.
 */
import type { Clock } from "../../base/clock.ts";
import type { ConntrackList } from "../../linux/conntrack_list.ts";
import type { ConntrackSocket } from "../../linux/conntrack_socket.ts";
import { SysError } from "../../linux/errno.ts";
import type { RawIpSocket } from "../../linux/raw_ip_socket.ts";
import { ipFromBytes } from "../../net/ip.ts";
import { type ConntrackEntry, type ConntrackFilter, TcpState } from "../../net/netlink/conntrack.ts";
import { CtStatus } from "../../net/netlink/nft_balance.ts";
import { bareAcknowledgement, type TcpEnd } from "../../net/tcp_segment.ts";
import { getLog, type Log } from "../../observe/log.ts";
import type { KernelService } from "./types.ts";
import { parsed, PROTOCOL_NUMBER } from "./words.ts";

/** With more tracked connections than this a look at them would hold up heartbeats, so it is taken in slices. */
const SMALL = 2000;
/** The kernel goes through its whole table for a list, some 10 ms also where there is little in it: for counts one serves a while. */
const COUNT_EVERY_MS = 1000;
/** Answers of neighbours to {@link bareAcknowledgement} come within this time, in milliseconds. */
const ANSWER_MS = 2;
/** So many services may leave connections behind; those that did first are forgotten, and what they still have ends by itself. */
const MOST_LEFT = 64;
/** What counts as a connection of TCP: neither over nor only remembered. */
const LIVE_STATES: readonly number[] = [
  TcpState.SYN_SENT,
  TcpState.SYN_RECV,
  TcpState.ESTABLISHED,
  TcpState.FIN_WAIT,
  TcpState.CLOSE_WAIT,
];

/** What is needed of the kernel; see the classes of `mod/linux` of the same names. */
export interface ConnectionTools {
  readonly list: Pick<ConntrackList, "list" | "close">;
  readonly slices: Pick<ConntrackSocket, "total" | "forEach" | "delete" | "close">;
  /** null: without CAP_NET_RAW ends notice only when they send. */
  readonly raw: Pick<RawIpSocket, "send" | "close"> | null;
  readonly clock: Clock;
  /** Blocks this long, in milliseconds. */
  readonly pause: (ms: number) => void;
  /** Canonical text of every address of this machine. */
  readonly localAddresses: () => readonly string[];
}

/** Which connections of a service; all without a restriction. */
export interface Which {
  /** Canonical text of the address that clients sent to. */
  readonly vip?: string;
  /** Name of the backend as {@link backendName} gives it. */
  readonly backend?: string;
}

/** What is to be ended: connections of the service, or what {@link Connections.gather} is about. */
interface Due {
  readonly service: KernelService;
  readonly which: Which | "strays" | "strays and strangers";
}

/** Shared by all kernel balancers of the process; owned by the agent, which closes it. */
export class Connections {
  readonly #tools: ConnectionTools;
  readonly #log: Log = getLog("balance");
  /** The last look at each family. */
  readonly #known = new Map<4 | 6, { readonly atMs: number; readonly entries: readonly ConntrackEntry[] }>();
  /** What was seen since the event loop last went on. */
  readonly #thisTurn = new Map<4 | 6, readonly ConntrackEntry[]>();
  /** Services whose balancers are gone and whose connections go on, by what tells them apart. */
  readonly #left = new Map<string, KernelService>();
  /** Where services of this run have been, by protocol, port and address. */
  readonly #met = new Set<string>();
  /** What is to be ended with the next look. */
  readonly #due: Due[] = [];
  #working: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(tools: ConnectionTools) {
    this.#tools = tools;
  }

  /**
   * How many live connections each backend of the service has, by its name, as of the last second; null when there are too many
   * connections to look now. Throws SysError.
   */
  countNow(service: KernelService): Map<string, number> | null {
    if (this.#tools.slices.total() > SMALL) return null;
    const counts = new Map<string, number>();
    for (const family of familiesOf(service)) {
      const known = this.#known.get(family);
      const isFresh = known !== undefined && this.#tools.clock.now() - known.atMs < COUNT_EVERY_MS;
      for (const entry of isFresh ? known.entries : this.#look(family)) count(entry, service, counts);
    }
    return counts;
  }

  /** The same for any number of connections. Throws SysError. */
  async count(service: KernelService): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const family of familiesOf(service)) {
      await this.#tools.slices.forEach(filterOf(family, service), (entry) => count(entry, service, counts));
    }
    return counts;
  }

  /**
   * Ends connections of the service. Those to an address that is let go end before this returns, where there are few: a moment later the
   * address may be another machine's. All others end soon after, several services with one look. Rules must send new ones elsewhere by
   * now. Never throws.
   */
  cut(service: KernelService, which: Which): void {
    try {
      if (which.vip !== undefined && this.#tools.slices.total() <= SMALL) return this.#cutNow(service, which);
    } catch (error) {
      return this.#complain(error);
    }
    this.#cutSoon({ service, which });
  }

  /**
   * The service has backends where it had none. Datagrams to it that came meanwhile are the beginning of a flow to this machine itself for
   * the kernel, and the flow stays that as long as the client goes on: it is made to forget these flows soon. The first time in this run it
   * is made to forget connections of an earlier one, too, whose backends are nobody's any more: no check would ever end them. Never throws.
   */
  gather(service: KernelService): void {
    const { protocol, port, vips } = service;
    const places = (vips ?? []).map((vip) => `${protocol} ${port} ${vip}`);
    const isFirst = places.some((place) => !this.#met.has(place));
    for (const place of places) this.#met.add(place);
    if (isFirst) this.#cutSoon({ service, which: "strays and strangers" });
    else if (protocol === "udp") this.#cutSoon({ service, which: "strays" });
  }

  #cutSoon(due: Due): void {
    this.#due.push(due);
    if (this.#due.length > 1) return;
    this.#working = this.#working.then(() => this.#cutDue()).catch((error) => this.#complain(error));
  }

  /** The service's balancer is gone, and its connections go on: they end when their address goes, or at the end of all. */
  leave(service: KernelService): void {
    const { protocol, port, backends } = service;
    const key = JSON.stringify([protocol, port, backends.map(({ address, port }) => backendName(address, port))]);
    this.#left.delete(key);
    this.#left.set(key, service);
    for (const oldest of [...this.#left.keys()].slice(0, Math.max(0, this.#left.size - MOST_LEFT))) {
      this.#left.delete(oldest);
    }
  }

  /** Addresses of the backends that may have connections which were left behind. */
  leftBehind(): string[] {
    return [...this.#left.values()].flatMap(({ backends }) => backends.map(({ address }) => address));
  }

  /** The hold on the address ends: what balancers have left behind ends with it, see {@link cut}. Those that serve cut their own. */
  released(ip: string): void {
    for (const service of this.#left.values()) this.cut(service, { vip: ip });
  }

  /** Resolves when everything that was to be cut is. */
  settled(): Promise<void> {
    return this.#working;
  }

  /** Ends what was left behind, and lets go of the kernel after what is under way. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const service of this.#left.values()) this.cut(service, {});
    await this.#working;
    this.#tools.list.close();
    await this.#tools.slices.close();
    this.#tools.raw?.close();
  }

  #cutNow(service: KernelService, which: Which): void {
    let nudged = false;
    for (const family of familiesOf(service, which)) {
      for (const entry of this.#thisTurn.get(family) ?? this.#look(family)) {
        if (!isWanted(entry, service, which)) continue;
        this.#tools.slices.delete(entry);
        nudged = this.#nudge(entry, which) || nudged;
      }
    }
    // The address may be another machine's a moment later: then the answers would go there.
    if (nudged) this.#tools.pause(ANSWER_MS);
  }

  async #cutDue(): Promise<void> {
    const due = this.#due.splice(0);
    const local = new Set(due.some(({ service }) => service.vips === null) ? this.#tools.localAddresses() : []);
    const isDue = (entry: ConntrackEntry, { service, which }: Due): boolean => {
      if (typeof which === "object") return isWanted(entry, service, which);
      if (!isTo(entry, service, local)) return false;
      if ((entry.status & CtStatus.DST_NAT) === 0) return service.protocol === "udp";
      return which === "strays and strangers" && this.#isStrange(entry, service);
    };
    const families = due.flatMap(({ service, which }) => familiesOf(service, typeof which === "object" ? which : {}));
    for (const family of new Set(families)) {
      await this.#tools.slices.forEach({ family }, (entry) => {
        const wanted = due.find((one) => isDue(entry, one));
        if (wanted === undefined) return;
        this.#tools.slices.delete(entry);
        this.#nudge(entry, typeof wanted.which === "object" ? wanted.which : {});
      });
    }
  }

  /** Whether it goes to a backend of neither the service nor anything that was left behind. */
  #isStrange(entry: ConntrackEntry, service: KernelService): boolean {
    return [service, ...this.#left.values()].every((one) => backendOf(entry, one) === null);
  }

  /** Every translated connection of the family. Several balancers that ask in one turn get one answer. */
  #look(family: 4 | 6): readonly ConntrackEntry[] {
    const entries = this.#tools.list.list({ family }).filter(({ status }) => (status & CtStatus.DST_NAT) !== 0);
    this.#known.set(family, { atMs: this.#tools.clock.now(), entries });
    if (this.#thisTurn.size === 0) queueMicrotask(() => this.#thisTurn.clear());
    this.#thisTurn.set(family, entries);
    return entries;
  }

  /** Makes both ends of a live TCP connection speak; a backend that is cut for being dead is left alone. */
  #nudge(entry: ConntrackEntry, which: Which): boolean {
    const { raw } = this.#tools;
    if (raw === null || entry.original.protocol !== PROTOCOL_NUMBER.tcp || !isLive(entry)) return false;
    const { original, reply } = entry;
    const ends: [TcpEnd, TcpEnd][] = [[
      end(original.destination, original.destinationPort),
      end(original.source, original.sourcePort),
    ]];
    if (which.backend === undefined) {
      ends.push([end(reply.destination, reply.destinationPort), end(reply.source, reply.sourcePort)]);
    }
    // Half of all numbers away from either end's is far from every window; the connection's identity is as good a number as any.
    for (const [from, to] of ends) raw.send(bareAcknowledgement(from, to, entry.id), to.ip);
    return true;
  }

  #complain(error: unknown): void {
    if (!(error instanceof SysError)) throw error;
    this.#log.warning("Cannot end connections", { reason: error.message });
  }
}

function familiesOf({ vips, backends }: KernelService, which: Which = {}): (4 | 6)[] {
  if (which.vip !== undefined) return [parsed(which.vip).family];
  const ips = vips ?? backends.map(({ address }) => address);
  return [...new Set(ips.map((ip) => parsed(ip).family))];
}

function filterOf(family: 4 | 6, { protocol }: KernelService): ConntrackFilter {
  return { family, protocol: PROTOCOL_NUMBER[protocol] };
}

function isWanted(entry: ConntrackEntry, service: KernelService, which: Which): boolean {
  const name = backendOf(entry, service);
  const isAsked = which.vip === undefined || ipFromBytes(entry.original.destination).text === which.vip;
  return name !== null && isAsked && (which.backend === undefined || which.backend === name);
}

/** Whether its client asked for the service, as far as its addresses and port tell. */
function isTo({ original }: ConntrackEntry, service: KernelService, local: ReadonlySet<string>): boolean {
  if (original.protocol !== PROTOCOL_NUMBER[service.protocol] || original.destinationPort !== service.port) {
    return false;
  }
  const { text } = ipFromBytes(original.destination);
  return service.vips?.includes(text) ?? local.has(text);
}

/** The backend's name, if it is a connection of the service. */
function backendOf({ original, reply, status }: ConntrackEntry, service: KernelService): string | null {
  if (original.protocol !== PROTOCOL_NUMBER[service.protocol] || original.destinationPort !== service.port) return null;
  if ((status & CtStatus.DST_NAT) === 0) return null;
  // Others translate, too, and maybe from the same port to the same backend.
  if (service.vips?.includes(ipFromBytes(original.destination).text) === false) return null;
  const name = backendName(ipFromBytes(reply.source).text, reply.sourcePort);
  return service.backends.some(({ address, port }) => backendName(address, port) === name) ? name : null;
}

function count(entry: ConntrackEntry, service: KernelService, counts: Map<string, number>): void {
  const name = isLive(entry) ? backendOf(entry, service) : null;
  if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1);
}

function isLive({ original, tcpState }: ConntrackEntry): boolean {
  return original.protocol !== PROTOCOL_NUMBER.tcp || LIVE_STATES.includes(tcpState ?? TcpState.NONE);
}

/** The name of a backend in counts. */
export function backendName(address: string, port: number): string {
  return `${address} ${port}`;
}

function end(bytes: Uint8Array, port: number): TcpEnd {
  return { ip: ipFromBytes(bytes), port };
}
