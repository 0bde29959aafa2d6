import assert from "node:assert/strict";
import type { CheckResult } from "../../../mod/balance/health.ts";
import { type Checks, KernelBalancer } from "../../../mod/balance/kernel/kernel_balancer.ts";
import type { TcpBalancerConfig } from "../../../mod/config/types.ts";
import { udpAddress, UdpSocket } from "../../../mod/linux/udp_socket.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { balancerContract } from "../../contracts/balancer.ts";
import { privileged } from "../../fakes/privileges.ts";
import { Backend, eventually, FakeResetter, RawConn, tcpConfig } from "../kit.ts";
import { insideNamespace, kernelParts, makeKernelBalancer, withPort } from "./kit.ts";

balancerContract({
  engine: "kernel",
  make: makeKernelBalancer,
  abilities: ["passes-refusals"],
  test: (name, run) => privileged(name, () => insideNamespace(run)),
});

const VIP = "127.0.0.9";

function named(name: string): Backend {
  return new Backend(async (conn) => {
    await conn.send(`${name}\n`);
    await conn.rest();
  });
}

async function open(port: number): Promise<[RawConn, string]> {
  const conn = new RawConn(await Deno.connect({ hostname: VIP, port }));
  return [conn, (await conn.until("\n")).trim()];
}

async function names(port: number, count: number): Promise<string> {
  const all: string[] = [];
  for (let n = 0; n < count; n++) {
    const [conn, name] = await open(port);
    conn.close();
    all.push(name);
  }
  return [...new Set(all)].sort().join(" ");
}

/** Checks that a test answers. */
class FakeChecks implements Checks {
  readonly targets = new Map<string, number>();
  readonly onResult: (index: number, result: CheckResult) => void;
  calls = "";

  constructor(onResult: (index: number, result: CheckResult) => void) {
    this.onResult = onResult;
  }

  start(): void {
    this.calls += "start ";
  }

  update(targets: Parameters<Checks["update"]>[0]): void {
    this.calls += "update ";
    this.targets.clear();
    for (const [index, { port }] of targets) this.targets.set(String(port), index);
  }

  stop(): Promise<void> {
    this.calls += "stop ";
    return Promise.resolve();
  }

  say({ port }: { readonly port: number }, ok: boolean): void {
    this.onResult(this.targets.get(String(port)) ?? assert.fail(), { ok, detail: ok ? "well" : "ill" });
  }
}

interface World {
  readonly balancer: KernelBalancer;
  readonly config: TcpBalancerConfig;
  readonly checks: FakeChecks | null;
}

async function inWorld(
  config: TcpBalancerConfig,
  isChecked: boolean,
  use: (world: World) => Promise<void>,
): Promise<void> {
  const { table, connections, close } = kernelParts();
  const made: FakeChecks[] = [];
  const checks = (onResult: (index: number, result: CheckResult) => void): Checks => {
    const one = new FakeChecks(onResult);
    made.push(one);
    return one;
  };
  const common = { clock: systemClock, random: Math.random, resetter: new FakeResetter(), table, connections };
  const whole = { ...config, port: withPort(config).port };
  const balancer = new KernelBalancer(whole, { ...common, ...(isChecked ? { checks } : {}) });
  try {
    await balancer.start();
    balancer.bind(VIP);
    await use({ balancer, config: whole, checks: made[0] ?? null });
  } finally {
    await balancer.stop();
    await close();
  }
}

/** A test of which every socket is in a namespace of its own. */
function inside(name: string, run: () => Promise<void>): void {
  privileged(name, () => insideNamespace(run));
}

function toBackends(config: TcpBalancerConfig, backends: readonly Backend[]): TcpBalancerConfig {
  return { ...config, backends: backends.map(({ port }) => ({ address: "127.0.0.1", port, weight: 1 })) };
}

inside(
  "an update moves new connections, and those to a backend that is gone go on until the address goes",
  async () => {
    const [a, b, c] = [named("a"), named("b"), named("c")];
    await inWorld(tcpConfig([a.port, b.port], { bindToVip: true }), false, async ({ balancer, config }) => {
      const { port } = config;
      const opened = [await open(port), await open(port)];
      assert.deepEqual(opened.map(([, name]) => name).sort(), ["a", "b"]);
      balancer.update(toBackends(config, [b, c]));
      assert.equal(await names(port, 4), "b c");
      assert.equal(balancer.reaches().length, 3, "who is gone as well, for what it has");
      const { backends, totalConnections } = balancer.status();
      const [first, second, third] = backends;
      assert.deepEqual([first?.totalConnections, second?.totalConnections, third?.totalConnections], [3, 2, 1]);
      assert.deepEqual([third?.state, backends.length, totalConnections], ["down", 3, 6]);
      assert.match(third?.detail ?? "", /^removed, /);
      for (const [conn] of opened) await conn.send("still there");
      balancer.release(VIP);
      for (const [conn] of opened) {
        assert.equal(await conn.rest(), "");
        conn.close();
      }
    });
    await Promise.all([a.close(), b.close(), c.close()]);
  },
);

inside(
  "a backend that has left is forgotten with its last connection, and its connections stay counted",
  async () => {
    const [a, b] = [named("a"), named("b")];
    await inWorld(tcpConfig([a.port], { bindToVip: true }), false, async ({ balancer, config }) => {
      const [conn, name] = await open(config.port);
      assert.equal(name, "a");
      balancer.update(toBackends(config, [b]));
      conn.close();
      await eventually(() => balancer.status().backends.length === 1, "it is forgotten");
      assert.equal(await names(config.port, 1), "b");
      assert.equal(balancer.status().totalConnections, 2);
      balancer.update(toBackends(config, []));
      await assert.rejects(open(config.port), Deno.errors.ConnectionRefused);
      balancer.update(toBackends(config, [a]));
      assert.equal(await names(config.port, 1), "a");
    });
    await Promise.all([a.close(), b.close()]);
  },
);

