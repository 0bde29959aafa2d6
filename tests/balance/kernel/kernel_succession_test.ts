/** A port goes from the kernel to another balancer and back while connections stand. */
import assert from "node:assert/strict";
import { BalancerSet } from "../../../mod/agent/balancer_set.ts";
import type { BalancersPlan } from "../../../mod/agent/reload_plan.ts";
import { KernelBalancer, type KernelBalancerDeps } from "../../../mod/balance/kernel/kernel_balancer.ts";
import { ListenBalancer } from "../../../mod/balance/listen_balancer.ts";
import type { TcpBalancerConfig } from "../../../mod/config/types.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";
import { CHECKS, named } from "../../contracts/balancer_kit.ts";
import { privileged } from "../../fakes/privileges.ts";
import { FakeResetter, RawConn, tcpConfig } from "../kit.ts";
import { insideNamespace, kernelParts, withPort } from "./kit.ts";

const VIP = "127.0.0.9";

async function open(port: number, greeting: string): Promise<RawConn> {
  const conn = new RawConn(await Deno.connect({ hostname: VIP, port }));
  assert.equal(await conn.until("\n"), `${greeting}\n`);
  return conn;
}

async function isThere(conn: RawConn): Promise<void> {
  await conn.send("ping");
  assert.equal(await conn.exactly(4), "ping");
}

function swap(to: TcpBalancerConfig): BalancersPlan {
  return { kept: [], updated: [], added: [], swapped: [{ from: to.name, to }], removed: [], order: [to.name] };
}

privileged(
  "the kernel's connections go on when another engine or another of its balancers has the port",
  () =>
    insideNamespace(async () => {
      const backend = named("here");
      const parts = kernelParts();
      const resetter = new FakeResetter();
      const deps = { clock: systemClock, random: () => 0, resetter };
      const first: TcpBalancerConfig = {
        ...tcpConfig([backend.port], { engine: "kernel", bindToVip: true, drainMs: 30 }),
        port: withPort(tcpConfig([])).port,
      };
      const set = new BalancerSet([first], {
        clock: systemClock,
        make: (config) =>
          config.engine === "kernel" && config.type === "tcp"
            ? new KernelBalancer(config, { ...deps, ...parts })
            : new ListenBalancer(config, deps),
      });
      await set.start();
      set.bind(VIP);
      const held: RawConn[] = [];
      for (const change of [{}, { engine: "listen" }, { engine: "kernel" }, { affinity: "source" }] as const) {
        if (Object.keys(change).length > 0) {
          const next = { ...first, ...change, drainMs: 5000 };
          assert.deepEqual(await set.apply(swap(next)), { outcome: "applied" });
        }
        held.push(await open(first.port, "here"));
        // Longer than the first one drains.
        await new Promise((resolve) => setTimeout(resolve, 60));
        for (const conn of held) await isThere(conn);
      }
      for (const conn of held) conn.close();
      await set.stop();
      await parts.close();
      await backend.close();
    }),
);

privileged(
  "the address takes along the connections of balancers that have left, also of those that are forgotten",
  () =>
    insideNamespace(async () => {
      const [one, two] = [named("one"), named("two")];
      const parts = kernelParts();
      const deps = { clock: systemClock, random: () => 0, resetter: new FakeResetter(), ...parts };
      const port = withPort(tcpConfig([])).port;
      const base = tcpConfig([one.port], { engine: "kernel", bindToVip: true, drainMs: 30 });
      const first: TcpBalancerConfig = { ...base, port };
      const set = new BalancerSet([first], {
        clock: systemClock,
        make: (config) => new KernelBalancer(config.type === "http" ? assert.fail() : config, deps),
      });
      await set.start();
      set.bind(VIP);
      const forgotten = await open(port, "one");
      const other = { ...first, backends: [{ address: "127.0.0.1", port: two.port, weight: 1 }] };
      assert.deepEqual(await set.apply(swap({ ...other, affinity: "source", drainMs: 60_000 })), {
        outcome: "applied",
      });
      await new Promise((resolve) => setTimeout(resolve, 60));
      await isThere(forgotten);
      const drained = await open(port, "two");
      const third = { ...first, name: "elsewhere", port: withPort(tcpConfig([])).port };
      const plan = { kept: [], updated: [], added: [third], swapped: [], removed: [first.name], order: [third.name] };
      assert.deepEqual(await set.apply(plan), { outcome: "applied" });
      await isThere(drained);
      set.release(VIP);
      parts.connections.released(VIP);
      for (const conn of [forgotten, drained]) {
        await assert.rejects(isThere(conn));
        conn.close();
      }
      await set.stop();
      await parts.close();
      await Promise.all([one.close(), two.close()]);
    }),
);

