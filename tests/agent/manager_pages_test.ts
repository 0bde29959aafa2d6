import assert from "node:assert/strict";
import { ManagerPages, type NodeFacts } from "../../mod/agent/manager_pages.ts";
import type { ManagerConfig } from "../../mod/config/manager/types.ts";
import type { ElectorStatus } from "../../mod/election/elector.ts";
import type { Health } from "../../mod/health/fitness.ts";
import { ListenError } from "../../mod/observe/page_server.ts";
import { mustLoad } from "../config/manager/helpers.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { FakeKernel } from "../fakes/kernel.ts";
import { quietPort } from "../fakes/ports.ts";
import { NO_ROUTING } from "../../mod/observe/status_types.ts";

const IP = "10.98.0.200";
const HOLD = { ip: IP, heldHere: true, heldForMs: 5000, validForMs: 1500, conflict: null, conflictsSeen: 2 };

/** Time that passes without a timer's firing: the loop stands still. */
class StandingClock extends VirtualClock {
  stoodMs = 0;

  override now(): number {
    return super.now() + this.stoodMs;
  }
}

/** Pages of a node whose state a test sets. */
class Node {
  readonly clock = new StandingClock();
  readonly config: ManagerConfig;
  readonly pages: ManagerPages;
  hasRoute = true;
  unfit: string | null = null;
  health: Health = { is: "unknown" };
  election: ElectorStatus = {
    leader: "node-1",
    leading: true,
    transitions: 3,
    goodMs: this.clock.now(),
    triedMs: this.clock.now(),
    trouble: null,
  };

  constructor(change: Partial<ManagerConfig> = {}) {
    const ports = { healthPort: quietPort(), metrics: { host: "127.0.0.1", port: quietPort() } };
    const config = this.config = { ...mustLoad(), ...ports, ...change };
    const facts: NodeFacts = {
      startedMs: this.clock.now(),
      apiServer: "https://10.0.0.1:6443",
      holds: () => [HOLD],
      election: { leaseName: "lock", status: () => this.election },
      health: () => this.health,
      unfit: () => this.unfit,
      linkName: "eth0",
      routing: () => NO_ROUTING,
      balancers: () => [],
      bgp: () => null,
    };
    const kernel = {
      book: new FakeKernel(this.clock),
      hasDefaultRoute: () => this.hasRoute,
      chains: () => ({ outcome: "failed" as const, why: "none here" }),
    };
    const build = { version: "1.2.3", commit: "abcdef" };
    this.pages = new ManagerPages({ config, settings: new Map(), clock: this.clock, build, kernel, facts });
  }

  /** Status and text. */
  async ask(page: "healthz" | "readyz"): Promise<[number, string]> {
    const response = await fetch(`http://127.0.0.1:${this.config.healthPort}/${page}`);
    return [response.status, await response.text()];
  }

  async metrics(): Promise<string[]> {
    const response = await fetch(`http://127.0.0.1:${this.config.metrics?.port}/metrics`);
    return (await response.text()).split("\n");
  }
}

async function withPages(node: Node, run: () => Promise<void>): Promise<void> {
  await node.pages.start();
  try {
    await run();
  } finally {
    await node.pages.stop();
  }
  assert.equal(node.clock.pending, 0);
}

Deno.test("a node that can do its work is healthy and ready", async () => {
  const node = new Node();
  await withPages(node, async () => {
    for (const page of ["healthz", "readyz"] as const) assert.deepEqual(await node.ask(page), [200, "OK"]);
  });
});

Deno.test("what a restart would not mend makes the node not ready, and leaves it healthy", async () => {
  const rows: readonly [(node: Node) => void, string][] = [
    [(node) => node.election = { ...node.election, leader: null }, "election: nobody holds, as far as is known\n"],
    [
      (node) => node.election = { ...node.election, leader: null, trouble: "out of reach" },
      "election: out of reach\n",
    ],
    [(node) => node.unfit = "eth0 has no carrier", "node: eth0 has no carrier\n"],
    [(node) => node.hasRoute = false, "default-route: this machine has lost its default route\n"],
  ];
  for (const [change, words] of rows) {
    const node = new Node();
    await withPages(node, async () => {
      change(node);
      assert.deepEqual(await node.ask("readyz"), [503, words]);
      assert.deepEqual(await node.ask("healthz"), [200, "OK"]);
    });
  }
});

