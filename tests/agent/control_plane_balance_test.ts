import assert from "node:assert/strict";
import { configure, type LogRecord, reset } from "@kube-vip/log";
import { kernelEngineOf } from "../../mod/agent/balance_kernel.ts";
import { ControlPlaneBalance } from "../../mod/agent/control_plane_balance.ts";
import type { KernelEngine } from "../../mod/balance/kernel/kernel_engine.ts";
import type { KubeAnswer, KubeClient, KubeObject, Watch, WatchListener, WatchRequest } from "../../mod/kube/api.ts";
import { NftSocket } from "../../mod/linux/nft_socket.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { insideNamespace } from "../balance/kernel/kit.ts";
import { eventually, RawConn } from "../balance/kit.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { privileged } from "../fakes/privileges.ts";

const [VIP, SECOND] = ["127.0.0.9", "127.0.0.8"];
/** Addresses of Nodes; the first is this one's. */
const HOSTS = ["127.0.0.11", "127.0.0.12"];
const CHECK_MS = 100;
const REFUSED = "tcp connect error: Connection refused (os error 111)";

/** API servers that say they are well or do not answer, and the Nodes, which a test tells. */
class StubCluster {
  readonly gone = new Set<string>();
  readonly watches: WatchRequest[] = [];
  asked = 0;
  open = 0;
  #listener: WatchListener<KubeObject> | null = null;

