import assert from "node:assert/strict";
import { Counters, OpenClients } from "../../../mod/balance/user/counters.ts";
import { type Order, posted, type Report } from "../../../mod/balance/user/messages.ts";
import { UserThread } from "../../../mod/balance/user/user_thread.ts";
import type { TcpBalancerConfig } from "../../../mod/config/types.ts";
import { openWakeUp, wakeUp } from "../../../mod/linux/epoll.ts";
import { listenerAddress, openListener } from "../../../mod/linux/listen_socket.ts";
import { closeFd } from "../../../mod/linux/socket.ts";
import { assertRefused, Backend, deadPort, eventually, RawConn, tcpConfig } from "../kit.ts";
import { destination } from "./kit.ts";

/** A thread that runs in the test's own: it is woken all the time, so that it leaves its loop. */
class ThreadRig {
  readonly reports: Report[] = [];
  readonly counters = Counters.make(4);
  readonly clients = new OpenClients();
  readonly #fd = openWakeUp();
  readonly thread = new UserThread({
    now: () => performance.now(),
    post: (report) => this.reports.push(report),
    wakeUpFd: this.#fd,
  });
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor() {
    this.#schedule();
  }

  order(order: Order): void {
    this.thread.take(order);
  }

  open(config: TcpBalancerConfig): void {
    this.order({
      op: "open",
      id: 1,
      backends: backendsOf(config),
      counters: this.counters.buffer,
      clients: this.clients.buffer,
    });
  }

  /** Gives the port. */
  listen(): number {
    const fd = openListener({ ip: "127.0.0.1", port: 0 }, { shared: false });
    const { port } = listenerAddress(fd);
    this.order({ op: "listen", id: 1, fd });
    return port;
  }

  told(op: Report["op"]): number {
    return this.reports.filter((report) => report.op === op).length;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      for (let n = 0; n < 4; n++) {
        wakeUp(this.#fd);
        if (this.thread.run() === "ended") return;
      }
      this.#schedule();
    }, 1);
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.order({ op: "end" });
    assert.equal(this.thread.run(), "ended");
    assert.equal(this.told("ended"), 1);
    assert.deepEqual(this.reports.filter(({ op }) => op === "fault"), []);
    closeFd(this.#fd);
  }
}

function backendsOf(config: TcpBalancerConfig): Extract<Order, { op: "open" }>["backends"] {
  const destinations = config.backends.map(({ port }) => destination(port));
  return { config: posted(config), slots: [...config.backends.keys()], destinations };
}

function named(name: string): Backend {
  return new Backend(async (conn) => {
    await conn.send(name);
    await conn.rest();
  });
}

Deno.test("a balancer lives from its opening to its close, and counts where the main thread sees it", async () => {
  const backend = named("hello");
  const rig = new ThreadRig();
  assert.equal(rig.told("ready"), 1);
  rig.open(tcpConfig([backend.port]));
  const client = await RawConn.connect(rig.listen());
  await client.until("hello");
  assert.deepEqual([rig.clients.count, rig.counters.accepted, rig.counters.of(0).connections], [1, 1, 1]);
  assert.ok(rig.counters.of(0).bytes >= 5);
  rig.order({ op: "drain", id: 1, idle: "close" });
  assert.equal(rig.told("empty"), 0, "somebody is still there");
  rig.order({ op: "cut", id: 1 });
  assert.equal(rig.told("empty"), 1);
  assert.deepEqual([rig.clients.count, rig.counters.of(0).connections], [0, 0]);
  rig.order({ op: "close", id: 1 });
  client.close();
  rig.end();
  await backend.close();
});

