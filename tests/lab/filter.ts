/** Faults of the switch: datagrams between the members that it loses. In a bridge table of its own, where no node can undo it. */

import { NftSocket } from "../../mod/linux/nft_socket.ts";
import { attribute } from "../../mod/net/netlink/attribute.ts";
import { be16, be32, concat } from "../../mod/net/netlink/bytes.ts";
import { type Expression, MetaKey } from "../../mod/net/netlink/nft_expression.ts";
import { addChain, addRule, addTable, deleteTable } from "../../mod/net/netlink/nftables.ts";
import type { Machine, Network } from "./network.ts";
import { PEER_PORT } from "./plan.ts";

/** What is lost. */
export type Loss =
  /** All that the machine sends to members. */
  | { readonly kind: "from"; readonly machine: Machine }
  /** All that members send to the machine. */
  | { readonly kind: "to"; readonly machine: Machine }
  /** Every so many-eth datagram between any members, at random. */
  | { readonly kind: "random"; readonly oneIn: number };

const TABLE = { family: "bridge", table: "lab" } as const;
const CHAIN = "forward";
const UDP = 17;
const INTERFACE_NAME_BYTES = 16;
/** NFTA_NG_* and NFT_NG_RANDOM (include/uapi/linux/netfilter/nf_tables.h). */
const NUMGEN = { DREG: 1, MODULUS: 2, TYPE: 3, RANDOM: 1 } as const;

/** From now on the switch loses this, and nothing else. */
export function lose(network: Network, loss: Loss): void {
  const expressions: Expression[] = [
    ...condition(loss),
    { type: "meta", key: MetaKey.l4proto, register: 1 },
    { type: "cmp", register: 1, op: "==", value: Uint8Array.of(UDP) },
    { type: "payload", base: "transport", offset: 2, length: 2, register: 1 },
    { type: "cmp", register: 1, op: "==", value: be16(PEER_PORT) },
    ...chance(loss),
    { type: "verdict", verdict: "drop" },
  ];
  commit(network, [
    addTable(TABLE),
    deleteTable(TABLE),
    addTable(TABLE),
    addChain({ ...TABLE, chain: CHAIN, hook: { at: "forward", priority: 0 } }),
    addRule({ ...TABLE, chain: CHAIN, expressions }),
  ]);
}

/** The switch loses nothing any more. */
export function loseNothing(network: Network): void {
  commit(network, [addTable(TABLE), deleteTable(TABLE)]);
}

function commit(network: Network, messages: Parameters<NftSocket["commit"]>[0]): void {
  const socket = network.inside(() => new NftSocket());
  try {
    socket.commit(messages);
  } finally {
    socket.close();
  }
}

function condition(loss: Loss): Expression[] {
  if (loss.kind === "random") return [];
  const name = new Uint8Array(INTERFACE_NAME_BYTES);
  name.set(new TextEncoder().encode(loss.machine.station.port));
  return [
    { type: "meta", key: loss.kind === "from" ? MetaKey.iifname : MetaKey.oifname, register: 1 },
    { type: "cmp", register: 1, op: "==", value: name },
  ];
}

function chance(loss: Loss): Expression[] {
  if (loss.kind !== "random") return [];
  const data = concat([
    attribute(NUMGEN.DREG, be32(1)),
    attribute(NUMGEN.MODULUS, be32(loss.oneIn)),
    attribute(NUMGEN.TYPE, be32(NUMGEN.RANDOM)),
  ]);
  // One value of so many; zero reads the same in either byte order.
  return [{ type: "other", name: "numgen", data }, { type: "cmp", register: 1, op: "==", value: be32(0) }];
}
