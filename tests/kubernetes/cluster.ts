import { join } from "node:path";
import { assert } from "../../mod/base/assert.ts";
import { Child } from "../lab/child.ts";
import { makeDirectory } from "../lab/directory.ts";
import type { Machine } from "../lab/network.ts";
import { VIP_4, VIP_6 } from "../lab/plan.ts";
import { sleep } from "../lab/time.ts";
import type { ApiClient } from "./api_client.ts";
import { AuditLog } from "./audit.ts";
import type { ProgramPaths } from "./build.ts";
import { tokenKeys } from "./certificates.ts";
import { AUDIT_POLICY, ETCD_PORT, etcdCommand, serverCommand, type ServerFiles, SERVICE_ADDRESS } from "./flags.ts";
import { Management, MANAGEMENT_ADDRESS } from "./management.ts";
import { allowNodes } from "./rbac.ts";
import { ApiServer } from "./server.ts";
import { nodeUser, Users } from "./users.ts";

/** What a cluster is made of. */
export interface ClusterOptions {
  readonly paths: ProgramPaths;
  /** Each gets an API server. Their owner disposes of the cluster before them. */
  readonly machines: readonly Machine[];
  /**
   * Where etcd runs: a machine of the laboratory's own network, so that a node without its cable has no etcd either. If not named, it
   * is behind a second card of every node, and what happens to the laboratory's network does not concern it.
   */
  readonly etcd?: Machine;
}

const READY_MS = 60_000;
const POLL_MS = 20;

/** Real API servers on a real etcd, one for each machine. Whoever made it disposes of it. */
export class ApiServerCluster {
  readonly servers: readonly ApiServer[];
  readonly users: Users;
  readonly audit: AuditLog;
  readonly etcd: Child;
  /** The network of etcd; null when etcd is on the laboratory's own. */
  readonly management: Management | null;
  readonly #directory: string;

  private constructor(parts: {
    servers: readonly ApiServer[];
    users: Users;
    etcd: Child;
    management: Management | null;
    directory: string;
  }) {
    this.servers = parts.servers;
    this.users = parts.users;
    this.etcd = parts.etcd;
    this.management = parts.management;
    this.audit = new AuditLog(parts.servers.map(({ auditLog }) => auditLog));
    this.#directory = parts.directory;
  }

  /** Starts everything; resolves when every server is ready and the nodes' users may do what the product does. */
  static async start(options: ClusterOptions): Promise<ApiServerCluster> {
    const { paths, machines } = options;
    const directory = await makeDirectory("kube-vip-api-");
    const management = options.etcd === undefined ? Management.create(machines) : null;
    const etcdUrl = `http://${options.etcd?.station.ip4 ?? MANAGEMENT_ADDRESS}:${ETCD_PORT}`;
    const inside = (options.etcd ?? management)?.inside;
    assert(inside !== undefined, "etcd has a place");
    const command = etcdCommand(paths, { url: etcdUrl, directory: join(directory, "etcd") });
    const etcd = Child.start(command, { name: "etcd", inside });
    const users = new Users(machines.map(nodeUser));
    const files = writeFiles(directory, users, machines);
    const servers = machines.map((machine) => {
      const own = join(directory, machine.name);
      Deno.mkdirSync(own);
      const auditLog = join(own, "audit.log");
      const place = { etcdUrl, advertise: machine.station.ip4, auditLog, directory: own };
      return new ApiServer(machine, { argv: serverCommand(paths, files, place), auditLog, users });
    });
    const cluster = new ApiServerCluster({ servers, users, etcd, management, directory });
    try {
      await cluster.#begin(inside, etcdUrl);
      return cluster;
    } catch (error) {
      await cluster.dispose();
      throw error;
    }
  }

  /** Makes a cluster, uses it and disposes of it. */
  static async with(options: ClusterOptions, use: (cluster: ApiServerCluster) => Promise<void>): Promise<void> {
    const cluster = await ApiServerCluster.start(options);
    try {
      await use(cluster);
    } finally {
      await cluster.dispose();
    }
  }

  /** The server of a machine, or of the machine of that name. */
  of(machine: Machine | string): ApiServer {
    const found = this.servers.find((one) => one.machine === machine || one.name === machine);
    assert(found !== undefined, `${typeof machine === "string" ? machine : machine.name} has an API server`);
    return found;
  }

  /** The administrator, at the first server that can answer. */
  get admin(): ApiClient {
    const server = this.servers.find(({ running }) => running);
    assert(server !== undefined, "an API server runs");
    return server.client();
  }

  /** Ends everything. */
  async dispose(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.dispose()));
    await this.etcd.stop("SIGKILL");
    this.management?.close();
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #begin(inside: Machine["inside"], etcdUrl: string): Promise<void> {
    await listening(this.etcd, inside, new URL(etcdUrl));
    for (const server of this.servers) server.start();
    await Promise.all(this.servers.map((server) => server.ready(READY_MS)));
    await systemNamespace(this.admin);
    await allowNodes(this.admin, this.servers.map(({ machine }) => nodeUser(machine)));
  }
}

/** Resolves when somebody can connect to etcd: a server that cannot at its start waits for a second before it tries again. */
async function listening(etcd: Child, inside: Machine["inside"], { hostname, port }: URL): Promise<void> {
  const untilMs = performance.now() + READY_MS;
  for (;;) {
    try {
      const { conn } = inside(() => ({ conn: Deno.connect({ hostname, port: Number(port) }) }));
      return (await conn).close();
    } catch (error) {
      if (etcd.status !== null || performance.now() > untilMs) {
        throw new Error(`etcd does not listen:\n${etcd.log.slice(-30).join("\n")}`, { cause: error });
      }
      await sleep(POLL_MS);
    }
  }
}

/** The servers make it soon after they are ready; until then no Lease can be made in it. */
async function systemNamespace(admin: ApiClient): Promise<void> {
  const untilMs = performance.now() + READY_MS;
  while ((await admin.request("GET", "/api/v1/namespaces/kube-system")).status !== 200) {
    if (performance.now() > untilMs) throw new Error(`there is no namespace kube-system after ${READY_MS} ms`);
    await sleep(POLL_MS);
  }
}

/** Every name and address under which clients reach a server; one certificate serves all of them. */
function serverNames(machines: readonly Machine[]): string[] {
  const nodes = machines.flatMap(({ name, station }) => [name, station.ip4, station.ip6]);
  const service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  return [...nodes, ...service, "localhost", "127.0.0.1", "::1", VIP_4, VIP_6, SERVICE_ADDRESS];
}

function writeFiles(directory: string, users: Users, machines: readonly Machine[]): ServerFiles {
  const write = (name: string, text: string): string => {
    const path = join(directory, name);
    Deno.writeTextFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const server = users.authority.server("kube-apiserver", serverNames(machines));
  const tokens = tokenKeys();
  return {
    authority: write("ca.crt", users.authority.certificate),
    certificate: write("server.crt", server.certificate),
    key: write("server.key", server.key),
    tokenPublicKey: write("sa.pub", tokens.publicKey),
    tokenPrivateKey: write("sa.key", tokens.privateKey),
    tokens: write("tokens.csv", users.tokenFile()),
    auditPolicy: write("audit.json", AUDIT_POLICY),
  };
}
