/** The network on which the API servers reach etcd: a second card in every node, and a switch that is also etcd's own machine. */

import { assert } from "../../mod/base/assert.ts";
import { Namespace } from "../../mod/linux/namespace.ts";
import { RouteSocket } from "../../mod/linux/rtnetlink.ts";
import { ip } from "../lab/plan.ts";
import type { Machine } from "../lab/network.ts";

/** The nodes' device on this network. */
export const MANAGEMENT_DEVICE = "mgmt0";
/** Of the switch, where etcd listens. */
export const MANAGEMENT_ADDRESS = "10.97.0.254";

const PREFIX_LENGTH = 24;
const BRIDGE = "mgmt";

/** A star of cables with etcd in the middle. Whoever made it closes it. */
export class Management {
  readonly #namespace: Namespace;
  readonly #routes: RouteSocket;
  readonly #bridge: number;
  /** The switch's end of each node's cable. */
  readonly #ports = new Map<Machine, number>();

  private constructor(namespace: Namespace, routes: RouteSocket) {
    this.#namespace = namespace;
    this.#routes = routes;
    this.#bridge = routes.addBridge(BRIDGE).index;
    const loopback = routes.linkByName("lo");
    assert(loopback !== null, "a namespace has a loopback device");
    for (const index of [loopback.index, this.#bridge]) routes.setUp(index);
    addAddress(routes, MANAGEMENT_ADDRESS, this.#bridge);
  }

  /** Makes the switch and gives each machine a card on it. Throws SysError without the privilege. */
  static create(machines: readonly Machine[]): Management {
    const namespace = Namespace.create();
    const routes = namespace.run(() => new RouteSocket());
    try {
      const made = new Management(namespace, routes);
      for (const machine of machines) made.#connect(machine);
      return made;
    } catch (error) {
      routes.close();
      namespace.close();
      throw error;
    }
  }

  /** Runs something synchronous where etcd is. */
  readonly inside = <T>(action: () => T): T => this.#namespace.run(action);

  /** Pulls the cable of a machine. */
  cut(machine: Machine): void {
    this.#routes.setDown(this.#port(machine));
  }

  /** Puts the cable back. */
  mend(machine: Machine): void {
    this.#routes.setUp(this.#port(machine));
  }

  /** Lets go of everything. */
  close(): void {
    this.#routes.close();
    this.#namespace.close();
  }

  #connect(machine: Machine): void {
    const number = this.#ports.size + 1;
    const port = `m-${machine.name}`;
    const end = this.#routes.addVeth({
      name: port,
      peerName: MANAGEMENT_DEVICE,
      peerNamespaceFd: machine.namespace.fd,
    });
    this.#ports.set(machine, end.index);
    this.#routes.setMaster(end.index, this.#bridge);
    this.#routes.setUp(end.index);
    const card = machine.routes.linkByName(MANAGEMENT_DEVICE);
    assert(card !== null, `${machine.name} has ${MANAGEMENT_DEVICE}`);
    machine.routes.setUp(card.index);
    addAddress(machine.routes, `10.97.0.${number}`, card.index);
  }

  #port(machine: Machine): number {
    const index = this.#ports.get(machine);
    assert(index !== undefined, `${machine.name} is on the management network`);
    return index;
  }
}

function addAddress(routes: RouteSocket, text: string, linkIndex: number): void {
  routes.putAddress({
    ip: ip(text),
    prefixLength: PREFIX_LENGTH,
    linkIndex,
    validSeconds: Infinity,
    preferredSeconds: Infinity,
    nodad: true,
    protocol: 0,
  });
}