Deno.test("a machine that never had a default route has lost none", async () => {
  const node = new Node();
  node.hasRoute = false;
  await withPages(node, async () => assert.deepEqual(await node.ask("readyz"), [200, "OK"]));
});

Deno.test("an election that tries nothing for three renew deadlines is not healthy", async () => {
  const node = new Node();
  const limitMs = 3 * node.config.lease.times.renewDeadlineMs;
  await withPages(node, async () => {
    node.clock.advance(limitMs);
    assert.deepEqual(await node.ask("healthz"), [200, "OK"]);
    node.clock.advance(100);
    const [status, text] = await node.ask("healthz");
    assert.equal(status, 503);
    assert.match(text, /^election: tried nothing for 30.1 s\n$/);
  });
});

Deno.test("an event loop that stood still for ten seconds is not healthy", async () => {
  const node = new Node();
  await withPages(node, async () => {
    node.clock.stoodMs = 11_000;
    node.election = { ...node.election, triedMs: node.clock.now() };
    const [status, text] = await node.ask("healthz");
    assert.equal(status, 503);
    assert.match(text, /^event-loop: stood still for 1\d.\d s\n$/);
  });
});

Deno.test("metrics say who leads, what is held, and what runs here", async () => {
  const node = new Node();
  const name = node.config.nodeName;
  await withPages(node, async () => {
    node.pages.held(IP);
    node.pages.announced(IP, 250);
    const first = await node.metrics();
    for (
      const line of [
        `kube_vip_build_info{version="1.2.3",build="abcdef",node="${name}"} 1`,
        `kube_vip_is_leader{node="${name}",lease_name="lock"} 1`,
        `kube_vip_holding{address="${IP}"} 1`,
        `kube_vip_hold_changes_total{address="${IP}"} 1`,
        `kube_vip_address_conflicts_total{address="${IP}"} 2`,
        `kube_vip_election_last_success_seconds{lease_name="lock"} 0`,
        "kube_vip_takeover_seconds_count 1",
      ]
    ) assert.ok(first.includes(line), `${line}\nnot in\n${first.join("\n")}`);
    assert.ok(!first.some((line) => line.startsWith("kube_vip_healthy ")));
    node.pages.leads(false);
    node.pages.released(IP);
    node.health = { is: "unhealthy", why: "gone" };
    const second = await node.metrics();
    for (
      const line of [
        `kube_vip_is_leader{node="${name}",lease_name="lock"} 0`,
        `kube_vip_hold_changes_total{address="${IP}"} 2`,
        "kube_vip_healthy 0",
      ]
    ) assert.ok(second.includes(line), line);
  });
});

Deno.test("without ports nothing is served, and everything may still be told", async () => {
  const node = new Node({ healthPort: null, metrics: null });
  await withPages(node, () => {
    node.pages.leads(true);
    node.pages.held(IP);
    node.pages.released(IP);
    node.pages.announced(IP, 1);
    return Promise.resolve();
  });
});

Deno.test("a port that is taken is said by its setting, and what was opened before can be closed", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const node = new Node({ metrics: { host: "127.0.0.1", port: listener.addr.port } });
  await assert.rejects(node.pages.start(), (error) => {
    return error instanceof ListenError && error.message.includes("prometheus_server");
  });
  await node.pages.stop();
  assert.equal(node.clock.pending, 0);
  listener.close();
});

Deno.test("the dump says what is so now", async () => {
  const node = new Node();
  await withPages(node, () => {
    node.unfit = "eth0 has no carrier";
    node.clock.advance(4000);
    const text = node.pages.dump();
    for (
      const line of [
        "Leader: node-1",
        "Leading: true",
        "Leader Transitions: 3",
        "Last Success: 4.0 s ago",
        "Uptime: 4.0 s",
        "API Server: https://10.0.0.1:6443",
        "Fit To Hold: false (eth0 has no carrier)",
        "Unable to retrieve NFTables chains: none here",
        `Address ${IP}: held here for 5.0 s, valid for 1.5 s without a renewal, 2 conflicts seen`,
      ]
    ) assert.ok(text.split("\n").includes(line), `${line}\nnot in\n${text}`);
    return Promise.resolve();
  });
});
