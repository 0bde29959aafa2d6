import assert from "node:assert/strict";
import { privileged } from "../fakes/privileges.ts";
import { askAgent } from "../../mod/cli/control_client.ts";
import { parseClusterStatus } from "../../mod/cli/status_schema.ts";
import type { BalancerReport } from "../../mod/observe/status_types.ts";
import type { Child } from "./child.ts";
import { stateDirectory } from "./daemon.ts";
import { faultNamed, runFault } from "./faults.ts";
import { Lab, PATIENT } from "./lab.ts";
import { type Machine, tablesOf } from "./network.ts";
import type { LabNode } from "./node.ts";
import { BACKEND_ECHO_PORT, BACKEND_HTTP_PORT, ECHO_PORT, station, VIP_4, VIP_6 } from "./plan.ts";
import { FAMILIES } from "./records.ts";
import { sleep } from "./time.ts";

const VIPS = { 4: VIP_4, 6: VIP_6 } as const;
const UDP_PORT = 7053;
const STICKY_PORT = 7054;
const OPEN_PORT = 7055;
const SEEN_PORT = 7056;
const NODES_PORT = 7057;
/** Where a node's own backend listens. */
const NODE_ECHO_PORT = 9091;
const BACKEND = new URL("backend.ts", import.meta.url).pathname;
const CLIENT = [Deno.execPath(), "run", "-A", "--no-lock", new URL("client.ts", import.meta.url).pathname];
const STATIONS = [station("first", 21), station("second", 22)];
/** Checks notice a machine that is gone within a second. */
const CHECKS = { interval: 200, timeout: 200, rise: 1, fall: 3 };
const SETTINGS = ["ipv4/ip_forward", "ipv6/conf/all/forwarding", "ipv6/conf/eth0/accept_ra"];

function balancers(): Record<string, unknown>[] {
  const backends = STATIONS.flatMap(({ ip4, ip6 }) => [ip4, ip6])
    .map((address) => ({ address, port: BACKEND_ECHO_PORT }));
  const common = { engine: "kernel", backends };
  const nodes = [1, 2, 3].map((host) => ({ address: station("node", host).ip4, port: NODE_ECHO_PORT }));
  return [
    { ...common, name: "echo", type: "tcp", port: ECHO_PORT, bindToVip: true, healthCheck: CHECKS },
    { ...common, name: "datagrams", type: "udp", port: UDP_PORT, bindToVip: true, healthCheck: CHECKS },
    { ...common, name: "sticky", type: "tcp", port: STICKY_PORT, bindToVip: true, affinity: "source" },
    { ...common, name: "open", type: "tcp", port: OPEN_PORT, bindToVip: false },
    { ...common, name: "nodes", type: "tcp", port: NODES_PORT, bindToVip: true, backends: nodes },
    { ...common, name: "seen", type: "udp", port: SEEN_PORT, bindToVip: true, preserveClientAddress: true },
    { ...common, name: "seen too", type: "tcp", port: SEEN_PORT, bindToVip: true, preserveClientAddress: true },
  ];
}

interface World {
  readonly lab: Lab;
  readonly backends: readonly Machine[];
  /** The kernel's settings of each node before it started. */
  readonly before: readonly (readonly string[])[];
}

/** A laboratory with two backends that the test may cut off. */
async function inWorld(use: (world: World) => Promise<void>): Promise<void> {
  await Lab.with({ timing: PATIENT, extra: { loadBalancers: balancers() } }, async (lab) => {
    const backends = STATIONS.map((one) => lab.network.connect(one));
    const places = [
      ...backends.map((machine) => ({ machine, port: BACKEND_ECHO_PORT })),
      ...lab.nodes.map(({ machine }) => ({ machine, port: NODE_ECHO_PORT })),
    ];
    const children = places.map(({ machine, port }) => {
      const ports = [String(BACKEND_HTTP_PORT), String(port)];
      return lab.run(machine, machine.name, [
        Deno.execPath(),
        "run",
        "-A",
        "--no-lock",
        BACKEND,
        machine.name,
        ...ports,
      ]);
    });
    await Promise.all(children.map((child) => child.waitForLine("listening", { limitMs: 30_000 })));
    await use({ lab, backends, before: lab.nodes.map(({ machine }) => settings(machine)) });
  });
}

