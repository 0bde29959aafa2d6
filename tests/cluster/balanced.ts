/** Control-plane nodes with `lb_enable`, their Nodes in the API, and clients that can tell which server they got. */

import assert from "node:assert/strict";
import type { BalancerReport } from "../../mod/observe/status_types.ts";
import type { ApiClient } from "../kubernetes/api_client.ts";
import type { ApiServerCluster } from "../kubernetes/cluster.ts";
import { API_PORT } from "../kubernetes/flags.ts";
import type { Child } from "../lab/child.ts";
import type { Machine } from "../lab/network.ts";
import type { LabNode } from "../lab/node.ts";
import { VIP_4, VIP_6 } from "../lab/plan.ts";
import { FAMILIES, type Family } from "../lab/records.ts";
import { sleep } from "../lab/time.ts";
import { statusOf } from "./bgp_kit.ts";
import type { LeaseSeconds, ManagerOptions, World } from "./program.ts";

const TIMES: LeaseSeconds = { duration: 5, renewDeadline: 3, retryPeriod: 1 };
/** In seconds. */
export const INTERVAL = 2;
/** The clients of `api_caller.ts`; its arguments follow. */
export const CALLER: readonly string[] = [
  Deno.execPath(),
  "run",
  "-A",
  "--no-lock",
  new URL("api_caller.ts", import.meta.url).pathname,
];
const PATIENCE_MS = 20_000;
const POLL_MS = 50;
const ROLE_LABEL = "node-role.kubernetes.io/control-plane";
const MERGE_PATCH = "application/merge-patch+json";
const HOSTS: Readonly<Record<Family, string>> = { 4: VIP_4, 6: `[${VIP_6}]` };

/** The settings of the nodes; what may change between two starts is in a file. */
export const BALANCED: ManagerOptions = {
  times: TIMES,
  election: "kubernetes",
  env: (_local, directory) => ({
    "lb_enable": "true",
    "lb_fwdmethod": "masquerade",
    "backend_health_check_interval": String(INTERVAL),
    "config_file": `${directory}/more.json`,
  }),
};

/** Makes the Node of a machine: ready, of the control plane, and taking a managed address for one of its own, as kubelet may. */
export async function makeNode(admin: ApiClient, { name, station }: Machine): Promise<void> {
  await admin.demand("POST", "/api/v1/nodes", { body: { metadata: { name, labels: { [ROLE_LABEL]: "" } } } });
  const addresses = [station.ip4, station.ip6, VIP_4].map((address) => ({ type: "InternalIP", address }));
  const conditions = [{ type: "Ready", status: "True", reason: "Test", message: "" }];
  const body = { status: { addresses, conditions } };
  await admin.demand("PATCH", `/api/v1/nodes/${name}/status`, { body, contentType: MERGE_PATCH });
}

/** Which servers got how many requests with the mark. */
export function servedBy({ servers }: Pick<ApiServerCluster, "servers">, mark: string): Record<string, number> {
  const counts = servers.map(({ name, auditLog }): [string, number] => [
    name,
    Deno.readTextFileSync(auditLog).split(`"requestURI":"/version?${mark}"`).length - 1,
  ]);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** Clients, Nodes and reports of one world. */
export class Balanced {
  readonly world: World;
  readonly #authority: string;
  #marks = 0;

  constructor(world: World) {
    this.world = world;
    this.#authority = `${world.lab.nodes[0]?.place.directory}/client-ca.crt`;
    Deno.writeTextFileSync(this.#authority, world.cluster.users.authority.certificate);
    this.setPort(API_PORT);
  }

  get nodes(): readonly LabNode[] {
    return this.world.lab.nodes;
  }

  /** The port that clients connect to, from the next start of the nodes on. */
  setPort(port: number): void {
    for (const { place } of this.nodes) {
      Deno.writeTextFileSync(`${place.directory}/more.json`, JSON.stringify({ loadBalancerPort: port }));
    }
  }

  async setReady(name: string, ready: boolean): Promise<void> {
    const conditions = [{ type: "Ready", status: ready ? "True" : "Unknown", reason: "Test", message: "" }];
    await this.#patch(`/api/v1/nodes/${name}/status`, { status: { conditions } });
  }

  async setRole(name: string, has: boolean): Promise<void> {
    await this.#patch(`/api/v1/nodes/${name}`, { metadata: { labels: { [ROLE_LABEL]: has ? "" : null } } });
  }

  async #patch(path: string, body: unknown): Promise<void> {
    await this.world.cluster.admin.demand("PATCH", path, { body, contentType: MERGE_PATCH });
  }

  async removeNode(name: string): Promise<void> {
    await this.world.cluster.admin.demand("DELETE", `/api/v1/nodes/${name}`);
  }

  /** Connects `count` times to an address and asks, as the client if not named; gives which servers answered how often. */
  call(
    family: Family,
    count: number,
    { port = API_PORT, from = this.world.lab.client }: { readonly port?: number; readonly from?: Machine } = {},
  ): Record<string, number> {
    const mark = this.#mark();
    const { lab } = this.world;
    const words = [this.#authority, "ask", `${HOSTS[family]}:${port}`, mark, String(count)];
    const answers = lab.execute(from, [...CALLER, ...words]).trim().split("\n");
    assert.deepEqual(answers, Array.from({ length: count }, () => "200"));
    return servedBy(this.world.cluster, mark);
  }

  /** Opens a connection that is kept, and says which server has it. */
  async hold(family: Family): Promise<{ readonly child: Child; readonly server: string }> {
    const mark = this.#mark();
    const { lab } = this.world;
    const child = lab.run(lab.client, mark, [...CALLER, this.#authority, "hold", `${HOSTS[family]}:${API_PORT}`, mark]);
    await child.waitForLine("open", { limitMs: PATIENCE_MS });
    return { child, server: Object.keys(servedBy(this.world.cluster, mark)).join() };
  }

  #mark(): string {
    return `mark${++this.#marks}x`;
  }

  /** The node that holds both addresses; it balances when this returns, over all `servers` that are named. */
  async balancing(servers: readonly LabNode[] = this.nodes): Promise<LabNode> {
    const holder = await this.world.lab.settled();
    await this.uses(holder, servers);
    return holder;
  }

  /** Waits until exactly these servers get the connections; gives how long that took. */
  async uses(holder: LabNode, servers: readonly LabNode[], limitMs: number = PATIENCE_MS): Promise<number> {
    const fromMs = performance.now();
    const wanted = servers.flatMap(({ machine: { station } }) =>
      FAMILIES.map((family) => family === 4 ? `${station.ip4}:${API_PORT}` : `[${station.ip6}]:${API_PORT}`)
    ).sort();
    for (;;) {
      const report = await this.report(holder);
      const up = (report?.backends ?? []).filter(({ state }) => state === "up").map(({ name }) => name).sort();
      if (up.join() === wanted.join()) return performance.now() - fromMs;
      if (performance.now() - fromMs > limitMs) {
        throw new Error(`in use after ${limitMs} ms: ${up}; wanted: ${wanted}: ${JSON.stringify(report)}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** What a node says of its balancing; undefined when it does not balance. */
  async report(node: LabNode): Promise<BalancerReport | undefined> {
    return (await statusOf(node)).balancers[0];
  }
}