Deno.test("what is told of backends holds for the next connection", async () => {
  const [a, b] = [named("a"), named("b")];
  const rig = new ThreadRig();
  const health = {
    type: "tcp",
    path: "/",
    expectMin: 200,
    expectMax: 399,
    intervalMs: 1,
    timeoutMs: 1,
    rise: 1,
    fall: 1,
  } as const;
  rig.open(tcpConfig([a.port, b.port], { health }));
  const port = rig.listen();
  const greeting = async (): Promise<string> => {
    const client = await RawConn.connect(port);
    const said = await client.exactly(1);
    client.close();
    return said;
  };
  rig.order({ op: "checked", id: 1, place: 0, result: { ok: false, detail: "dead" } });
  assert.deepEqual([await greeting(), await greeting()], ["b", "b"]);
  rig.order({ op: "checked", id: 1, place: 0, result: { ok: true, detail: "" } });
  rig.order({ op: "update", id: 1, backends: backendsOf(tcpConfig([a.port])) });
  assert.deepEqual([await greeting(), await greeting()], ["a", "a"]);
  rig.order({ op: "destinations", id: 1, destinations: [destination(b.port)] });
  assert.equal(await greeting(), "b");
  rig.end();
  await Promise.all([a.close(), b.close()]);
});

Deno.test("a release ends its listening socket and the connections of its address", async () => {
  const backend = named("x");
  const rig = new ThreadRig();
  rig.open(tcpConfig([backend.port]));
  const fd = openListener({ ip: "127.0.0.1", port: 0 }, { shared: false });
  const { port } = listenerAddress(fd);
  rig.order({ op: "listen", id: 1, fd });
  const client = await RawConn.connect(port);
  await client.until("x");
  rig.order({ op: "release", id: 1, ip: "127.0.0.1", fds: [fd] });
  assert.equal(await client.rest(), "");
  await assertRefused(port);
  client.close();
  rig.end();
  await backend.close();
});

Deno.test("clients that have not said whom they speak for are cut as well", async () => {
  const rig = new ThreadRig();
  rig.open(tcpConfig([deadPort()], { acceptProxyProtocol: true }));
  const port = rig.listen();
  const [first, second] = [await RawConn.connect(port), await RawConn.connect(port)];
  await eventually(() => rig.clients.count === 2, "they are accepted");
  rig.order({ op: "release", id: 1, ip: "127.0.0.2", fds: [] });
  assert.equal(rig.clients.count, 2, "they came to another address");
  rig.order({ op: "release", id: 1, ip: "127.0.0.1", fds: [] });
  assert.equal(rig.clients.count, 0);
  const third = await RawConn.connect(port);
  await eventually(() => rig.clients.count === 1, "it is accepted");
  rig.order({ op: "drain", id: 1, idle: "close" });
  rig.order({ op: "cut", id: 1 });
  assert.equal(rig.told("empty"), 1);
  for (const client of [first, second, third]) client.close();
  rig.end();
});

Deno.test("failures, rests and a full house are reported", async () => {
  const rig = new ThreadRig();
  const config = tcpConfig([deadPort()], { ejection: { failures: 1, restMs: 1000 }, maxConnections: 0 });
  rig.open(config);
  const port = rig.listen();
  const client = await RawConn.connect(port);
  await eventually(() => rig.told("full") === 1, "there is no place");
  rig.order({ op: "update", id: 1, backends: backendsOf({ ...config, maxConnections: 1 }) });
  assert.equal(await client.rest(), "");
  const [changed] = rig.reports.filter(({ op }) => op === "changed");
  assert.ok(changed?.op === "changed");
  assert.deepEqual([changed.slot, changed.change.state, changed.change.detail], [0, "ejected", "ECONNREFUSED"]);
  assert.equal(rig.told("unreached"), 1);
  client.close();
  rig.end();
});

Deno.test("an order for a balancer that has gone is passed over, and its socket is closed", async () => {
  const rig = new ThreadRig();
  const port = rig.listen();
  await assertRefused(port);
  rig.order({ op: "drain", id: 7, idle: "close" });
  assert.deepEqual(rig.reports.map(({ op }) => op), ["ready"]);
  rig.end();
});
