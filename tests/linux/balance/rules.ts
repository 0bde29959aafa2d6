/** A balancer in the kernel, as small as it can be: one service for each family and protocol, its backends in slots. */
import type { Ip } from "../../../mod/net/ip.ts";
import { be16, be32, concat, u32 } from "../../../mod/net/netlink/bytes.ts";
import type { NetlinkRequest } from "../../../mod/net/netlink/message.ts";
import { CtKey, CtState, piece } from "../../../mod/net/netlink/nft_balance.ts";
import { addCounter } from "../../../mod/net/netlink/nft_counter.ts";
import { type Expression, MetaKey } from "../../../mod/net/netlink/nft_expression.ts";
import { NftKey } from "../../../mod/net/netlink/nft_numbers.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  type SetElement,
} from "../../../mod/net/netlink/nftables.ts";

/** The table of all rules here. */
export const TABLE = { family: "inet", table: "balance" } as const;
/** Protocol numbers (IANA). */
export const Protocol = { tcp: 6, udp: 17 } as const;

/** Where a connection may go. */
export interface Target {
  readonly ip: Ip;
  readonly port: number;
}

/** What is balanced, how and to whom: `slots` names a target once for each part of its weight. */
export interface Service {
  readonly vip: Ip;
  readonly protocol: number;
  readonly port: number;
  readonly by: "inc" | "random" | "source";
  readonly slots: readonly Target[];
}

const register = 1;

/** The place of a family in packets and maps. */
const FAMILIES = {
  4: { nfproto: 2, source: 12, destination: 16, length: 4, service: NftKey.ipv4Service, to: NftKey.ipv4Endpoint },
  6: { nfproto: 10, source: 8, destination: 24, length: 16, service: NftKey.ipv6Service, to: NftKey.ipv6Endpoint },
} as const;

/** A service as the key of the verdict map, in pieces of four bytes. */
export function serviceKey({ vip, protocol, port }: Pick<Service, "vip" | "protocol" | "port">): Uint8Array {
  return concat([vip.bytes, Uint8Array.of(protocol, 0, 0, 0), be16(port), new Uint8Array(2)]);
}

function slotData({ ip, port }: Target): Uint8Array {
  return concat([ip.bytes, be16(port), new Uint8Array(2)]);
}

/** The chain of a service. */
export function chainOf({ vip, protocol, port }: Service): string {
  return `${protocol}-${port}-v${vip.family}`;
}

/** All of it in one batch, onto nothing. */
export function balance(services: readonly Service[]): NetlinkRequest[] {
  return [
    addTable(TABLE),
    addCounter({ ...TABLE, counter: "connections" }),
    addSet({ ...TABLE, set: "services4", key: NftKey.ipv4Service, data: NftKey.verdict, flags: 0 }),
    addSet({ ...TABLE, set: "services6", key: NftKey.ipv6Service, data: NftKey.verdict, flags: 0 }),
    addSet({ ...TABLE, set: "known4", key: NftKey.ipv4Service, flags: 0, counting: true }),
    addSet({ ...TABLE, set: "known6", key: NftKey.ipv6Service, flags: 0, counting: true }),
    ...services.flatMap(serviceMessages),
    ...translate("prerouting"),
    ...translate("output"),
    ...masquerade(),
    ...guard(),
  ];
}

/** The elements that name the slots of a service. */
export function slotElements(slots: readonly Target[]): SetElement[] {
  return slots.map((target, index) => ({ key: u32(index), data: slotData(target) }));
}

function serviceMessages(service: Service): NetlinkRequest[] {
  const chain = chainOf(service);
  const slots = { ...TABLE, set: `slots-${chain}` };
  const { to: data } = FAMILIES[service.vip.family];
  const verdict = { verdict: "goto", chain } as const;
  return [
    addChain({ ...TABLE, chain }),
    addSet({ ...slots, key: NftKey.mark, data, flags: 0, size: 1024 }),
    ...addElements(slots, slotElements(service.slots)),
    addRule({ ...TABLE, chain, expressions: [{ type: "count-on", counter: "connections" }, ...choose(service)] }),
    ...addElements({ ...TABLE, set: `services${service.vip.family}` }, [{ key: serviceKey(service), verdict }]),
    ...addElements({ ...TABLE, set: `known${service.vip.family}` }, [{ key: serviceKey(service) }]),
  ];
}