function echo(lab: Lab, host: string, port: number, from: Machine = lab.client): string {
  const [name = "", text = ""] = lab.execute(from, [...CLIENT, "echo", host, String(port), "round trip"]).split("\n");
  assert.equal(text, "round trip");
  return name;
}

async function report(node: LabNode, name: string): Promise<BalancerReport> {
  const answer = await askAgent(stateDirectory(node.place.directory), { method: "GET", path: "/status" });
  const parsed = parseClusterStatus(answer.outcome === "answered" ? answer.value : null);
  assert.equal(parsed.outcome, "valid");
  const own = parsed.outcome === "valid" ? parsed.status.nodes[0] : undefined;
  const found = own?.outcome === "answered" ? own.node.balancers.find((one) => one.name === name) : undefined;
  assert.ok(found !== undefined, `${node.name} has a balancer ${name}`);
  return found;
}

function settings(machine: Machine): string[] {
  return machine.inside(() => SETTINGS.map((path) => Deno.readTextFileSync(`/proc/sys/net/${path}`).trim()));
}

function holder(lab: Lab): LabNode {
  const node = lab.holder();
  assert.ok(node !== null, "somebody holds the addresses");
  return node;
}

async function holdOn(lab: Lab): Promise<Child[]> {
  return await Promise.all(FAMILIES.map((family) => lab.hold(VIPS[family], ECHO_PORT)));
}

async function areReset(children: readonly Child[], limitMs: number): Promise<void> {
  for (const child of children) {
    await child.end(limitMs).catch(() => {});
    assert.deepEqual(child.log.slice(1), ["reset"], children.map(({ log }) => log.join(" ")).join("; "));
  }
}

async function vanishes(lab: Lab, backends: readonly Machine[]): Promise<void> {
  const [first] = backends;
  assert.ok(first !== undefined);
  const [one, other] = [await holdOn(lab), await holdOn(lab)];
  const of = (name: string): Child[] => [...one, ...other].filter((child) => child.log[0] === `open ${name}`);
  assert.deepEqual([of("first").length, of("second").length], [2, 2]);
  lab.network.cut(first);
  await areReset(of("first"), 5000);
  assert.deepEqual(of("second").map(({ status }) => status), [null, null]);
  for (const family of FAMILIES) {
    assert.deepEqual([1, 2, 3].map(() => echo(lab, VIPS[family], ECHO_PORT)), ["second", "second", "second"]);
  }
  lab.network.mend(first);
  for (let left = 100;; left--) {
    const { backends } = await report(holder(lab), "echo");
    if (backends.every(({ state }) => state === "up")) break;
    assert.ok(left > 0, "the backend is up again");
    await sleep(50);
  }
  assert.equal(new Set([1, 2].map(() => echo(lab, VIP_4, ECHO_PORT))).size, 2);
  await Promise.all(of("second").map((child) => child.stop("SIGKILL")));
}

