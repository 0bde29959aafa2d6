/** What every engine promises of going over to another configuration while it runs. */
import assert from "node:assert/strict";
import type { Balancer } from "../../mod/balance/balancer.ts";
import type { TcpBalancerConfig } from "../../mod/config/types.ts";
import { deadPort, eventually, portOf, RawConn, tcpConfig, withBalancer } from "../balance/kit.ts";
import { CHECKS, greeting, named, type Promised } from "./balancer_kit.ts";

/** Connections may still be given by the old configuration while a thread of an engine hears of the new one: so many at most. */
const SOON = 50;

/** Gives connections until one goes to `name`. */
async function untilGiven(balancer: Balancer, name: string): Promise<void> {
  for (let n = 0; n < SOON; n++) if (await greeting(portOf(balancer)) === name) return;
  assert.fail(`${name} gets no connections`);
}

/** Who gets the next connections. */
async function given(balancer: Balancer, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let n = 0; n < count; n++) names.push(await greeting(portOf(balancer)));
  return names;
}

/** Goes over to another configuration of the same front, which an engine's test may have chosen otherwise than the promise. */
function change(balancer: Balancer, changes: Partial<Pick<TcpBalancerConfig, "backends" | "health">>): void {
  const { config } = balancer;
  assert.ok(config.type === "tcp");
  const next = { ...config, ...changes };
  balancer.update(next);
  assert.deepEqual({ ...balancer.config, port: next.port }, next);
}

function changePorts(balancer: Balancer, ports: readonly number[]): void {
  change(balancer, { backends: tcpConfig(ports).backends });
}

function stateOf(balancer: Balancer, port: number): string {
  return balancer.status().backends.find(({ name }) => name === `127.0.0.1:${port}`)?.state ?? "not there";
}

/** What is promised of `update`. */
export const UPDATE_PROMISES: readonly Promised[] = [
  {
    name: "an update: a backend that is added gets connections, one that is removed gets none, and what it has goes on",
    ability: null,
    run: async (make) => {
      const [a, b, c] = [named("a"), named("b"), named("c")];
      const config = tcpConfig([a.port, b.port]);
      await withBalancer(config, async (balancer) => {
        const listening = balancer.status().listening;
        const clients = await Promise.all([1, 2].map(() => RawConn.connect(portOf(balancer))));
        const greetings = await Promise.all(clients.map((client) => client.until("\n")));
        assert.deepEqual(greetings.sort(), ["a\n", "b\n"]);
        changePorts(balancer, [b.port, c.port]);
        assert.deepEqual(balancer.status().listening, listening, "nothing else listens");
        await untilGiven(balancer, "c");
        assert.deepEqual((await given(balancer, 6)).sort(), ["b", "b", "b", "c", "c", "c"]);
        for (const client of clients) {
          await client.send("still there?");
          assert.equal(await client.exactly(12), "still there?");
          client.close();
        }
      }, make);
      await Promise.all([a, b, c].map((backend) => backend.close()));
    },
  },
  {
    name: "an update: one that stays keeps its counters, one that comes back is used again",
    ability: null,
    run: async (make) => {
      const [a, b] = [named("a"), named("b")];
      const config = tcpConfig([a.port, b.port]);
      await withBalancer(config, async (balancer) => {
        await given(balancer, 4);
        const total = (): number | undefined => balancer.status().backends[0]?.totalConnections;
        await eventually(() => total() === 2, "half of them went to a");
        changePorts(balancer, [a.port]);
        assert.equal(total(), 2);
        changePorts(balancer, [a.port, b.port]);
        await untilGiven(balancer, "b");
        assert.deepEqual((await given(balancer, 4)).sort(), ["a", "a", "b", "b"]);
      }, make);
      await Promise.all([a, b].map((backend) => backend.close()));
    },
  },
  {
    name: "an update: a new weight counts",
    ability: null,
    run: async (make) => {
      const [a, b] = [named("a"), named("b")];
      const config = tcpConfig([a.port, b.port]);
      const weighed = (weights: readonly number[]): TcpBalancerConfig["backends"] =>
        config.backends.map((backend, at) => ({ ...backend, weight: weights[at] ?? 1 }));
      await withBalancer({ ...config, backends: weighed([100, 1]) }, async (balancer) => {
        await given(balancer, 5);
        change(balancer, { backends: weighed([1, 3]) });
        await untilGiven(balancer, "b");
        const names = await given(balancer, 16);
        assert.equal(names.filter((name) => name === "b").length, 12, names.join(" "));
      }, make);
      await Promise.all([a, b].map((backend) => backend.close()));
    },
  },
  {
    name: "an update: a check that changed is used, and one that is gone does not count",
    ability: null,
    run: async (make) => {
      const [a, b] = [named("a"), named("b")];
      const config = tcpConfig([a.port, b.port], { health: { ...CHECKS, type: "tcp" } });
      await withBalancer(config, async (balancer) => {
        assert.equal(stateOf(balancer, a.port), "up");
        change(balancer, { health: { ...CHECKS, type: "http" } });
        await eventually(() => stateOf(balancer, a.port) === "down", "what it says is no HTTP");
        change(balancer, { health: { ...CHECKS, type: "tcp" } });
        await eventually(() => stateOf(balancer, a.port) === "up", "it accepts connections");
        change(balancer, { health: { ...CHECKS, type: "http" } });
        await eventually(() => stateOf(balancer, a.port) === "down", "and again");
        change(balancer, { health: null });
        await untilGiven(balancer, "a");
        assert.equal(stateOf(balancer, a.port), "up");
      }, make);
      await Promise.all([a, b].map((backend) => backend.close()));
    },
  },
  {
    name: "an update: a backend that is new and dead gets no connection where there are checks",
    ability: null,
    run: async (make) => {
      const [a, dead] = [named("a"), deadPort()];
      const config = tcpConfig([a.port], { health: { ...CHECKS, type: "tcp" } });
      await withBalancer(config, async (balancer) => {
        changePorts(balancer, [dead, a.port]);
        assert.deepEqual(new Set(await given(balancer, 10)), new Set(["a"]));
        assert.equal(stateOf(balancer, dead), "down");
      }, make);
      await a.close();
    },
  },
  {
    name: "an update: a backend that is removed is told of while it has connections",
    ability: "own-connections",
    run: async (make) => {
      const [a, b] = [named("a"), named("b")];
      const config = tcpConfig([a.port]);
      await withBalancer(config, async (balancer) => {
        const client = await RawConn.connect(portOf(balancer));
        await client.until("\n");
        changePorts(balancer, [b.port]);
        await eventually(() => balancer.status().backends.length === 2, "both are told of");
        assert.match(balancer.status().backends[1]?.detail ?? "", /removed, 1 connection left/);
        assert.equal(balancer.status().backends[1]?.state, "down");
        client.close();
        await eventually(() => balancer.status().backends.length === 1, "it is gone with its last connection");
      }, make);
      await Promise.all([a, b].map((backend) => backend.close()));
    },
  },
];