function choose(service: Service): Expression[] {
  const { family } = service.vip;
  const { source, length } = FAMILIES[family];
  const modulus = service.slots.length;
  const number: Expression[] = service.by === "source"
    ? [
      { type: "payload", base: "network", offset: source, length, register: 2 },
      { type: "jhash", source: 2, length, register, modulus, offset: 0, seed: 7 },
    ]
    : [{ type: "numgen", mode: service.by, modulus, offset: 0, register }];
  return [
    ...number,
    { type: "lookup", set: `slots-${chainOf(service)}`, register, inverted: false, target: register },
    { type: "nat", kind: "dnat", family, address: register, port: piece(length / 4), flags: 0 },
  ];
}

/** Looks the packet's destination up among the services of its family. */
function findService(family: 4 | 6): Expression[] {
  const { nfproto, destination, length } = FAMILIES[family];
  const words = length / 4;
  return [
    { type: "meta", key: MetaKey.nfproto, register },
    { type: "cmp", register, op: "==", value: Uint8Array.of(nfproto) },
    { type: "payload", base: "network", offset: destination, length, register },
    { type: "meta", key: MetaKey.l4proto, register: piece(words) },
    { type: "payload", base: "transport", offset: 2, length: 2, register: piece(words + 1) },
  ];
}

const IS_TCP: Expression[] = [
  { type: "meta", key: MetaKey.l4proto, register },
  { type: "cmp", register, op: "==", value: Uint8Array.of(Protocol.tcp) },
];

/** Whether a packet of TCP does not ask for a connection: of FIN, SYN, RST and ACK not SYN alone. */
const NOT_A_BEGINNING: Expression[] = [
  { type: "payload", base: "transport", offset: 13, length: 1, register },
  { type: "bitwise", register, target: register, mask: Uint8Array.of(0x17), xor: Uint8Array.of(0) },
  { type: "cmp", register, op: "!=", value: Uint8Array.of(0x02) },
];

function translate(at: "prerouting" | "output"): NetlinkRequest[] {
  return [
    addChain({ ...TABLE, chain: at, hook: { at, type: "nat", priority: -110 } }),
    ...([4, 6] as const).map((family) =>
      addRule({
        ...TABLE,
        chain: at,
        expressions: [
          ...findService(family),
          { type: "lookup", set: `services${family}`, register, inverted: false, target: 0 },
        ],
      })
    ),
  ];
}

/** Answers a packet of TCP in the middle of nothing with a reset, before it can be balanced anew. */
function guard(): NetlinkRequest[] {
  const chain = "guard";
  const stray: Expression[] = [
    { type: "lookup", set: "", register, inverted: false },
    { type: "ct", key: CtKey.state, register },
    { type: "bitwise", register, target: register, mask: u32(CtState.NEW | CtState.INVALID), xor: be32(0) },
    { type: "cmp", register, op: "!=", value: be32(0) },
    ...NOT_A_BEGINNING,
    { type: "reject", with: "tcp-reset", code: 0 },
  ];
  const rule = (family: 4 | 6): NetlinkRequest => {
    const known = stray.map((step) => step.type === "lookup" ? { ...step, set: `known${family}` } : step);
    return addRule({ ...TABLE, chain, expressions: [...IS_TCP, ...findService(family), ...known] });
  };
  return [addChain({ ...TABLE, chain, hook: { at: "prerouting", priority: -150 } }), rule(4), rule(6)];
}

function masquerade(): NetlinkRequest[] {
  const chain = "postrouting";
  const rule = (family: 4 | 6): NetlinkRequest => {
    const { length, nfproto } = FAMILIES[family];
    return addRule({
      ...TABLE,
      chain,
      expressions: [
        { type: "meta", key: MetaKey.nfproto, register },
        { type: "cmp", register, op: "==", value: Uint8Array.of(nfproto) },
        {
          type: "ct",
          key: family === 4 ? CtKey.destinationIp4 : CtKey.destinationIp6,
          register,
          direction: "original",
        },
        { type: "meta", key: MetaKey.l4proto, register: piece(length / 4) },
        { type: "ct", key: CtKey.destinationPort, register: piece(length / 4 + 1), direction: "original" },
        { type: "lookup", set: `known${family}`, register, inverted: false },
        { type: "masquerade", flags: 0 },
      ],
    });
  };
  return [
    addChain({ ...TABLE, chain, hook: { at: "postrouting", type: "nat", priority: 90 } }),
    rule(4),
    rule(6),
  ];
}
