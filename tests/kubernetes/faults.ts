/**
 * What may befall the API servers and the Lease, as data: each is begun and mended, and in between the laboratory looks who answers. A fault of
 * a server is one of the holder's server; the servers of the other nodes stay well.
 */

import { assert } from "../../mod/base/assert.ts";
import type { Machine } from "../lab/network.ts";
import type { ApiServerCluster } from "./cluster.ts";
import { blankLease, deleteLease, giveLease, type LeaseName } from "./lease.ts";
import type { ApiServer } from "./server.ts";

/** Names of the faults. */
export type ApiFaultName =
  | "API server down"
  | "API server restarted"
  | "API server hangs"
  | "API server slow"
  | "API server silent"
  | "API server without etcd"
  | "etcd hangs"
  | "Lease deleted"
  | "Lease blanked"
  | "Lease of a stranger";

/** Where a fault is done. */
export interface FaultPlace {
  readonly cluster: ApiServerCluster;
  /** The machine that holds the Lease. */
  readonly holder: Machine;
  readonly lease: LeaseName;
}

/** One fault. */
export interface ApiFault {
  readonly name: ApiFaultName;
  /** In words. */
  readonly title: string;
  /** Whether it lasts until {@link mend}; otherwise it is over when {@link begin} resolves, and mending does nothing. */
  readonly lasts: boolean;
  begin(place: FaultPlace): Promise<void>;
  /** Resolves when the server is ready again. */
  mend(place: FaultPlace): Promise<void>;
}

/** How late every request is at a slow server. */
export const SLOW_MS = 5000;
/** For how long the Lease of a stranger is valid. */
export const STRANGER_SECONDS = 10;
export const STRANGER = "stranger";

const READY_MS = 30_000;

function ofServer(fault: {
  name: ApiFaultName;
  title: string;
  begin: (server: ApiServer) => void | Promise<void>;
  mend: (server: ApiServer) => void | Promise<void>;
}): ApiFault {
  return {
    name: fault.name,
    title: fault.title,
    lasts: true,
    begin: async ({ cluster, holder }) => await fault.begin(cluster.of(holder)),
    mend: async ({ cluster, holder }) => {
      const server = cluster.of(holder);
      await fault.mend(server);
      await server.ready(READY_MS);
    },
  };
}

function atOnce(name: ApiFaultName, title: string, begin: ApiFault["begin"]): ApiFault {
  return { name, title, lasts: false, begin, mend: () => Promise.resolve() };
}

function etcdCable({ cluster }: FaultPlace): NonNullable<ApiServerCluster["management"]> {
  assert(cluster.management !== null, "etcd has a network of its own");
  return cluster.management;
}

/** The table. */
export const API_FAULTS: readonly ApiFault[] = [
  ofServer({
    name: "API server down",
    title: "the holder's API server is killed",
    begin: (server) => server.kill(),
    mend: (server) => server.start(),
  }),
  atOnce("API server restarted", "the holder's API server is restarted", async ({ cluster, holder }) => {
    const server = cluster.of(holder);
    await server.stop();
    server.start();
    await server.ready(READY_MS);
  }),
  ofServer({
    name: "API server hangs",
    title: "the process of the holder's API server is stopped",
    begin: (server) => server.pause(),
    mend: (server) => server.resume(),
  }),
  ofServer({
    name: "API server slow",
    title: `every request to the holder's API server takes ${SLOW_MS / 1000} s, watches go on`,
    begin: (server) => server.setRoad({ kind: "slow", delayMs: SLOW_MS }),
    mend: (server) => server.setRoad({ kind: "good" }),
  }),
  ofServer({
    name: "API server silent",
    title: "nothing gets through between the holder and its API server, which is well",
    begin: (server) => server.setRoad({ kind: "silent" }),
    mend: (server) => server.setRoad({ kind: "good" }),
  }),
  {
    name: "API server without etcd",
    title: "the holder's API server is cut off from etcd",
    lasts: true,
    begin: (place) => Promise.resolve(etcdCable(place).cut(place.holder)),
    mend: async (place) => {
      etcdCable(place).mend(place.holder);
      await place.cluster.of(place.holder).ready(READY_MS);
    },
  },
  {
    name: "etcd hangs",
    title: "etcd is stopped: every API server is there and none can do anything",
    lasts: true,
    begin: ({ cluster }) => Promise.resolve(cluster.etcd.signal("SIGSTOP")),
    mend: async ({ cluster }) => {
      cluster.etcd.signal("SIGCONT");
      await Promise.all(cluster.servers.map((server) => server.ready(READY_MS)));
    },
  },
  atOnce("Lease deleted", "somebody deletes the Lease", ({ cluster, lease }) => deleteLease(cluster.admin, lease)),
  atOnce("Lease blanked", "somebody empties the Lease", ({ cluster, lease }) => blankLease(cluster.admin, lease)),
  atOnce(
    "Lease of a stranger",
    `a stranger takes the Lease for ${STRANGER_SECONDS} s and never renews it`,
    ({ cluster, lease }) => giveLease(cluster.admin, lease, { holder: STRANGER, durationSeconds: STRANGER_SECONDS }),
  ),
];

/** The fault of that name. */
export function apiFault(name: ApiFaultName): ApiFault {
  const found = API_FAULTS.find((fault) => fault.name === name);
  assert(found !== undefined, `there is a fault "${name}"`);
  return found;
}

/** Mends whatever a fault that failed half-way left behind. */
export async function healServers(cluster: ApiServerCluster): Promise<void> {
  cluster.etcd.signal("SIGCONT");
  for (const server of cluster.servers) {
    cluster.management?.mend(server.machine);
    if (!server.started) server.start();
    else if (!server.running) server.resume();
    await server.setRoad({ kind: "good" });
  }
  await Promise.all(cluster.servers.map((server) => server.ready(READY_MS)));
}
