import assert from "node:assert/strict";
import { bounded } from "../routers/figures.ts";
import { BFD } from "../routers/bfd_scenarios.ts";
import { withRouters } from "../routers/needs.ts";
import { Pinging } from "../routers/pinging.ts";
import type { Router } from "../routers/router.ts";
import { RouterLab } from "../routers/router_lab.ts";
import { PATIENCE_MS, SLACK_MS } from "../routers/scenarios.ts";
import { neighbor } from "../routers/types.ts";
import { leadOver, NODE_AS, ROUTER_AS, ROUTES, VIP_4, VIP_6 } from "../routers/world.ts";
import { Product, productCommand } from "./daemon.ts";
import { LabNode } from "./node.ts";
import { sharedNow, sleep } from "./time.ts";

const PASSWORD = "between_us";
/** A node that is cut off, and one that is killed, are replaced within the time that the election takes at most. */
const REPLACED_MS = 3000;
const STOPPED_MS = 500;

/** What `config.yaml` says of BGP. */
function speaker(routerIp: string): Record<string, unknown> {
  const { desiredTxMs, requiredRxMs, multiplier } = BFD.ours;
  const bfd = {
    bfdEnabled: true,
    bfdTransmitInterval: desiredTxMs,
    bfdReceiveInterval: requiredRxMs,
    bfdDetectMultiplier: multiplier,
  };
  const peer = { address: routerIp, as: ROUTER_AS, password: PASSWORD, mpbgpNexthop: "auto_sourceif", ...bfd };
  return { as: NODE_AS, sourceIF: "eth0", peers: [peer] };
}

async function startNodes(lab: RouterLab, routerIp: string): Promise<LabNode[]> {
  const machines = [1, 2, 3].map((number) => lab.machine(`node${number}`));
  const stations = machines.map(({ station }) => station);
  const extra = { vip: [VIP_4, VIP_6], bgp: speaker(routerIp) };
  const peerSecret = crypto.randomUUID().replaceAll("-", "");
  const daemon = new Product(await productCommand(), { timing: "default", peerSecret, backends: [], extra });
  return machines.map((machine) => {
    const directory = `${lab.directory}/${machine.name}`;
    Deno.mkdirSync(directory, { mode: 0o700 });
    return new LabNode(machine, daemon, { local: machine.station, nodes: stations, directory });
  });
}

/** The node that both routes in the router's kernel lead to. */
async function carrier(router: Router, nodes: readonly LabNode[], limitMs = PATIENCE_MS): Promise<LabNode> {
  const found = await router.waitFor("both routes to one node", limitMs, async () => {
    const hops = await Promise.all(([4, 6] as const).map(async (family) => {
      const routes = await router.kernelRoutes(family);
      return routes.find(({ prefix }) => prefix === ROUTES[family])?.nextHops ?? [];
    }));
    const node = nodes.find(({ machine: { station } }) => `${hops}` === `${station.ip4},${station.ip6}`);
    return node ?? null;
  });
  return found.value;
}

withRouters("the node that holds the addresses, and only it, announces them", ["frr"], async (t) => {
  await RouterLab.with(async (lab) => {
    const border = lab.machine("frr");
    const client = lab.machine("client");
    leadOver(client, border);
    const nodes = await startNodes(lab, border.station.ip4);
    const neighbors = nodes.map(({ machine }) =>
      neighbor(machine.station.ip4, NODE_AS, { bfd: BFD.router, password: PASSWORD })
    );
    const plain = { gracefulRestart: false, originate: [] };
    const router = await lab.router(
      "frr",
      { as: ROUTER_AS, routerId: border.station.ip4, neighbors, ...plain },
      border,
    );
    const ends = {
      "stopped in order": { boundMs: STOPPED_MS, end: (node: LabNode) => node.terminate() },
      "killed": { boundMs: REPLACED_MS, end: (node: LabNode) => node.kill() },
      "cut off": { boundMs: REPLACED_MS, end: (node: LabNode) => lab.network.cut(node.machine) },
    };
    try {
      const fromMs = performance.now();
      for (const node of nodes) node.start();
      await carrier(router, nodes);
      bounded("three nodes started → route in the router's kernel", {
        tookMs: performance.now() - fromMs,
        boundMs: 5000 + SLACK_MS,
      });
      const pings = new Pinging(lab, client, border);
      for (const [name, { boundMs, end }] of Object.entries(ends)) {
        await t.step(`the node that announces is ${name}, and another takes over`, async () => {
          const victim = await carrier(router, nodes);
          await pings.steady(PATIENCE_MS);
          await sleep(1500);
          const atMs = sharedNow();
          await end(victim);
          const next = await carrier(router, nodes.filter((node) => node !== victim));
          await pings.steady(PATIENCE_MS);
          const tookMs = Math.max(pings.outageMs(4, atMs), pings.outageMs(6, atMs));
          bounded(`${name} → outage of a client behind the router`, { tookMs, boundMs: boundMs + SLACK_MS });
          assert.ok(next !== victim);
          lab.network.mend(victim.machine);
          if (!victim.running) victim.start();
          await victim.ready(PATIENCE_MS);
        });
      }
    } catch (error) {
      const logs = nodes.map((node) => `--- ${node.name}\n${node.log.slice(-40).join("\n")}`).join("\n");
      throw new Error(logs, { cause: error });
    } finally {
      await Promise.all(nodes.map((node) => node.dispose()));
    }
  });
});
