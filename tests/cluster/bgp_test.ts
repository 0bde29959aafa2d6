/** A control plane whose addresses routers are told of by BGP, with real API servers and FRR. */

import type { LabNode } from "../lab/node.ts";
import { BFD } from "../routers/bfd_scenarios.ts";
import { annotatedEnv, annotationsChange, nodesAreAnnotated } from "./bgp_annotated.ts";
import { holderHangs, holderKilled, holderStops, holderWithoutServer } from "./bgp_elected.ts";
import { bgpEnv, type BgpWorld, each, peerOf, type Scenario, withBgpWorld, withNodes } from "./bgp_kit.ts";
import { backWithoutServer, orderlyStop, restart, serverDown, startedNodeIsRouted } from "./bgp_unelected.ts";
import { cablePulled, hangs, PASSWORD, restartWithBfd, sessionsAreSeen } from "./bgp_watched.ts";

/** Scenarios as steps. */
function steps(
  world: BgpWorld,
  nodes: readonly LabNode[],
  scenarios: Readonly<Record<string, Scenario>>,
): Record<string, () => Promise<void>> {
  return Object.fromEntries(Object.entries(scenarios).map(([name, run]) => [name, () => run(world, nodes)]));
}

withBgpWorld(
  "routers hear of the control plane from every healthy node, or from the one that holds",
  ["frr"],
  async (world, t) => {
    await withNodes(world, () => bgpEnv(peerOf(world, {})), (nodes) =>
      each(
        t,
        steps(world, nodes, {
          "a node that starts is one way more for both addresses": startedNodeIsRouted,
          "a node whose API server is gone withdraws, and is back with it; the others do not flap": serverDown,
          "a node that leaves in order costs the client nothing": orderlyStop,
          "a process that is killed and started again keeps its paths and its traffic": restart,
          "a process that comes back without its API server withdraws": backWithoutServer,
        }),
      ));
    await world.neighbors({ password: PASSWORD, bfd: BFD.router });
    const guarded = { password: PASSWORD, bfd: "true;50;50;3" };
    await withNodes(world, () => ({ ...bgpEnv(peerOf(world, guarded)), "vip_loglevel": "-4" }), (nodes) =>
      each(
        t,
        steps(world, nodes, {
          "sessions are in status, metrics and dump, and the password nowhere": sessionsAreSeen,
          "a node without its cable costs the client what BFD takes": cablePulled,
          "a process that BFD watches is killed and started again": restartWithBfd,
          "a process that hangs is one way less until it goes on": hangs,
        }),
      ));
    await world.neighbors({});
    const elected = { ...bgpEnv(peerOf(world, {})), "vip_leaderelection": "true" };
    await withNodes(world, () => elected, (nodes) =>
      each(
        t,
        steps(world, nodes, {
          "the route goes with a holder that is killed, and comes back with the next": holderKilled,
          "a holder that leaves in order hands over": holderStops,
          "a holder whose API server is gone makes way": holderWithoutServer,
          "a holder that hangs is followed by another, and makes way when it goes on": holderHangs,
        }),
      ));
    await world.neighbors({ password: PASSWORD });
    await withNodes(world, annotatedEnv, (nodes) =>
      each(
        t,
        steps(world, nodes, {
          "nodes without a peer wait for the annotations of their Node": nodesAreAnnotated,
          "annotations are followed: a peer that is not named any more is left": annotationsChange,
        }),
      ));
  },
);
