/**
 * The guard: a small nftables program that keeps this machine silent for every managed address whose permission has run out. Pure: gives
 * the messages of the batches, {@link NftPermission} commits them.
 *
 * `vips` holds every managed address, `live` those with a running time-out; a look-up ignores an expired element at once, nothing has to
 * run for it to end. `links` holds every managed address with the name of the link it belongs to. As a text ruleset:
 *
 *     table arp kube-vip {
 *       chain output { type filter hook output priority 0; arp saddr ip @vips4 arp saddr ip != @live4 drop; }
 *     }
 *     table inet kube-vip {
 *       chain prerouting { type filter hook prerouting priority -400;
 *         iifname . ip daddr @links4 ip daddr != @live4 drop
 *         iifname . ip6 daddr @links6 ip6 daddr != @live6 drop }
 *       chain input { type filter hook input priority -400;
 *         ip daddr @vips4 ip daddr != @live4 drop
 *         ip6 daddr @vips6 ip6 daddr != @live6 drop
 *         icmpv6 type nd-neighbor-solicit, target @vips6 and not @live6: drop }
 *       chain output { type filter hook output priority -400;
 *         ip saddr @vips4 ip saddr != @live4 drop
 *         ip6 saddr @vips6 ip6 saddr != @live6 drop }
 *     }
 *
 * Prerouting, because destination NAT (published ports of containers, kube-proxy) would take a packet away from the address before input
 * sees it: a former holder would go on serving whoever still sends to its hardware address. Only on the address's own link: there,
 * neighbours send straight to the holder, so what arrives without permission came to the wrong machine. What comes over other links
 * passes, because a machine that does not hold the address may still route packets to the one that does, which is how containers reach it;
 * input drops it if the machine would take it for itself. The output chain keeps connections that outlived the hold from talking on.
 */
import { type Ip, parseIp } from "../net/ip.ts";
import { assert } from "../base/assert.ts";
import { concat } from "../net/netlink/bytes.ts";
import type { NetlinkRequest } from "../net/netlink/message.ts";
import { type Expression, MetaKey, type PayloadBase } from "../net/netlink/nft_expression.ts";
import { type KeyType, type NftFamily, NftKey, SetFlag } from "../net/netlink/nft_numbers.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  deleteElements,
  deleteTable,
  type SetElement,
  type SetName,
} from "../net/netlink/nftables.ts";

/** Name of both tables. */
export const GUARD_TABLE = "kube-vip";
/** Families of the two tables. */
export const GUARD_FAMILIES: readonly NftFamily[] = ["arp", "inet"];

/** NFPROTO_IPV4, NFPROTO_IPV6. */
const NFPROTO = { 4: 2, 6: 10 } as const;
const ICMPV6 = 58;
const NEIGHBOUR_SOLICITATION = 135;
/** Before everything else, so that no other table lets a packet through first (raw is at -300). */
const FIRST = -400;
/** IFNAMSIZ, the closing zero included. */
const INTERFACE_NAME_BYTES = 16;
/** Every set but the live ones. */
const FIXED_SETS: readonly SetName[] = [
  setName("arp", "vips", 4),
  setName("inet", "vips", 4),
  setName("inet", "vips", 6),
  linkSet(4),
  linkSet(6),
];
/** 0.0.0.0, which is never managed. */
const UNSPECIFIED = new Uint8Array(4);

/** A managed address and the link it belongs to. */
export interface Guarded {
  readonly ip: string;
  readonly linkName: string;
}

/** An address that may answer for `timeoutMs` from the commit. */
export interface Live {
  readonly ip: string;
  readonly timeoutMs: number;
}

/** Both tables anew with exactly these addresses, in place of whatever was there; none of them live but `live`. */
export function installGuard(vips: readonly Guarded[], live: readonly Live[]): NetlinkRequest[] {
  return [
    ...GUARD_FAMILIES.flatMap((family) => removeTable(family)),
    ...GUARD_FAMILIES.map((family) => addTable({ family, table: GUARD_TABLE })),
    ...sets("arp", 4),
    ...sets("inet", 4),
    ...sets("inet", 6),
    ...linkSets(),
    ...vips.flatMap(memberships).flatMap(({ set, key }) => addElements(set, [{ key }])),
    ...chains(),
    ...live.flatMap((entry) => inSets(entry.ip, "live", (set, key) => addElements(set, [element(key, entry)]))),
  ];
}

/**
 * From one list of addresses to another, in tables that are whole. What stays is not touched: a live address goes on answering. What goes
 * loses its permission as well; what comes has none.
 */
