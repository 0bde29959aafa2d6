/** The cables of the laboratory: one switch, and machines with one network card each, all of them namespaces of this kernel. */

import { assert } from "../../mod/base/assert.ts";
import { deleteTable } from "../../mod/net/netlink/nftables.ts";
import { formatMac } from "../../mod/net/mac.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { NftSocket } from "../../mod/linux/nft_socket.ts";
import { type Removal, RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { writeSysctl } from "../../mod/linux/sysctl.ts";
import { ip, PREFIX_LENGTH_4, PREFIX_LENGTH_6, type Station } from "./plan.ts";

const BRIDGE = "switch";

/** A machine on the switch. Closed by its {@link Network}. */
export class Machine {
  readonly station: Station;
  readonly namespace: Namespace;
  readonly routes: RouteSocket;
  /** Of its network card, as text. */
  readonly mac: string;
  readonly linkIndex: number;

  constructor(station: Station, made: { namespace: Namespace; routes: RouteSocket; mac: string; linkIndex: number }) {
    this.station = station;
    this.namespace = made.namespace;
    this.routes = made.routes;
    this.mac = made.mac;
    this.linkIndex = made.linkIndex;
  }

  get name(): string {
    return this.station.name;
  }

  /** Runs something synchronous on this machine. */
  readonly inside = <T>(action: () => T): T => this.namespace.run(action);

  /** Adds an address for good, usable at once. */
  addAddress(text: string, prefixLength: number): void {
    this.routes.putAddress({
      ip: ip(text),
      prefixLength,
      linkIndex: this.linkIndex,
      validSeconds: Infinity,
      preferredSeconds: Infinity,
      nodad: true,
      protocol: 0,
    });
  }

  /** Takes an address away if it is there. */
  removeAddress(text: string, prefixLength: number): Removal {
    return this.routes.removeAddress(ip(text), prefixLength, this.linkIndex);
  }

  /** Its addresses as the kernel lists them, without the link-local ones. */
  addresses(): string[] {
    const listed = this.routes.addresses().filter((address) => address.linkIndex === this.linkIndex);
    return listed.map((address) => address.ip).filter((text) => !text.startsWith("fe80:")).sort();
  }
}

/** The names of the nftables tables of a machine. */
export function tablesOf(machine: Machine): string[] {
  const socket = machine.inside(() => new NftSocket());
  try {
    return socket.tables().map(({ family, table }) => `${family} ${table}`).sort();
  } finally {
    socket.close();
  }
}

/** Removes every nftables table of a machine, as `nft flush ruleset` does. */
export function flushTables(machine: Machine): void {
  const socket = machine.inside(() => new NftSocket());
  try {
    socket.commit(socket.tables().map(deleteTable));
  } finally {
    socket.close();
  }
}

/** The switch and what hangs on it. Whoever made it closes it. */
export class Network {
  readonly machines: Machine[] = [];
  readonly #namespace: Namespace;
  readonly #routes: RouteSocket;
  readonly #bridgeIndex: number;

  private constructor(namespace: Namespace, routes: RouteSocket) {
    this.#namespace = namespace;
    this.#routes = routes;
    this.#bridgeIndex = routes.addBridge(BRIDGE).index;
    namespace.run(likeASwitch);
    routes.setUp(this.#bridgeIndex);
  }

  /** Makes a switch without machines. Throws SysError without the privilege. */
  static create(): Network {
    const namespace = Namespace.create();
    const routes = namespace.run(() => new RouteSocket());
    try {
      return new Network(namespace, routes);
    } catch (error) {
      routes.close();
      namespace.close();
      throw error;
    }
  }

  /** Connects a new machine and switches it on. */
  connect(station: Station): Machine {
    const namespace = Namespace.create();
    const routes = namespace.run(() => new RouteSocket());
    try {
      const machine = this.#wire(station, namespace, routes);
      this.machines.push(machine);
      return machine;
    } catch (error) {
      routes.close();
      namespace.close();
      throw error;
    }
  }

  /** Pulls the cable of a machine: it sees its carrier go. */
  cut(machine: Machine): void {
    this.#routes.setDown(this.#port(machine));
  }

  /** Puts the cable back. */
  mend(machine: Machine): void {
    this.#routes.setUp(this.#port(machine));
  }

  /** Runs something synchronous on the switch. */
  readonly inside = <T>(action: () => T): T => this.#namespace.run(action);

  /** Lets go of everything; namespaces end with their last process. */
  close(): void {
    for (const machine of this.machines.splice(0)) {
      machine.routes.close();
      machine.namespace.close();
    }
    this.#routes.close();
    this.#namespace.close();
  }

  #wire(station: Station, namespace: Namespace, routes: RouteSocket): Machine {
    namespace.run(skipDuplicateDetection);
    const { device, port } = station;
    const end = this.#routes.addVeth({ name: port, peerName: device, peerNamespaceFd: namespace.fd });
    this.#routes.setMaster(end.index, this.#bridgeIndex);
    this.#routes.setUp(end.index);
    const loopback = routes.linkByName("lo");
    if (loopback !== null) routes.setUp(loopback.index);
    const card = routes.linkByName(device);
    assert(card !== null, `${station.name} has ${device}`);
    routes.setUp(card.index);
    const machine = new Machine(station, { namespace, routes, mac: formatMac(card.mac), linkIndex: card.index });
    machine.addAddress(station.ip4, PREFIX_LENGTH_4);
    machine.addAddress(station.ip6, PREFIX_LENGTH_6);
    return machine;
  }

  #port(machine: Machine): number {
    const link = this.#routes.linkByName(machine.station.port);
    assert(link !== null, `the switch has ${machine.station.port}`);
    return link.index;
  }
}

/** A switch does not look into packets; a bridge shows them to the filters of its own machine, which costs the processors that proxies need. */
function likeASwitch(): void {
  for (const name of ["iptables", "ip6tables", "arptables"]) writeSysctl(["bridge", `bridge-nf-call-${name}`], "0");
}

/** Link-local addresses are usable at once. Where the kernel's settings are read-only they take two seconds. */
function skipDuplicateDetection(): void {
  for (const path of ["accept_dad", "dad_transmits"]) {
    try {
      Deno.writeTextFileSync(`/proc/sys/net/ipv6/conf/default/${path}`, "0");
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied) && !/read-only/i.test(String(error))) throw error;
    }
  }
}
