/**
 * The one nftables table of all kernel balancers of this process. It is there from the first service until it is closed, also without any
 * service in it: the kernel translates the packets of connections that stand only as long as somebody has chains of NAT.
 *
 * Where the kernel lets a process own a table (Linux 5.12) nobody else can change or flush it, and it ends with the process, however that
 * ends. Elsewhere the table is looked at many times a second and built anew when somebody has removed it.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { Errno, SysError } from "../../linux/errno.ts";
import type { NftSocket } from "../../linux/nft_socket.ts";
import type { ElementRecord } from "../../net/netlink/nft_dump.ts";
import type { SetName } from "../../net/netlink/nftables.ts";
import { getLog, type Log } from "../../observe/log.ts";
import { elementsFor } from "./slots.ts";
import { changeTable, installTable, removeTable, type TableFeatures } from "./program.ts";
import { BALANCE, BALANCE_TABLE, counterOf, serviceKey } from "./words.ts";
import type { BackendCount, KernelService } from "./types.ts";

/** A table that may be flushed is looked for this often. */
const LOOK_MS = 30;
/** Its rules are compared this often. */
const COMPARE_MS = 2000;
/** What the kernel refused is tried again after this time. */
const RETRY_MS = 1000;
/** The whole table has to fit into one batch of a megabyte; an element takes at most some 90 bytes. */
const MOST_ELEMENTS = 11_000;

/** What of {@link NftSocket} is needed here. */
export type BalanceTables = Pick<
  NftSocket,
  "commit" | "generation" | "tables" | "chains" | "rules" | "sets" | "elements" | "close"
>;

/** What a table is made with. */
export interface KernelTableOptions {
  /** Opens a socket that the table closes; throws SysError. */
  readonly open: () => BalanceTables;
  readonly clock: Clock;
  /** See {@link TableFeatures.takesUp}; asked whenever the table is built. @default {() => true} */
  readonly takesUp?: () => boolean;
  /** `never`: as on kernels without owned tables. @default {"where-possible"} */
  readonly own?: "where-possible" | "never";
}

/** Whether this kernel takes the table, tried with a batch that leaves nothing behind. */
export type KernelProbe =
  | { readonly outcome: "works" }
  | { readonly outcome: "lacking"; readonly why: string };

/** A service that takes part in every check of the kernel: both families, both ways to choose. */
const SAMPLE: KernelService = {
  protocol: "tcp",
  port: 1,
  vips: [],
  affinity: "none",
  preserveClientAddress: false,
  backends: [
    { address: "127.0.0.1", port: 1, weight: 1, usable: true },
    { address: "::1", port: 1, weight: 1, usable: true },
  ],
};
const SAMPLES: readonly KernelService[] = [SAMPLE, { ...SAMPLE, protocol: "udp", vips: null, affinity: "source" }];

/** What is tried, the best first. */
const FEATURES: readonly TableFeatures[] = [true, false].flatMap((owned) =>
  [true, false].map((timeLimits) => ({ owned, timeLimits, takesUp: true }))
);

/** Owned by the agent, which closes it after the balancers. */
export class KernelTable {
  readonly #options: KernelTableOptions;
  readonly #log: Log = getLog("balance");
  readonly #wanted = new Map<string, KernelService>();
  /** What was counted in tables that are gone, by service, backend and kind. */
  readonly #before = new Map<string, BackendCount>();
  /** What was counted by element, of each set that was read since the event loop last went on: all balancers are asked in one turn. */
  readonly #thisTurn = new Map<string, ReadonlyMap<string, ElementRecord["counted"]>>();
  #socket: BalanceTables | null = null;
  /** What the table holds; null: no table, or none that can be relied on. */
  #applied: readonly KernelService[] | null = null;
  /** Whether a table of ours may be there, whatever state it is in. */
  #isThere = false;
  #features: TableFeatures = { owned: true, timeLimits: true, takesUp: true };
  #works = false;
  #timer: Timer | null = null;
  /** What the whole table looks like; null: not known. */
  #shape: string | null = null;
  #comparedMs = 0;
  #generation = 0;
  #builds = 0;
  #complaint = "";

  constructor(options: KernelTableOptions) {
    this.#options = options;
  }