export function changeGuard(before: readonly Guarded[], after: readonly Guarded[]): NetlinkRequest[] {
  const [old, wanted] = [uniqueMembers(before), uniqueMembers(after)];
  const kept = new Set(after.map(({ ip }) => ip));
  const gone = [...new Set(before.map(({ ip }) => ip))].filter((ip) => !kept.has(ip));
  return [
    ...[...wanted].filter(([id]) => !old.has(id)).flatMap(([, { set, key }]) => addElements(set, [{ key }])),
    ...revokeGuard(gone),
    ...[...old].filter(([id]) => !wanted.has(id)).flatMap(([, { set, key }]) => deleteElements(set, [key])),
  ];
}

/** The sets that do not change while the guard is whole, and what is in them: the keys as text, in order. */
export function guardMembers(vips: readonly Guarded[]): { readonly set: SetName; readonly keys: readonly string[] }[] {
  const members = [...uniqueMembers(vips).values()];
  return FIXED_SETS.map((set) => ({
    set,
    keys: members.filter((one) => idOf(one.set) === idOf(set)).map(({ key }) => keyText(key)).sort(),
  }));
}

/** A key of a set as {@link guardMembers} gives it. */
export function keyText(key: Uint8Array): string {
  return key.join(".");
}

/**
 * New time-outs, in the way that {@link TimeoutProbe} found to work.
 *
 * `replace`: add, delete, add. The delete makes kernels before 6.12 take the new time-out, the first add keeps the delete from failing on
 * an element that has expired, and the batch is one step for every packet. `update`: newer kernels take it from an add alone.
 */
export function renewGuard(live: readonly Live[], how: "update" | "replace"): NetlinkRequest[] {
  return live.flatMap((entry) =>
    inSets(entry.ip, "live", (set, key) => {
      const add = addElements(set, [element(key, entry)]);
      return how === "update" ? add : [...add, ...deleteElements(set, [key]), ...add];
    })
  );
}

/** The steps that show whether this kernel takes a new time-out for an element that exists; no packet has this address as its sender. */
export const TimeoutProbe: {
  readonly set: SetName;
  readonly give: (timeoutMs: number) => NetlinkRequest[];
  readonly end: () => NetlinkRequest[];
} = {
  set: setName("arp", "live", 4),
  give: (timeoutMs) => addElements(TimeoutProbe.set, [element(UNSPECIFIED, { timeoutMs })]),
  end: () => deleteElements(TimeoutProbe.set, [UNSPECIFIED]),
};

/** Ends the permission of these addresses; it need not be running. */
export function revokeGuard(ips: readonly string[]): NetlinkRequest[] {
  return ips.flatMap((ip) =>
    inSets(ip, "live", (set, key) => [...addElements(set, [{ key, timeoutMs: 1 }]), ...deleteElements(set, [key])])
  );
}

/** Removes both tables; they need not be there. */
export function removeGuard(): NetlinkRequest[] {
  return GUARD_FAMILIES.flatMap((family) => removeTable(family));
}

function removeTable(family: NftFamily): NetlinkRequest[] {
  const name = { family, table: GUARD_TABLE };
  return [addTable(name), deleteTable(name)];
}

function element(key: Uint8Array, { timeoutMs }: Omit<Live, "ip">): SetElement {
  return { key, timeoutMs, expiresInMs: timeoutMs };
}

function setName(family: NftFamily, kind: "vips" | "live", version: 4 | 6): SetName {
  return { family, table: GUARD_TABLE, set: `${kind}${version}` };
}

function parsed(text: string): Ip {
  const ip = parseIp(text);
  assert(ip !== null, `${text} is an address`);
  return ip;
}

/** Does something in every set of one kind that the address belongs to. */
function inSets(
  text: string,
  kind: "live",
  make: (set: SetName, key: Uint8Array) => NetlinkRequest[],
): NetlinkRequest[] {
  const ip = parsed(text);
  const families: readonly NftFamily[] = ip.family === 4 ? ["arp", "inet"] : ["inet"];
  return families.flatMap((family) => make(setName(family, kind, ip.family), ip.bytes));
}

interface Membership {
  readonly set: SetName;
  readonly key: Uint8Array;
}

/** What says that an address is managed, and which link it belongs to. */
function memberships({ ip: text, linkName }: Guarded): Membership[] {
  const ip = parsed(text);
  const kinds: readonly NftFamily[] = ip.family === 4 ? ["arp", "inet"] : ["inet"];
  return [
    ...kinds.map((family) => ({ set: setName(family, "vips", ip.family), key: ip.bytes })),
    { set: linkSet(ip.family), key: concat([interfaceName(linkName), ip.bytes]) },
  ];
}

function uniqueMembers(vips: readonly Guarded[]): Map<string, Membership> {
  return new Map(vips.flatMap(memberships).map((one) => [`${idOf(one.set)} ${keyText(one.key)}`, one]));
}

function idOf({ family, set }: SetName): string {
  return `${family} ${set}`;
}