  client(server: string): KubeClient {
    this.open++;
    let isOpen = true;
    return {
      server,
      request: <T>(): Promise<KubeAnswer<T>> => {
        this.asked++;
        const isGone = this.gone.has(new URL(server).hostname);
        const answer = isGone ? { outcome: "unreachable", cause: REFUSED } : { outcome: "ok", status: 200, body: "ok" };
        return Promise.resolve(answer as KubeAnswer<T>);
      },
      watch: <T extends KubeObject>(request: WatchRequest, listener: WatchListener<T>): Watch => {
        this.watches.push(request);
        this.#listener = listener as WatchListener<KubeObject>;
        return { stop: () => void (this.#listener = null) };
      },
      fork: () => this.client(server),
      at: (other) => this.client(other),
      close: () => {
        if (isOpen) this.open--;
        isOpen = false;
      },
    };
  }

  list(...hosts: readonly string[]): void {
    const nodes = hosts.map((address) => ({
      metadata: { name: address },
      status: { conditions: [{ type: "Ready", status: "True" }], addresses: [{ type: "InternalIP", address }] },
    }));
    this.#listener?.listed(nodes);
  }
}

/** A server on one address that says which, and keeps its connections. */
class Server {
  readonly #listener: Deno.TcpListener;
  readonly #conns = new Set<Deno.TcpConn>();
  readonly #running: Promise<void>;

  constructor(readonly hostname: string, port: number) {
    this.#listener = Deno.listen({ hostname, port });
    this.#running = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      this.#conns.add(conn);
      await conn.write(new TextEncoder().encode(`${this.hostname}\n`)).catch(() => {});
    }
  }

  async close(): Promise<void> {
    this.#listener.close();
    await this.#running;
    for (const conn of this.#conns) conn.close();
  }
}

interface World {
  readonly cluster: StubCluster;
  readonly balance: ControlPlaneBalance;
  readonly apiPort: number;
  readonly port: number;
}

/** Every node's server listens at one port on its address; this node's also on those that are held. */
function inWorld(
  name: string,
  use: (world: World) => Promise<void>,
  options: { readonly port?: number } = {},
): void {
  privileged(name, () =>
    insideNamespace(async () => {
      const own = new Server(VIP, 0);
      const apiPort = own.port;
      const servers = [own, ...HOSTS.map((host) => new Server(host, apiPort))];
      const cluster = new StubCluster();
      const client = cluster.client("https://127.0.0.1");
      const port = options.port ?? apiPort;
      const balance = new ControlPlaneBalance({
        settings: { port, backendPort: apiPort, checkMs: CHECK_MS },
        client,
        clock: systemClock,
        engine: kernelEngineOf({ vips: [], linkNames: () => ["lo"], localAddresses: () => HOSTS }, systemClock),
        managed: () => new Set([VIP, SECOND]),
        objectPath: "/api/v1/namespaces/default",
      });
      balance.start();
      try {
        await use({ cluster, balance, apiPort, port });
      } finally {
        await balance.stop();
        client.close();
        assert.deepEqual([cluster.open, tables()], [0, 0], "nothing is left");
        for (const server of servers) await server.close();
      }
    }));
}

async function open(port: number, hostname = VIP): Promise<[RawConn, string]> {
  const conn = new RawConn(await Deno.connect({ hostname, port }));
  return [conn, (await conn.until("\n")).trim()];
}

async function reached(port: number): Promise<string> {
  const names: string[] = [];
  for (let n = 0; n < 4; n++) {
    const [conn, name] = await open(port);
    conn.close();
    names.push(name);
  }
  return [...new Set(names)].sort().join(" ");
}

function tables(): number {
  const socket = new NftSocket();
  try {
    return socket.tables().length;
  } finally {
    socket.close();
  }
}

async function up(balance: ControlPlaneBalance, count: number): Promise<void> {
  const used = (): number => balance.status()[0]?.backends.filter(({ state }) => state === "up").length ?? 0;
  await eventually(() => used() === count, `${count} servers are in use`);
}

inWorld("an address that is held leads to every server; until one is known and well, to the own", async (world) => {
  const { cluster, balance, port } = world;
  assert.deepEqual([balance.status(), tables(), cluster.asked], [[], 0, 0], "nothing is done while nothing is held");
  balance.held(VIP);
  assert.equal(await reached(port), VIP, "the Nodes are not known");
  cluster.list(...HOSTS, VIP);
  await up(balance, 2);
  assert.equal(await reached(port), HOSTS.join(" "));
  assert.deepEqual(balance.status().map(({ name, engine, type }) => [name, engine, type]), [[
    "control-plane",
    "kernel",
    "tcp",
  ]]);
  cluster.list("127.0.0.12");
  assert.equal(await reached(port), "127.0.0.12");
  assert.deepEqual(cluster.watches.map(({ path, labelSelector }) => [path, labelSelector]), [[
    "/api/v1/nodes",
    "node-role.kubernetes.io/control-plane",
  ]]);
});

inWorld(
  "a server that fails its checks loses what it has, and gets connections again when it is back",
  async (world) => {
    const { cluster, balance, port } = world;
    cluster.list(...HOSTS);
    balance.held(VIP);
    await up(balance, 2);
    const opened = [await open(port), await open(port)];
    cluster.gone.add("127.0.0.12");
    await up(balance, 1);
    assert.equal(await reached(port), "127.0.0.11");
    for (const [conn, name] of opened) {
      if (name === "127.0.0.12") assert.equal(await conn.rest(), "");
      else await conn.send("goes on");
      conn.close();
    }
    cluster.gone.add("127.0.0.11");
    await up(balance, 0);
    assert.equal(await reached(port), VIP, "without any server it is as without balancing");
    cluster.gone.clear();
    await up(balance, 2);
    assert.equal(await reached(port), HOSTS.join(" "));
  },
);

inWorld("with the last address the table goes and connections end, and it comes back with the next", async (world) => {
  const { cluster, balance, port } = world;
  cluster.list(...HOSTS);
  balance.held(VIP);
  balance.held(SECOND);
  await up(balance, 2);
  const [[first], [second]] = [await open(port), await open(port, SECOND)];
  balance.released(VIP);
  assert.equal(await first.rest(), "");
  await second.send("goes on");
  assert.equal(await reached(port), VIP);
  balance.released("10.0.0.1");
  balance.released(SECOND);
  assert.equal(await second.rest(), "");
  assert.deepEqual(balance.status(), []);
  balance.held(VIP);
  await up(balance, 2);
  assert.equal(await reached(port), HOSTS.join(" "));
  balance.released(VIP);
  balance.held(VIP);
  await up(balance, 2);
  assert.equal(await reached(port), HOSTS.join(" "), "what is held again at once is balanced again");
  balance.released(VIP);
  await eventually(() => tables() === 0, "nothing is left");
  const { asked } = cluster;
  await new Promise((resolve) => setTimeout(resolve, 3 * CHECK_MS));
  assert.equal(cluster.asked, asked, "nobody is checked");
  first.close();
  second.close();
});

inWorld("clients may come by another port than the servers', where there is nobody else", async (world) => {
  const { cluster, balance, port, apiPort } = world;
  balance.held(VIP);
  await assert.rejects(open(port), Deno.errors.ConnectionRefused);
  cluster.list(...HOSTS);
  await up(balance, 2);
  assert.equal(await reached(port), HOSTS.join(" "));
  assert.equal(await reached(apiPort), VIP);
}, { port: 443 });

Deno.test("a kernel that cannot balance is asked again, and everything goes to the own server meanwhile", async () => {
  const clock = new VirtualClock();
  const cluster = new StubCluster();
  const client = cluster.client("https://127.0.0.1");
  let [offers, closed] = [0, 0];
  const engine: Pick<KernelEngine, "offer" | "rest" | "close"> = {
    offer: () => {
      offers++;
      return { outcome: "declines", why: "no nftables" };
    },
    rest: () => {},
    close: () => Promise.resolve(void closed++),
  };
  const settings = { port: 6443, backendPort: 6443, checkMs: 5000 };
  const balance = new ControlPlaneBalance({
    settings,
    client,
    clock,
    engine,
    managed: () => new Set(),
    objectPath: "/x",
  });
  balance.start();
  cluster.list(...HOSTS);
  balance.held(VIP);
  assert.deepEqual([offers, balance.status()], [2, []]);
  clock.advance(10_000);
  assert.equal(offers, 3);
  balance.released(VIP);
  clock.advance(60_000);
  assert.equal(offers, 3, "not while nothing is held");
  balance.held(VIP);
  await balance.stop();
  client.close();
  balance.held(VIP);
  assert.deepEqual([closed, clock.pending, cluster.open], [1, 0, 0]);
});

inWorld("an address of a family that no Node has is served as without balancing, which is said once", async (world) => {
  const { cluster, balance, port } = world;
  const said: unknown[] = [];
  const sink = ({ properties: { families } }: LogRecord): void => {
    if (families !== undefined) said.push(families);
  };
  const loggers = [{ category: ["kube-vip"], sinks: ["lines"] }, { category: ["logtape", "meta"], sinks: [] }];
  await configure({ reset: true, sinks: { lines: sink }, loggers });
  try {
    balance.held(VIP);
    assert.deepEqual(said, [], "the Nodes are not known");
    cluster.list("fd00::1");
    assert.equal(await reached(port), VIP);
    cluster.list("fd00::2");
    assert.deepEqual(said, ["IPv4"]);
    cluster.list("fd00::2", ...HOSTS);
    await up(balance, 2);
    assert.deepEqual(said, ["IPv4"]);
  } finally {
    await reset();
  }
});

inWorld("what a Node that is gone still has goes on until its server is gone as well, or it is back", async (world) => {
  const { cluster, balance, port } = world;
  cluster.list("127.0.0.12");
  balance.held(VIP);
  await up(balance, 1);
  const [conn] = await open(port);
  cluster.list("127.0.0.11");
  await up(balance, 1);
  assert.equal(await reached(port), "127.0.0.11");
  await new Promise((resolve) => setTimeout(resolve, 2 * CHECK_MS));
  await conn.send("goes on");
  cluster.list(...HOSTS);
  await up(balance, 2);
  cluster.list("127.0.0.11");
  await conn.send("goes on");
  cluster.gone.add("127.0.0.12");
  assert.equal(await conn.rest(), "");
  conn.close();
});
