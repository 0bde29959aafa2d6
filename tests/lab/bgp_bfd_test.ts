import assert from "node:assert/strict";
import { BFD, bfdUp, cutIsNoticed, restartsWithoutFlap, startsWithoutFlap } from "../routers/bfd_scenarios.ts";
import { bounded } from "../routers/figures.ts";
import { Pinging } from "../routers/pinging.ts";
import { withRouters } from "../routers/needs.ts";
import type { Router } from "../routers/router.ts";
import { RouterLab } from "../routers/router_lab.ts";
import { PATIENCE_MS, routesArrive, SLACK_MS } from "../routers/scenarios.ts";
import { speakerConfig, speakerPeer } from "../routers/speaker_protocol.ts";
import type { SpeakerChild } from "../routers/speaker_child.ts";
import { neighbor, type RouterKind } from "../routers/types.ts";
import { endure, hold, leadOver, NODE_AS, ROUTER_AS, ROUTES, VIP_4, VIP_6, withWorld } from "../routers/world.ts";
import { sharedNow, sleep } from "./time.ts";

for (const kind of ["frr", "bird"] satisfies RouterKind[]) {
  withRouters(`${kind} and our speaker watch each other by BFD`, [kind], async (t) => {
    const options = { neighbor: { bfd: BFD.router }, peer: { bfd: BFD.ours }, watchesStalls: true } as const;
    await withWorld(kind, options, (world) =>
      endure(t, world, {
        "routes of both families are in its BGP table": routesArrive,
        "the session that came up with the start stays": startsWithoutFlap,
        "the session that came up with the router's next start stays, too": restartsWithoutFlap,
        "a cut link is noticed by both, and used again soon after": cutIsNoticed,
      }));
  });
}

const OUTAGE_MS = 250;

/** The node that the client's packets to the address go to. */
async function carrier(lab: RouterLab, router: Router, speakers: readonly SpeakerChild[]): Promise<SpeakerChild> {
  const client = lab.network.machines.find(({ name }) => name === "client");
  const argv = ["ip", "-j", "route", "get", VIP_4, "from", client?.station.ip4 ?? "", "iif", "eth0", "ipproto", "icmp"];
  const { said } = await lab.execute(router.machine, argv);
  const found = speakers.find(({ machine }) => said.includes(`"gateway":"${machine.station.ip4}"`));
  assert.ok(found, said);
  return found;
}

withRouters("FRR shares traffic between three nodes and goes on with two", ["frr"], async (t) => {
  await RouterLab.with(async (lab) => {
    const border = lab.machine("frr");
    const nodes = [1, 2, 3].map((number) => lab.machine(`node${number}`));
    const client = lab.machine("client");
    const neighbors = nodes.map(({ station }) => neighbor(station.ip4, NODE_AS, { bfd: BFD.router }));
    const plain = { gracefulRestart: false, originate: [] };
    const router = await lab.router(
      "frr",
      { as: ROUTER_AS, routerId: border.station.ip4, neighbors, ...plain },
      border,
    );
    leadOver(client, border);
    const speakers = await Promise.all(nodes.map(async (machine) => {
      hold(machine, VIP_4, VIP_6);
      const peers = [speakerPeer(border.station.ip4, ROUTER_AS, { bfd: BFD.ours })];
      const speaker = await lab.speaker(speakerConfig(NODE_AS, machine.station.ip4, { peers }), machine);
      await speaker.announce(VIP_4, VIP_6);
      return speaker;
    }));
    for (const prefix of Object.values(ROUTES)) await router.waitKernel(prefix, 3, PATIENCE_MS);
    for (const speaker of speakers) {
      await bfdUp({ router, speaker, peer: border.station.ip4, node: speaker.machine.station.ip4 });
    }
    const pings = new Pinging(lab, client, border);
    for (const [name, end] of [["cut off", cutOff], ["killed", killed]] as const) {
      await t.step(`the node that carries the client's traffic is ${name}`, async () => {
        await pings.steady(PATIENCE_MS);
        const victim = await carrier(lab, router, speakers);
        const fromMs = sharedNow();
        await end(lab, victim);
        for (const prefix of Object.values(ROUTES)) await router.waitKernel(prefix, 2, PATIENCE_MS);
        await pings.steady(PATIENCE_MS);
        const outageMs = pings.outageMs(4, fromMs);
        bounded(`frr: one node of three ${name} → outage of the client`, {
          tookMs: outageMs,
          boundMs: OUTAGE_MS + SLACK_MS,
        });
        if (name === "cut off") assert.ok(outageMs > 50, "the traffic went to that node");
        await back(lab, victim);
        for (const prefix of Object.values(ROUTES)) await router.waitKernel(prefix, 3, PATIENCE_MS);
        await sleep(1500);
      });
    }
  });
});

function cutOff(lab: RouterLab, victim: SpeakerChild): Promise<void> {
  lab.network.cut(victim.machine);
  return Promise.resolve();
}

async function killed(_lab: RouterLab, victim: SpeakerChild): Promise<void> {
  await victim.kill();
}

async function back(lab: RouterLab, victim: SpeakerChild): Promise<void> {
  lab.network.mend(victim.machine);
  if (victim.child.status === null) return;
  await victim.again();
  await victim.announce(VIP_4, VIP_6);
}
