/** One router, one speaker beside it, and a client whose way to the announced addresses leads over the router. */

import type { Family } from "../../mod/net/bgp/types.ts";
import type { Machine } from "../lab/network.ts";
import { ip } from "../lab/plan.ts";
import { Stalls } from "../lab/stalls.ts";
import type { Router } from "./router.ts";
import { RouterLab } from "./router_lab.ts";
import type { SpeakerChild } from "./speaker_child.ts";
import { speakerConfig, speakerPeer, type SpokenConfig, type SpokenPeer } from "./speaker_protocol.ts";
import { type Neighbor, neighbor, type RouterConfig, type RouterKind } from "./types.ts";

/** The addresses that the speaker announces: on no link, so that only a route leads to them. */
export const VIP_4 = "10.99.0.200";
export const VIP_6 = "fd99::200";

export const ROUTER_AS = 65001;
export const NODE_AS = 65100;

/** How a world differs from the plainest one. */
export interface WorldOptions {
  readonly router?: Partial<RouterConfig>;
  readonly neighbor?: Partial<Neighbor>;
  readonly speaker?: Partial<SpokenConfig>;
  readonly peer?: Partial<SpokenPeer>;
  /** Whether somebody notes when the machine that everything runs on stands still, from before the router's start. */
  readonly watchesStalls?: true;
}

/** The addresses of the router and of the node, for settings that need them. */
export const ROUTER_6 = "fd98::1";
export const NODE_6 = "fd98::2";

/** A router and a speaker that talk to each other over IPv4 unless said otherwise, both started. */
export interface World {
  readonly lab: RouterLab;
  readonly router: Router;
  readonly speaker: SpeakerChild;
  readonly client: Machine;
  /** The router, as the speaker names it. */
  readonly peer: string;
  /** The node, as the router names it. */
  readonly node: string;
  /** What the speaker was started with. */
  readonly config: SpokenConfig;
  /** Null: nobody notes it. */
  readonly stalls: Stalls | null;
}

/** Makes a world, uses it and disposes of it. */
export async function withWorld(
  kind: RouterKind,
  options: WorldOptions,
  use: (world: World) => Promise<void>,
): Promise<void> {
  await RouterLab.with(async (lab) => {
    const [border, node, client] = [lab.machine(kind), lab.machine("node"), lab.machine("client")];
    const [peer, own] = [border.station.ip4, node.station.ip4];
    const stalls = options.watchesStalls === true ? await Stalls.start(lab, client) : null;
    const neighbors = [neighbor(own, NODE_AS, options.neighbor)];
    const plain = { as: ROUTER_AS, routerId: peer, neighbors, gracefulRestart: false, originate: [] };
    const router = await lab.router(kind, { ...plain, ...options.router }, border);
    const peers = [speakerPeer(peer, ROUTER_AS, options.peer)];
    const config = speakerConfig(NODE_AS, own, { peers, ...options.speaker });
    hold(node, VIP_4, VIP_6);
    leadOver(client, border);
    const speaker = await lab.speaker(config, node);
    const names = { peer: options.peer?.name ?? peer, node: options.neighbor?.peer ?? own };
    await use({ lab, router, speaker, client, ...names, config, stalls });
  });
}

/** Puts addresses on a machine's loopback, where nobody on the link is answered by them alone. */
export function hold(machine: Machine, ...addresses: readonly string[]): void {
  const loopback = machine.routes.linkByName("lo");
  for (const address of addresses) {
    machine.routes.putAddress({
      ip: ip(address),
      prefixLength: address.includes(":") ? 128 : 32,
      linkIndex: loopback?.index ?? 0,
      validSeconds: Infinity,
      preferredSeconds: Infinity,
      nodad: true,
      protocol: 0,
    });
  }
}

/** The client's way to the announced addresses. */
export function leadOver(client: Machine, router: Machine): void {
  for (
    const [address, length, gateway] of [[VIP_4, 32, router.station.ip4], [VIP_6, 128, router.station.ip6]] as const
  ) {
    const args = ["route", "add", `${address}/${length}`, "via", gateway];
    const { success } = client.inside(() => new Deno.Command("ip", { args }).outputSync());
    if (!success) throw new Error(`ip ${args.join(" ")}`);
  }
}

/** The host routes of the announced addresses. */
export const ROUTES: Readonly<Record<Family, string>> = { 4: `${VIP_4}/32`, 6: `${VIP_6}/128` };

/** Whether the client gets an answer from an announced address. */
export async function answered({ lab, client }: World, address: string): Promise<boolean> {
  return (await lab.execute(client, ["ping", "-n", "-c", "1", "-W", "1", address])).success;
}

/** Does one scenario after the other, each in a step of its own. The first that fails ends it: the others would begin in another state. */
export async function endure(
  t: Deno.TestContext,
  world: World,
  scenarios: Readonly<Record<string, (world: World) => Promise<void>>>,
): Promise<void> {
  for (const [name, run] of Object.entries(scenarios)) {
    const passed = await t.step(name, async () => {
      try {
        await run(world);
      } catch (error) {
        throw new Error(world.lab.logs(), { cause: error });
      }
    });
    if (!passed) return;
  }
}