privileged(
  "connections of an earlier run, which ended without a word, end with the address as well",
  () =>
    insideNamespace(async () => {
      const backend = named("here");
      const config: TcpBalancerConfig = {
        ...tcpConfig([backend.port], { engine: "kernel", bindToVip: true }),
        port: withPort(tcpConfig([])).port,
      };
      const deps = { clock: systemClock, random: () => 0, resetter: new FakeResetter() };
      const [before, after] = [kernelParts(), kernelParts()];
      const killed = new KernelBalancer(config, { ...deps, ...before });
      await killed.start();
      killed.bind(VIP);
      const conn = await open(config.port, "here");
      before.table.close();
      const balancer = new KernelBalancer(config, { ...deps, ...after });
      await balancer.start();
      balancer.bind(VIP);
      await isThere(conn);
      balancer.release(VIP);
      await assert.rejects(isThere(conn));
      conn.close();
      await Promise.all([killed.stop(), balancer.stop()]);
      await Promise.all([before.close(), after.close(), backend.close()]);
    }),
);

privileged(
  "a backend that dies takes along what a predecessor had given it",
  () =>
    insideNamespace(async () => {
      const backend = named("here");
      const parts = kernelParts();
      const said: ((ok: boolean) => void)[] = [];
      const checks: NonNullable<KernelBalancerDeps["checks"]> = (onResult) => {
        said.push((ok) => onResult(0, { ok, detail: ok ? "well" : "ill" }));
        return { start: () => {}, update: () => {}, stop: () => Promise.resolve() };
      };
      const deps = { clock: systemClock, random: () => 0, resetter: new FakeResetter(), ...parts, checks };
      const health = { ...CHECKS, type: "tcp", rise: 1, fall: 1 } as const;
      const first: TcpBalancerConfig = {
        ...tcpConfig([backend.port], { engine: "kernel", bindToVip: true, health }),
        port: withPort(tcpConfig([])).port,
      };
      const set = new BalancerSet([first], {
        clock: systemClock,
        make: (config) => new KernelBalancer(config.type === "http" ? assert.fail() : config, deps),
      });
      await set.start();
      set.bind(VIP);
      said[0]?.(true);
      const conn = await open(first.port, "here");
      assert.deepEqual(await set.apply(swap({ ...first, affinity: "source" })), { outcome: "applied" });
      said[1]?.(true);
      await isThere(conn);
      said[1]?.(false);
      await parts.connections.settled();
      await assert.rejects(isThere(conn));
      conn.close();
      await set.stop();
      await parts.close();
      await backend.close();
    }),
);

privileged(
  "connections of an earlier run to a backend that is not configured any more end",
  () =>
    insideNamespace(async () => {
      const [old, kept] = [named("old"), named("kept")];
      const { port } = withPort(tcpConfig([]));
      const config = (...ports: number[]): TcpBalancerConfig => ({ ...tcpConfig(ports, { bindToVip: true }), port });
      const deps = { clock: systemClock, random: () => 0, resetter: new FakeResetter() };
      const [before, after] = [kernelParts(), kernelParts()];
      const killed = new KernelBalancer(config(old.port, kept.port), { ...deps, ...before });
      await killed.start();
      killed.bind(VIP);
      const [first, second] = [await open(port, "old"), await open(port, "kept")];
      before.table.close();
      const balancer = new KernelBalancer(config(kept.port), { ...deps, ...after });
      await balancer.start();
      balancer.bind(VIP);
      await after.connections.settled();
      await assert.rejects(isThere(first));
      await isThere(second);
      for (const conn of [first, second]) conn.close();
      await Promise.all([killed.stop(), balancer.stop()]);
      await Promise.all([before.close(), after.close(), old.close(), kept.close()]);
    }),
);
