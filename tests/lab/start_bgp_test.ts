import assert from "node:assert/strict";
import { bounded } from "../routers/figures.ts";
import { withRouters } from "../routers/needs.ts";
import { PATIENCE_MS, SLACK_MS } from "../routers/scenarios.ts";
import { VIP_4 as FAR_4, VIP_6 as FAR_6 } from "../routers/world.ts";
import type { LabNode } from "./node.ts";
import { VIP_4 as NEAR_4, VIP_6 as NEAR_6 } from "./plan.ts";
import { StartBgpLab } from "./start_bgp_lab.ts";
import { sharedNow, sleep } from "./time.ts";

/** On no link, and on the link of everybody. */
const FAR = { 4: FAR_4, 6: FAR_6 } as const;
const NEAR = { 4: NEAR_4, 6: NEAR_6 } as const;

/** What may happen to the node that announces, how it is undone, and how long the client may be without an answer. */
interface Fault {
  readonly begin: (lab: StartBgpLab, node: LabNode) => unknown;
  readonly mend: (lab: StartBgpLab, node: LabNode) => unknown;
  readonly boundMs: number;
}

/** Nobody is told: the others wait for their time-outs. */
const ELECTED_MS = 600;
/** BFD, 50 ms × 3, and the router's own work. */
const WATCHED_MS = 300;
/** FRR does not go by BFD in the first second of a session, and pauses end once their effect has been seen. */
const SETTLE_MS = 1500;

const ORDERLY: Readonly<Record<string, Fault>> = {
  "handed over": { begin: (lab, node) => lab.transfer(node), mend: () => {}, boundMs: 200 },
  "stopped in order": { begin: (_, node) => node.terminate(), mend: (_, node) => node.start(), boundMs: 300 },
};

const KILLED: Fault = { begin: (_, node) => node.kill(), mend: (_, node) => node.start(), boundMs: ELECTED_MS };

/** Those that the router cannot see by itself. Bounds with slack are below the shortest hold time, 3 s. */
function silent(boundMs: number): Readonly<Record<string, Fault>> {
  return {
    "cut off": {
      begin: ({ lab }, node) => lab.network.cut(node.machine),
      mend: ({ lab }, node) => lab.network.mend(node.machine),
      boundMs,
    },
    "stopped by SIGSTOP": { begin: (_, node) => node.pause(), mend: (_, node) => node.resume(), boundMs },
  };
}

/** One fault: the route has to lead to another node, and the old one must be left no later than the bound. */
async function endureOne(lab: StartBgpLab, name: string, { begin, mend, boundMs }: Fault): Promise<void> {
  const victim = await lab.settled();
  await sleep(SETTLE_MS);
  const fromMs = sharedNow();
  const begun = begin(lab, victim);
  const { atMs } = await lab.movedFrom(victim);
  const leftMs = lab.leftAtMs(victim, fromMs);
  await begun;
  await lab.settled();
  bounded(`${name} → the router's kernel leads to the old node`, {
    tookMs: (leftMs ?? Infinity) - fromMs,
    boundMs: boundMs + SLACK_MS,
  });
  bounded(`${name} → the router's kernel leads to the new node`, {
    tookMs: atMs - fromMs,
    boundMs: boundMs + SLACK_MS,
  });
  bounded(`${name} → outage of a client behind the router`, {
    tookMs: lab.outageMs(fromMs),
    boundMs: boundMs + SLACK_MS,
  });
  const mendedMs = sharedNow();
  await mend(lab, victim);
  await victim.ready(PATIENCE_MS);
  await lab.settled();
  await sleep(SETTLE_MS);
  bounded(`${name}, and back → outage`, { tookMs: lab.outageMs(mendedMs), boundMs: SLACK_MS });
}

async function endure(
  t: Deno.TestContext,
  lab: StartBgpLab,
  faults: Readonly<Record<string, Fault>>,
): Promise<void> {
  for (const node of lab.nodes) node.start();
  await lab.settled();
  for (const [name, fault] of Object.entries(faults)) {
    const passed = await t.step(`the node that announces is ${name}: the route moves`, async () => {
      try {
        await endureOne(lab, name, fault);
      } catch (error) {
        throw new Error(lab.logs(), { cause: error });
      }
    });
    if (!passed) return;
  }
}

withRouters("with BFD the router's one path follows the addresses through every fault", ["frr"], async (t) => {
  await StartBgpLab.with({ vips: FAR, bfd: true }, async (lab) => {
    await endure(t, lab, { ...ORDERLY, killed: KILLED, ...silent(ELECTED_MS + WATCHED_MS) });
  });
});

// The old path is there until the hold time is over: of equal paths the router would keep it, or use both.
for (const maxPaths of [1, 8]) {
  const name = `without BFD the newest holder's path wins at once, with a router that uses up to ${maxPaths} paths`;
  withRouters(name, ["frr"], async (t) => {
    await StartBgpLab.with({ vips: FAR, bfd: false, maxPaths }, async (lab) => {
      await endure(t, lab, { killed: KILLED, ...silent(ELECTED_MS) });
    });
  });
}

withRouters("addresses of the nodes' own network have one path, too", ["frr"], async (t) => {
  await StartBgpLab.with({ vips: NEAR, bfd: true }, async (lab) => {
    await endure(t, lab, { ...ORDERLY, killed: KILLED });
  });
});

withRouters("a single node announces its addresses, and withdraws them when it is stopped", ["frr"], async () => {
  const alone = { nodes: 1, extra: { singleNode: true, remotePeers: [] } };
  await StartBgpLab.with({ vips: FAR, bfd: true, ...alone }, async (lab) => {
    const [node] = lab.nodes;
    assert.ok(node !== undefined);
    const fromMs = sharedNow();
    node.start();
    assert.equal(await lab.settled(), node);
    bounded("a single node started → route in the router's kernel", {
      tookMs: sharedNow() - fromMs,
      boundMs: 5000 + SLACK_MS,
    });
    const stoppedMs = sharedNow();
    assert.equal((await node.terminate()).code, 0);
    for (const [ip, length] of [[FAR[4], 32], [FAR[6], 128]] as const) {
      await lab.router.waitKernel(`${ip}/${length}`, 0, PATIENCE_MS);
    }
    bounded("a single node stopped → route gone", { tookMs: sharedNow() - stoppedMs, boundMs: 500 + SLACK_MS });
  });
});