  /**
   * Whether the table can be had; tried until it can: one that is another process's may be given up. Leftovers of a process that was killed
   * are gone afterwards.
   */
  probe(): KernelProbe {
    if (this.#works) return { outcome: "works" };
    const probed = this.#probe();
    this.#works = probed.outcome === "works";
    return probed;
  }

  #probe(): KernelProbe {
    let why = "";
    for (const features of FEATURES.filter(({ owned }) => !owned || this.#options.own !== "never")) {
      try {
        this.#open().commit([...installTable(SAMPLES, features), ...removeTable()]);
        this.#features = features;
        if (!features.timeLimits) this.#log.info("The kernel's own time-outs apply to the balancers' connections");
        return { outcome: "works" };
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        why = reasonOf(error);
      } finally {
        this.#closeSocket();
      }
    }
    return { outcome: "lacking", why };
  }

  /**
   * Adds the service, or changes it, in one step for every packet. What the kernel refuses is logged and tried again; the table stays
   * as it was meanwhile.
   */
  put(service: KernelService): void {
    const before = this.#wanted.get(serviceKey(service));
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(service)) return;
    this.#wanted.set(serviceKey(service), service);
    this.#apply();
  }

  /** Gives the address to every service that is bound to addresses, in one step: each of their balancers is about to be told. */
  holdAddress(ip: string): void {
    this.#readdress((vips) => vips.includes(ip) ? vips : [...vips, ip]);
  }

  /** Takes the address from every service, in one step: each of their balancers is about to be told. */
  releaseAddress(ip: string): void {
    this.#readdress((vips) => vips.filter((one) => one !== ip));
  }