const CHECK = { type: "tcp", path: "/", expectMin: 200, expectMax: 399, intervalMs: 1000, timeoutMs: 500 } as const;

inside(
  "checks that are given decide: first a look, then connections, and one that fails loses what it has",
  async () => {
    const [a, b] = [named("a"), named("b")];
    const config = tcpConfig([a.port], { bindToVip: true, health: { ...CHECK, rise: 1, fall: 2 } });
    await inWorld(config, true, async ({ balancer, config, checks }) => {
      assert.ok(checks !== null);
      const { port } = config;
      await assert.rejects(open(port), Deno.errors.ConnectionRefused, "also who was there from the start");
      balancer.update(toBackends(config, [a, b]));
      assert.deepEqual(balancer.status().backends.map(({ detail }) => detail), [
        "not checked yet",
        "new, not checked yet",
      ]);
      await assert.rejects(open(port), Deno.errors.ConnectionRefused);
      checks.say(a, true);
      checks.say(b, false);
      assert.equal(await names(port, 2), "a");
      checks.say(b, true);
      assert.equal(await names(port, 2), "a b");
      const opened = [await open(port), await open(port)];
      balancer.update({ ...config, ...toBackends(config, [a, b]), health: { ...CHECK, rise: 1, fall: 2 } });
      assert.equal(await names(port, 2), "a b", "who was checked stays");
      checks.say(b, false);
      checks.say(b, false);
      assert.equal(await names(port, 2), "a");
      for (const [conn, name] of opened) {
        if (name === "b") assert.equal(await conn.rest(), "");
        else await conn.send("x");
        conn.close();
      }
      balancer.update({ ...config, health: null, ...{ backends: toBackends(config, [b]).backends } });
      assert.equal(await names(port, 2), "b", "without checks nobody waits for one");
      assert.equal(checks.calls, "update start update update stop ");
    });
    await Promise.all([a.close(), b.close()]);
  },
);

inside("a removed backend that fails its checks loses what it has; one that comes back is checked anew", async () => {
  const [a, b] = [named("a"), named("b")];
  const config = tcpConfig([a.port], { bindToVip: true, health: { ...CHECK, rise: 1, fall: 2 } });
  await inWorld(config, true, async ({ balancer, config, checks }) => {
    assert.ok(checks !== null);
    checks.say(a, true);
    const [conn] = await open(config.port);
    balancer.update(toBackends(config, [b]));
    checks.say(b, true);
    checks.say(a, false);
    for (let n = 0; n < 10; n++) {
      assert.equal(await names(config.port, 4), "b");
      await conn.send("one failure is none");
    }
    checks.say(a, false);
    assert.equal(await conn.rest(), "");
    conn.close();
    balancer.update(toBackends(config, [a]));
    assert.deepEqual(balancer.status().backends.map(({ state }) => state).slice(0, 1), ["down"]);
    checks.say(a, true);
    assert.equal(await names(config.port, 2), "a");
  });
  await Promise.all([a.close(), b.close()]);
});

inside("a client that was sending datagrams before there was anybody to get them is served when there is", async () => {
  const [server, client] = [new UdpSocket("127.0.0.1", 0), new UdpSocket("127.0.0.1", 0)];
  const { table, connections, close } = kernelParts();
  const { port } = withPort(tcpConfig([]));
  const config = { ...tcpConfig([server.port], { bindToVip: true }), type: "udp", port } as const;
  const common = { clock: systemClock, random: Math.random, resetter: new FakeResetter(), table, connections };
  let checks: FakeChecks | null = null;
  const balancer = new KernelBalancer({ ...config, health: { ...CHECK, rise: 1, fall: 1 } }, {
    ...common,
    checks: (onResult) => checks = new FakeChecks(onResult),
  });
  let received = 0;
  const send = (): void => {
    client.send(Uint8Array.of(1), udpAddress(VIP, port));
    server.drain(() => received++, () => {});
  };
  const say = (ok: boolean): void => (checks as FakeChecks | null)?.say(server, ok);
  const comes = async (what: string): Promise<void> => {
    received = 0;
    await eventually(() => {
      send();
      return received > 0;
    }, what);
  };
  send();
  await balancer.start();
  balancer.bind(VIP);
  send();
  say(true);
  await comes("a backend is there");
  say(false);
  await connections.settled();
  send();
  say(true);
  await comes("it is back");
  balancer.release(VIP);
  send();
  balancer.bind(VIP);
  await comes("the address is back");
  await balancer.stop();
  await close();
  for (const socket of [server, client]) socket.close();
});

inside("a port that somebody has over IPv6 is not taken from them", async () => {
  const other = Deno.listen({ hostname: "::1", port: 0 });
  const backends = [{ address: "fd00::1", port: 80, weight: 1 }, { address: "10.0.0.1", port: 80, weight: 1 }];
  const { table, connections, close } = kernelParts();
  const common = { clock: systemClock, random: Math.random, resetter: new FakeResetter(), table, connections };
  const config = { ...tcpConfig([], { backends }), port: other.addr.port };
  const balancer = new KernelBalancer(config, common);
  await assert.rejects(balancer.start(), /port/);
  const plain = new KernelBalancer({ ...config, backends: backends.slice(1) }, common);
  await plain.start();
  assert.deepEqual(plain.status().listening, [`0.0.0.0:${config.port}`]);
  await Promise.all([balancer.stop(), plain.stop()]);
  await close();
  other.close();
});
