/**
 * BFD against the daemons of routers: this process on one machine, a daemon on another, a switch between them that can be made to forward
 * nothing without either noticing, and an ear on both cables that tells when who said what.
 */
import { assert } from "../../mod/base/assert.ts";
import { PathMonitor } from "../../mod/bfd/monitor.ts";
import { UdpBfdNetwork } from "../../mod/bfd/network.ts";
import type { BfdChange, BfdPath, BfdState, BfdWatch } from "../../mod/bfd/types.ts";
import { BfdPort } from "../../mod/linux/bfd_socket.ts";
import { PacketSocket } from "../../mod/linux/packet_socket.ts";
import { Poller } from "../../mod/linux/poller.ts";
import { ordinaryPriority, raisePriority } from "../../mod/linux/priority.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { type BfdPacket, decodeBfd } from "../../mod/net/bfd.ts";
import { EtherType } from "../../mod/net/ethernet.ts";
import { formatIp } from "../../mod/net/ip.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { AHEAD_OF_OTHERS, Child } from "./child.ts";
import { makeDirectory } from "./directory.ts";
import { type Machine, Network } from "./network.ts";
import { station } from "./plan.ts";
import { Changes, sleep } from "./time.ts";

const BRIDGE = "switch";
const ETHERNET_BYTES = 14;
/** Where in an IP header without options things are. */
const LAYOUTS = new Map([
  [EtherType.ipv4 as number, { bytes: 20, protocol: 9, hopLimit: 8, source: [12, 16] as const }],
  [EtherType.ipv6, { bytes: 40, protocol: 6, hopLimit: 7, source: [8, 24] as const }],
]);
const ETH_P_ALL = 3;
const UDP_BYTES = 8;
const PROTOCOL_UDP = 17;
/** Packets of a minute at the fastest that the tests use. */
const KEEP = 10_000;

const TICK_MS = 5;
const LINK_MS = 10_000;

/** A control packet on a cable. */
export interface Heard {
  readonly atMs: number;
  /** Canonical text. */
  readonly source: string;
  readonly sourcePort: number;
  readonly port: number;
  readonly hopLimit: number;
  readonly trafficClass: number;
  readonly packet: BfdPacket;
}

/** A change that the monitor told. */
export interface Told extends BfdChange {
  readonly atMs: number;
}

/** A moment from which something counts, and how long it may take from now. */
interface Wait {
  readonly sinceMs: number;
  readonly limitMs: number;
}

function fail(error: unknown): never {
  throw error;
}

/** The laboratory. Whoever made it closes it. */
export class BfdLab {
  readonly ours: Machine;
  readonly router: Machine;
  readonly monitor: PathMonitor;
  /** What either machine has sent, oldest first. */
  readonly heard: { ours: Heard[]; router: Heard[] } = { ours: [], router: [] };
  readonly changes = new Changes();
  readonly #network: Network;
  readonly #switch: RouteSocket;
  readonly #poller: Poller;
  readonly #ears: PacketSocket[] = [];
  readonly #late: { readonly atMs: number; readonly lateMs: number }[] = [];
  readonly #ticking: ReturnType<typeof setInterval>;
  readonly #daemons: Child[] = [];
  readonly #directories: string[] = [];