  /** Every commit takes the kernel milliseconds: one for all services. */
  #readdress(change: (vips: readonly string[]) => readonly string[]): void {
    let isChanged = false;
    for (const [key, service] of this.#wanted) {
      if (service.vips === null) continue;
      const vips = change(service.vips);
      if (vips.length === service.vips.length) continue;
      this.#wanted.set(key, { ...service, vips });
      isChanged = true;
    }
    // The first balancer of many has done it.
    if (isChanged) this.#apply();
  }

  /** Whether the service fits in with so many elements, see {@link elementsFor}, in place of what it has now. */
  hasRoomFor(elements: number, service: Pick<KernelService, "protocol" | "port">): boolean {
    const own = serviceKey(service);
    const present = [...this.#wanted].reduce((sum, [key, one]) => key === own ? sum : sum + sizeOf(one), 0);
    return present + elements <= MOST_ELEMENTS;
  }

  /** Takes the service out: its port is anybody's again. Connections that stand go on. */
  remove(service: Pick<KernelService, "protocol" | "port">): void {
    if (this.#wanted.delete(serviceKey(service))) this.#apply();
  }

  /** How often the table was built: of what an earlier one has counted a part may be lost. */
  get builds(): number {
    return this.#builds;
  }

  /** What was counted of each backend of a service that is in the table. Throws SysError. */
  counts(service: KernelService): BackendCount[] {
    return service.backends.map((backend) => {
      const before = this.#before.get(nameOf(service, backend)) ?? NOTHING;
      if (this.#applied === null) return before;
      const { connections, bytes, key } = counterOf(service, backend);
      return {
        connections: before.connections + (this.#counted(connections, key)?.packets ?? 0),
        bytes: before.bytes + (this.#counted(bytes, key)?.bytes ?? 0),
      };
    });
  }

  /** Whether any of them was given a connection. Throws SysError. */
  wasUsed(service: KernelService): boolean {
    return service.backends.some((backend) => {
      if ((this.#before.get(nameOf(service, backend))?.connections ?? 0) > 0) return true;
      if (this.#applied === null) return false;
      const { connections, key } = counterOf(service, backend);
      return (this.#counted(connections, key)?.packets ?? 0) > 0;
    });
  }

  #counted({ set }: SetName, key: Uint8Array): ElementRecord["counted"] {
    let elements = this.#thisTurn.get(set);
    if (elements === undefined) {
      elements = new Map(this.#elements(set).map((one) => [one.key.join(), one.counted]));
      if (this.#thisTurn.size === 0) queueMicrotask(() => this.#thisTurn.clear());
      this.#thisTurn.set(set, elements);
    }
    return elements.get(key.join());
  }

  /** Removes the table and what keeps it. Idempotent. */
  close(): void {
    this.clear();
    this.#closeSocket();
  }

  /**
   * Removes the table with every service. The socket stays for the next one: to close it the kernel takes a tenth of a second, in which it
   * waits for everything that was removed.
   */
  clear(): void {
    this.#wanted.clear();
    this.#timer?.cancel();
    this.#timer = null;
    try {
      if (this.#isThere) this.#open().commit(removeTable());
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.#log.warning("The balancers' rules could not be removed", { reason: error.message });
    }
    this.#isThere = false;
    this.#applied = null;
  }

  #open(): BalanceTables {
    this.#socket ??= this.#options.open();
    return this.#socket;
  }

  #closeSocket(): void {
    this.#socket?.close();
    this.#socket = null;
  }

  #elements(set: string): ElementRecord[] {
    return this.#socket?.elements({ ...BALANCE, set }) ?? [];
  }

  #apply(): void {
    try {
      this.#commit();
      if (this.#complaint !== "") this.#log.info("The kernel takes the balancers' rules again");
      this.#complaint = "";
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.#complain(error);
    }
    this.#arm();
  }

  #commit(): void {
    this.#thisTurn.clear();
    const wanted = [...this.#wanted.values()];
    if (wanted.length === 0 && !this.#isThere) return;
    if (this.#applied !== null) {
      try {
        const change = changeTable(this.#applied, wanted);
        this.#open().commit(change);
        this.#applied = wanted;
        return change.length === 0 ? undefined : this.#remember();
      } catch (error) {
        if (!(error instanceof SysError) || error.errno !== Errno.ENOENT) throw error;
        this.#log.warning("The balancers' rules had been changed by somebody, rebuilt");
      }
    }
    this.#install(wanted);
  }

  #install(wanted: readonly KernelService[]): void {
    if (this.#applied !== null) this.#carryOver();
    this.#applied = null;
    const takesUp = this.#options.takesUp?.() ?? true;
    this.#open().commit(installTable(wanted, { ...this.#features, takesUp }));
    this.#isThere = true;
    this.#builds++;
    this.#applied = wanted;
    this.#remember();
  }

  /** The table is as it should be: the next comparison takes its look as the measure. Dumps take too long to do it at once. */
  #remember(): void {
    this.#shape = null;
    this.#comparedMs = this.#options.clock.now();
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const failed = this.#complaint !== "";
    if (!failed && (this.#features.owned || !this.#isThere)) return;
    this.#timer = this.#options.clock.after(failed ? RETRY_MS : LOOK_MS, () => {
      this.#timer = null;
      this.#verify();
    });
  }

  #verify(): void {
    try {
      if (this.#applied !== null && this.#complaint === "" && this.#isWhole()) return this.#arm();
      if (this.#complaint === "") this.#log.warning("The balancers' rules had been removed by somebody, rebuilt");
      this.#applied = null;
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.#complain(error);
    }
    this.#apply();
  }

  #isWhole(): boolean {
    const socket = this.#open();
    const table = socket.tables().find((one) => one.family === BALANCE.family && one.table === BALANCE_TABLE);
    if (table === undefined || table.flags !== 0) return false;
    const now = this.#options.clock.now();
    if (now - this.#comparedMs < COMPARE_MS) return true;
    this.#comparedMs = now;
    const generation = socket.generation();
    if (this.#shape !== null && generation === this.#generation) return true;
    this.#generation = generation;
    const look = this.#look();
    if (look === this.#shape) return true;
    // While the kernel makes more or less room for a set, a list of it may have one element twice, and another one not.
    const again = this.#look();
    if (this.#shape === null && again === look) this.#shape = look;
    return this.#shape === null || again === this.#shape;
  }

  #look(): string {
    const socket = this.#open();
    const rules = socket.rules(BALANCE).map(({ chain, expressions }) => ({ chain, expressions }));
    const sets = socket.sets(BALANCE);
    const elements = sets.map((set) =>
      socket.elements(set).map(({ key, data, verdict }) => JSON.stringify([[...key], [...data ?? []], verdict])).sort()
    );
    return JSON.stringify([socket.chains(BALANCE), rules, sets, elements]);
  }

  /** Keeps what can still be read of a table that is to be replaced. */
  #carryOver(): void {
    for (const service of this.#applied ?? []) {
      try {
        const counts = this.counts(service);
        for (const [index, backend] of service.backends.entries()) {
          this.#before.set(nameOf(service, backend), counts[index] ?? NOTHING);
        }
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        // Gone with the table; counting starts anew.
      }
    }
  }

  #complain(error: SysError): void {
    // The table may well be there, and is to be replaced.
    this.#carryOver();
    this.#applied = null;
    if (this.#complaint === error.message) return;
    this.#complaint = error.message;
    this.#log.warning("The kernel refuses the balancers' rules, trying again", { reason: error.message });
  }
}

function sizeOf({ backends, affinity }: KernelService): number {
  return elementsFor(backends, affinity);
}

const NOTHING: BackendCount = { connections: 0, bytes: 0 };

function nameOf(service: KernelService, { address, port }: { address: string; port: number }): string {
  return `${serviceKey(service)} ${address} ${port}`;
}

function reasonOf(error: SysError): string {
  switch (error.errno) {
    case Errno.EPERM:
    case Errno.EACCES:
      return "changing nftables needs CAP_NET_ADMIN, or the table kube-vip-balance belongs to another process";
    default:
      return `this kernel's nftables cannot balance (${error.message})`;
  }
}
