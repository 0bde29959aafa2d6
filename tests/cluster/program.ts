/** The product as `manager` on control-plane nodes, each beside an API server of its own. */

import { join } from "node:path";
import { type Daemon, type Launch, type Place, productCommand, stateDirectory, takesPart } from "../lab/daemon.ts";
import { Lab } from "../lab/lab.ts";
import type { Machine } from "../lab/network.ts";
import { PEER_PORT, type Station, VIP_4, VIP_6 } from "../lab/plan.ts";
import type { ProgramPaths } from "../kubernetes/build.ts";
import { ApiServerCluster } from "../kubernetes/cluster.ts";
import { nodeUser } from "../kubernetes/users.ts";

/** Times of the Lease in seconds, as client-go orders them. */
export interface LeaseSeconds {
  readonly duration: number;
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

/** What the nodes run. */
export interface ManagerOptions {
  readonly times: LeaseSeconds;
  readonly election: "kubernetes" | "peers";
  /** More variables for one node; those of the same name are replaced. `directory` is the node's own. */
  readonly env?: (local: Station, directory: string) => Readonly<Record<string, string>>;
  /** In place of all variables that say what to do. */
  readonly bare?: true;
  /** Goes before the program's own command line. */
  readonly before?: (local: Station, directory: string) => readonly string[];
}

const METRICS = ":2112";
const HEALTH_PORT = 10355;

/** Environment of a static Pod in the words of upstream's manifests. */
export class ManagerProgram implements Daemon {
  readonly name = "kube-vip manager";
  readonly leavesAddresses = false;
  readonly #command: readonly string[];
  readonly #options: ManagerOptions;
  readonly #secret = crypto.randomUUID().replaceAll("-", "");

  constructor(command: readonly string[], options: ManagerOptions) {
    this.#command = command;
    this.#options = options;
  }

  prepare({ local, nodes, directory }: Place): Launch {
    const { times, election, env, before } = this.#options;
    const peer = (node: Station): string => `${node.name}:${node.ip4}:${PEER_PORT}`;
    const peers = {
      "vip_leaderelectiontype": "peers",
      "vip_localpeer": peer(local),
      "vip_peers": nodes.map(peer).join(","),
      "vip_peersecret": this.#secret,
    };
    const usual = {
      "vip_arp": "true",
      "cp_enable": "true",
      "vip_interface": local.device,
      "vip_nodename": local.name,
      address: `${VIP_4},${VIP_6}`,
      "vip_leaderelection": "true",
      "vip_leaseduration": String(times.duration),
      "vip_renewdeadline": String(times.renewDeadline),
      "vip_retryperiod": String(times.retryPeriod),
      "k8s_config_file": kubeconfigPath(directory),
      "prometheus_server": METRICS,
      "health_check_port": String(HEALTH_PORT),
      ...(election === "peers" ? peers : {}),
    };
    return {
      argv: [...before?.(local, directory) ?? [], ...this.#command, "manager"],
      env: {
        ...(this.#options.bare === true ? {} : usual),
        "vip_statedir": stateDirectory(directory),
        ...env?.(local, directory),
      },
    };
  }

  isReady(place: Place): Promise<boolean> {
    return takesPart(place);
  }
}

/** Where a node finds its kubeconfig. */
export function kubeconfigPath(directory: string): string {
  return join(directory, "admin.conf");
}

/** Control-plane nodes, and the API servers behind them. */
export interface World {
  readonly lab: Lab;
  readonly cluster: ApiServerCluster;
}

/** Makes three control-plane nodes with an API server each, uses them and disposes of them. Nothing of ours runs yet. */
export async function withWorld(
  paths: ProgramPaths,
  options: ManagerOptions,
  use: (world: World) => Promise<void>,
): Promise<void> {
  const daemon = new ManagerProgram(await productCommand(), options);
  await Lab.with({ daemon }, async (lab) => {
    const machines = lab.nodes.map((node) => node.machine);
    await ApiServerCluster.with({ paths, machines }, async (cluster) => {
      for (const { machine, place } of lab.nodes) writeKubeconfig(cluster, machine, place.directory);
      await use({ lab, cluster });
    });
  });
}

/** Lets the node in `directory` reach the API server beside it as a user of its own. */
export function writeKubeconfig(cluster: ApiServerCluster, machine: Machine, directory: string): void {
  Deno.writeTextFileSync(kubeconfigPath(directory), cluster.of(machine).kubeconfig(nodeUser(machine)), { mode: 0o600 });
}