  private constructor() {
    this.#network = Network.create();
    this.ours = this.#network.connect(station("ours", 1));
    this.router = this.#network.connect(station("router", 2));
    this.#switch = this.#network.inside(() => new RouteSocket());
    this.#poller = new Poller(fail);
    const network = new UdpBfdNetwork({ poller: this.#poller, random: Math.random, onError: fail });
    this.monitor = new PathMonitor({ network, clock: systemClock, random: Math.random });
    for (const who of ["ours", "router"] as const) this.#listen(who);
    this.#ticking = this.#tick();
  }

  /** Makes the laboratory for `body` and closes it. */
  static async with(body: (lab: BfdLab) => Promise<void>): Promise<void> {
    // As the program itself does.
    raisePriority();
    try {
      const lab = new BfdLab();
      try {
        await lab.#linksAreUp();
        await body(lab);
      } finally {
        await lab.#close();
      }
    } finally {
      ordinaryPriority();
    }
  }

  /** Watches a path from our machine. */
  watch(path: BfdPath): Watched {
    const told: Told[] = [];
    const watch = this.ours.inside(() =>
      this.monitor.watch(path, (change) => {
        told.push({ ...change, atMs: performance.now() });
        this.changes.changed();
      })
    );
    return { watch, told, path };
  }

  /** The link-local address of a machine. */
  linkLocal(machine: Machine): string {
    const found = linkLocalOf(machine);
    assert(found !== null, `${machine.name} has a link-local address`);
    return found;
  }

  /** How late this process was since a moment, at most: what it has noted is not known better than that. */
  lateMs(sinceMs: number): number {
    return Math.max(0, ...this.#late.filter(({ atMs }) => atMs >= sinceMs).map(({ lateMs }) => lateMs));
  }

  /** From now on nothing gets from one machine to the other; neither loses its carrier. */
  cut(): number {
    this.#switch.setDown(this.#bridge());
    return performance.now();
  }

  /** Ends {@link cut}. */
  heal(): number {
    this.#switch.setUp(this.#bridge());
    return performance.now();
  }

  /** What the router said when it said this state first, at or after a moment. */
  routerSays(state: BfdState, { from, sinceMs, limitMs }: { from: string } & Wait): Promise<Heard> {
    const said = (each: Heard): boolean => each.atMs >= sinceMs && each.source === from && each.packet.state === state;
    return this.changes.until(() => this.heard.router.find(said) ?? null, limitMs, `${state} from ${from}`);
  }

  /** When our monitor told of this state first, at or after a moment. */
  told({ told, path }: Watched, state: BfdState, { sinceMs, limitMs }: Wait): Promise<number> {
    const found = (): Told | undefined => told.find((each) => each.atMs >= sinceMs && each.state === state);
    return this.changes.until(() => found()?.atMs ?? null, limitMs, `${state} of ${path.remoteIp}`);
  }

  /** Why a path cannot be watched from a machine; empty if it can, which ends at once. */
  attempt(machine: Machine, path: BfdPath): string {
    const network = new UdpBfdNetwork({ poller: this.#poller, random: Math.random, onError: fail });
    try {
      machine.inside(() => network.open(path));
      return "";
    } catch (error) {
      return String(error);
    } finally {
      network.close();
    }
  }

  /** A directory for a program of the router. */
  async directory(): Promise<string> {
    const directory = await makeDirectory("kube-vip-bfd-");
    this.#directories.push(directory);
    return directory;
  }

  /** Starts a program on the router. */
  daemon(name: string, command: readonly string[]): Child {
    // A router has its own machine; BFD ends sessions where it has to wait for a processor.
    const child = Child.start([...AHEAD_OF_OTHERS, ...command], { name, inside: this.router.inside });
    this.#daemons.push(child);
    return child;
  }

  /** Notes how late each of its turns is. */
  #tick(): ReturnType<typeof setInterval> {
    let dueMs = performance.now() + TICK_MS;
    return setInterval(() => {
      const atMs = performance.now();
      this.#late.push({ atMs, lateMs: Math.max(0, atMs - dueMs) });
      if (this.#late.length > KEEP) this.#late.splice(0, KEEP / 2);
      dueMs = atMs + TICK_MS;
    }, TICK_MS);
  }

  /** The kernel gives link-local addresses when it gets round to the carrier. */
  async #linksAreUp(): Promise<void> {
    const untilMs = performance.now() + LINK_MS;
    for (const machine of [this.ours, this.router]) {
      while (linkLocalOf(machine) === null) {
        assert(performance.now() < untilMs, `${machine.name} has a link-local address`);
        await sleep(TICK_MS);
      }
    }
  }

  #bridge(): number {
    const link = this.#switch.linkByName(BRIDGE);
    assert(link !== null, "there is a switch");
    return link.index;
  }

  #listen(who: "ours" | "router"): void {
    const link = this.#switch.linkByName(this[who].station.port);
    assert(link !== null, `a cable to ${who}`);
    // Only sockets for every type get what a bridge takes from its ports.
    const ear = this.#network.inside(() => new PacketSocket({ linkIndex: link.index, etherType: ETH_P_ALL }));
    this.#ears.push(ear);
    this.#poller.watch(ear.fd, () => void ear.drain((frame) => this.#hear(this.heard[who], frame)));
  }

  #hear(list: Heard[], frame: Uint8Array): void {
    const heard = readFrame(frame);
    if (heard === null) return;
    list.push(heard);
    if (list.length > KEEP) list.splice(0, KEEP / 2);
    this.changes.changed();
  }

  async #close(): Promise<void> {
    clearInterval(this.#ticking);
    this.monitor.close();
    for (const daemon of this.#daemons.reverse()) await daemon.stop();
    await this.#poller.close();
    for (const ear of this.#ears) ear.close();
    this.#switch.close();
    this.#network.close();
    for (const directory of this.#directories) await Deno.remove(directory, { recursive: true });
  }
}

function linkLocalOf({ routes, linkIndex }: Machine): string | null {
  const listed = routes.addresses().filter((address) => address.linkIndex === linkIndex);
  return listed.find(({ ip }) => ip.startsWith("fe80:"))?.ip ?? null;
}

/** A path under watch. */
export interface Watched {
  readonly watch: BfdWatch;
  readonly told: readonly Told[];
  readonly path: BfdPath;
}

/** A BFD packet in an Ethernet frame; null for anything else. */
function readFrame(frame: Uint8Array): Heard | null {
  const etherType = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  const layout = LAYOUTS.get(etherType);
  const ip = frame.subarray(ETHERNET_BYTES);
  if (layout === undefined || ip[layout.protocol] !== PROTOCOL_UDP) return null;
  const udp = ip.subarray(layout.bytes);
  const view = new DataView(udp.buffer, udp.byteOffset, udp.byteLength);
  const port = view.getUint16(2);
  if (port !== BfdPort.singleHop && port !== BfdPort.multihop) return null;
  return {
    atMs: performance.now(),
    source: formatIp(ip.subarray(...layout.source)),
    sourcePort: view.getUint16(0),
    port,
    hopLimit: ip[layout.hopLimit] ?? 0,
    trafficClass: etherType === EtherType.ipv4 ? ip[1] ?? 0 : (((ip[0] ?? 0) & 0xf) << 4) | ((ip[1] ?? 0) >> 4),
    packet: decodeBfd(udp.subarray(UDP_BYTES)),
  };
}