/** What is shown, in this order. */
const STEPS: readonly { readonly name: string; readonly run: (world: World) => Promise<void> }[] = [
  {
    name: "connections are spread over the backends, and counted",
    run: async ({ lab }) => {
      for (const family of FAMILIES) {
        const names = [1, 2, 3, 4].map(() => echo(lab, VIPS[family], ECHO_PORT));
        assert.deepEqual(names.sort(), ["first", "first", "second", "second"], `IPv${family}`);
      }
      const { engine, totalConnections, backends } = await report(holder(lab), "echo");
      assert.deepEqual([engine, totalConnections], ["kernel", 8]);
      assert.deepEqual(backends.map((one) => one.totalConnections), [2, 2, 2, 2]);
      assert.ok(backends.every(({ bytes = 0 }) => bytes > 200), JSON.stringify(backends));
    },
  },
  {
    name: "a client keeps its backend where that is asked for",
    run: ({ lab }) => {
      for (const family of FAMILIES) {
        assert.equal(new Set([1, 2, 3, 4, 5].map(() => echo(lab, VIPS[family], STICKY_PORT))).size, 1);
      }
      return Promise.resolve();
    },
  },
  {
    name: "datagrams come back, and backends see the address of the holder",
    run: ({ lab }) => {
      for (const family of FAMILIES) {
        const { ip4, ip6 } = holder(lab).machine.station;
        const [answer = ""] = lab.ask("ask", VIPS[family], String(UDP_PORT), "hello");
        assert.match(answer, /^(first|second) .* hello$/);
        assert.equal(answer.split(" ")[1], family === 4 ? `::ffff:${ip4}` : ip6);
      }
      return Promise.resolve();
    },
  },
  {
    name: "backends see the client where that is asked for and their way back leads through the holder",
    run: ({ lab, backends }) => {
      const { ip4 } = lab.client.station;
      for (const machine of backends) lab.execute(machine, ["ip", "route", "add", `${ip4}/32`, "via", VIP_4]);
      assert.match(
        lab.ask("ask", VIP_4, String(SEEN_PORT), "hello").join(),
        new RegExp(`^(first|second) ::ffff:${ip4} hello$`),
      );
      echo(lab, VIP_4, SEEN_PORT);
      echo(lab, VIP_4, SEEN_PORT, holder(lab).machine);
      return Promise.resolve();
    },
  },
  {
    name: "a program on the holder itself is served too",
    run: ({ lab }) => {
      for (const family of FAMILIES) echo(lab, VIPS[family], ECHO_PORT, holder(lab).machine);
      return Promise.resolve();
    },
  },
  {
    name: "members themselves may be backends, the holder among them",
    run: ({ lab }) => {
      for (const from of [lab.client, holder(lab).machine]) {
        const names = [1, 2, 3].map(() => echo(lab, VIP_4, NODES_PORT, from));
        assert.deepEqual(names.sort(), ["node1", "node2", "node3"], from.name);
      }
      return Promise.resolve();
    },
  },
  {
    name: "a balancer that is not bound to the address serves on every node",
    run: ({ lab }) => {
      for (const { machine } of lab.nodes) {
        echo(lab, machine.station.ip4, OPEN_PORT);
        echo(lab, machine.station.ip6, OPEN_PORT);
        assert.deepEqual(lab.ask("refused", machine.station.ip4, String(ECHO_PORT)), ["refused"]);
      }
      return Promise.resolve();
    },
  },
  {
    name: "a backend that vanishes gets no connections, and those it had are reset",
    run: ({ lab, backends }) => vanishes(lab, backends),
  },
  {
    name: "connections are reset when another node takes the address, which serves at once",
    run: async ({ lab }) => {
      const held = await holdOn(lab);
      const result = await runFault(lab, faultNamed("transfer"));
      assert.notEqual(result.after, result.before);
      await areReset(held, 2000);
      for (const family of FAMILIES) echo(lab, VIPS[family], ECHO_PORT);
    },
  },
  {
    name: "whoever flushes the ruleset does not end the service",
    run: async ({ lab }) => {
      const held = await holdOn(lab);
      lab.execute(holder(lab).machine, ["nft", "flush", "ruleset"]);
      for (const family of FAMILIES) echo(lab, VIPS[family], ECHO_PORT);
      assert.deepEqual(held.map(({ status }) => status), [null, null], "established connections go on");
      await Promise.all(held.map((child) => child.stop("SIGKILL")));
    },
  },
  {
    name: "the kernel is left as it was found",
    run: async ({ lab, before }) => {
      for (const node of lab.nodes) await node.terminate();
      for (const [index, { machine }] of lab.nodes.entries()) {
        assert.deepEqual(tablesOf(machine), []);
        assert.deepEqual(settings(machine), before[index]);
      }
    },
  },
];

privileged("the kernel balances behind the addresses: spread, health, hand-over, and nothing is left", async (t) => {
  await inWorld(async (world) => {
    await world.lab.startAll();
    for (const { name, run } of STEPS) await t.step(name, () => run(world));
  });
}, { program: "nft" });
