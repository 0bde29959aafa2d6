/** A network namespace for the whole of a test, and kernel balancers in it. */
import { connectionTools } from "../../../mod/agent/balance_kernel.ts";
import { Connections } from "../../../mod/balance/kernel/connections.ts";
import { KernelBalancer, type KernelBalancerConfig } from "../../../mod/balance/kernel/kernel_balancer.ts";
import { KernelTable, type KernelTableOptions } from "../../../mod/balance/kernel/kernel_table.ts";
import { assert } from "../../../mod/base/assert.ts";
import type { Balancer } from "../../../mod/balance/balancer.ts";
import { libc } from "../../../mod/linux/libc.ts";
import { Namespace } from "../../../mod/linux/namespace.ts";
import { NftSocket } from "../../../mod/linux/nft_socket.ts";
import { RouteSocket } from "../../../mod/linux/rtnetlink.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { quietPort } from "../../fakes/ports.ts";
import type { Maker } from "../kit.ts";

const CLONE_NEWNET = 0x4000_0000;

/** Lets the calling thread live in a new namespace, with its loopback up, until `body` has ended: what follows an await as well. */
export async function insideNamespace(body: () => Promise<void>): Promise<void> {
  const home = Namespace.current();
  const inside = Namespace.create();
  assert(libc.setns(inside.fd, CLONE_NEWNET) === 0, "the namespace can be entered");
  try {
    const routes = new RouteSocket();
    const loopback = routes.linkByName("lo");
    if (loopback !== null) routes.setUp(loopback.index);
    routes.close();
    await body();
  } finally {
    assert(libc.setns(home.fd, CLONE_NEWNET) === 0, "the thread comes home");
    inside.close();
    home.close();
  }
}

/** What kernel balancers share, in the current namespace. */
export function kernelParts(own: NonNullable<KernelTableOptions["own"]> = "where-possible"): {
  readonly table: KernelTable;
  readonly connections: Connections;
  readonly close: () => Promise<void>;
} {
  const table = new KernelTable({ open: () => new NftSocket(), clock: systemClock, own });
  assert(table.probe().outcome === "works", "this kernel balances");
  const connections = new Connections(connectionTools(systemClock, () => ["127.0.0.1", "::1"]));
  const close = async (): Promise<void> => {
    table.close();
    await connections.close();
  };
  return { table, connections, close };
}

/** Makes a balancer with a table of its own, which goes with it. Port 0 becomes one that is free. */
export const makeKernelBalancer: Maker = (config, deps) => {
  assert(config.type !== "http", "the kernel balances no requests");
  const parts = kernelParts();
  const balancer = new KernelBalancer(withPort(config), { ...deps, ...parts });
  const stop = balancer.stop.bind(balancer);
  let stopped: Promise<void> | null = null;
  balancer.stop = () => stopped ??= stop().then(parts.close);
  const update = balancer.update.bind(balancer);
  balancer.update = (next) => update(next.port === 0 ? { ...next, port: balancer.config.port } : next);
  return balancer satisfies Balancer;
};

/** The configuration with a port that is free in place of 0. */
export function withPort(config: KernelBalancerConfig): KernelBalancerConfig {
  return config.port === 0 ? { ...config, port: quietPort() } : config;
}