function interfaceName(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  assert(bytes.length < INTERFACE_NAME_BYTES, `${name} is the name of an interface`);
  const padded = new Uint8Array(INTERFACE_NAME_BYTES);
  padded.set(bytes);
  return padded;
}

function linkSet(version: 4 | 6): SetName {
  return { family: "inet", table: GUARD_TABLE, set: `links${version}` };
}

function linkSets(): NetlinkRequest[] {
  return [
    addSet({ ...linkSet(4), key: NftKey.linkAndIpv4Address, flags: 0 }),
    addSet({ ...linkSet(6), key: NftKey.linkAndIpv6Address, flags: 0 }),
  ];
}

function sets(family: NftFamily, version: 4 | 6): NetlinkRequest[] {
  const key: KeyType = version === 4 ? NftKey.ipv4Address : NftKey.ipv6Address;
  return [
    addSet({ ...setName(family, "vips", version), key, flags: 0 }),
    addSet({ ...setName(family, "live", version), key, flags: SetFlag.TIMEOUT }),
  ];
}

function chains(): NetlinkRequest[] {
  return [
    addChain({ family: "arp", table: GUARD_TABLE, chain: "output", hook: { at: "output", priority: 0 } }),
    // RFC 826: hardware type 2, protocol 2, lengths 1 + 1, operation 2, sender hardware 6, then the sender address.
    rule("arp", "output", dropUnlessLive({ base: "network", offset: 14, version: 4 })),
    addChain({ family: "inet", table: GUARD_TABLE, chain: "prerouting", hook: { at: "prerouting", priority: FIRST } }),
    rule("inet", "prerouting", [...only(4), ...dropOnLinkUnlessLive({ offset: 16, version: 4 })]),
    rule("inet", "prerouting", [...only(6), ...dropOnLinkUnlessLive({ offset: 24, version: 6 })]),
    addChain({ family: "inet", table: GUARD_TABLE, chain: "input", hook: { at: "input", priority: FIRST } }),
    rule("inet", "input", [...only(4), ...dropUnlessLive({ base: "network", offset: 16, version: 4 })]),
    rule("inet", "input", [...only(6), ...dropUnlessLive({ base: "network", offset: 24, version: 6 })]),
    rule("inet", "input", [
      ...only(6),
      { type: "meta", key: MetaKey.l4proto, register: 1 },
      { type: "cmp", register: 1, op: "==", value: Uint8Array.of(ICMPV6) },
      { type: "payload", base: "transport", offset: 0, length: 1, register: 1 },
      { type: "cmp", register: 1, op: "==", value: Uint8Array.of(NEIGHBOUR_SOLICITATION) },
      ...dropUnlessLive({ base: "transport", offset: 8, version: 6 }),
    ]),
    addChain({ family: "inet", table: GUARD_TABLE, chain: "output", hook: { at: "output", priority: FIRST } }),
    rule("inet", "output", [...only(4), ...dropUnlessLive({ base: "network", offset: 12, version: 4 })]),
    rule("inet", "output", [...only(6), ...dropUnlessLive({ base: "network", offset: 8, version: 6 })]),
  ];
}

function rule(family: NftFamily, chain: string, expressions: readonly Expression[]): NetlinkRequest {
  return addRule({ family, table: GUARD_TABLE, chain, expressions });
}

function only(version: 4 | 6): Expression[] {
  return [
    { type: "meta", key: MetaKey.nfproto, register: 1 },
    { type: "cmp", register: 1, op: "==", value: Uint8Array.of(NFPROTO[version]) },
  ];
}

/** Drops when the address found there is managed and not live. */
function dropUnlessLive(at: { base: PayloadBase; offset: number; version: 4 | 6 }): Expression[] {
  const { base, offset, version } = at;
  return [
    { type: "payload", base, offset, length: version === 4 ? 4 : 16, register: 1 },
    { type: "lookup", set: `vips${version}`, register: 1, inverted: false },
    { type: "lookup", set: `live${version}`, register: 1, inverted: true },
    { type: "verdict", verdict: "drop" },
  ];
}

/** Drops when the packet came over the link of the address it is sent to, and that is not live. */
function dropOnLinkUnlessLive(at: { offset: number; version: 4 | 6 }): Expression[] {
  const { offset, version } = at;
  return [
    // Register 2 follows on the sixteen bytes of register 1: the first look-up reads both.
    { type: "meta", key: MetaKey.iifname, register: 1 },
    { type: "payload", base: "network", offset, length: version === 4 ? 4 : 16, register: 2 },
    { type: "lookup", set: `links${version}`, register: 1, inverted: false },
    { type: "lookup", set: `live${version}`, register: 2, inverted: true },
    { type: "verdict", verdict: "drop" },
  ];
}
