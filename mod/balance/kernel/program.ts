/**
 * The kernel engine's nftables table, as the messages of batches. Pure; {@link KernelTable} commits them. As a text ruleset, for IPv4
 * (IPv6 has the same under names that end in 6):
 *
 *     table inet kube-vip-balance {
 *       map services4 { ip daddr . meta l4proto . th dport : verdict }  # held address, balancer: goto its choice
 *       map open4 { meta l4proto . th dport : verdict }                 # balancers on every address of this machine
 *       map loop4 { meta l4proto . th dport : verdict }                 # those whose backends are loopback addresses
 *       map return4 { meta l4proto . ct original proto-dst . ip daddr . th dport : verdict }
 *       set new4, traffic4 { meta l4proto . ct original proto-dst . backend . its port; counter }
 *       chain prerouting { type nat hook prerouting priority -110; jump dispatch }
 *       chain output { type nat hook output priority -110; jump dispatch }
 *       chain dispatch {
 *         ip daddr . meta l4proto . th dport vmap @services4
 *         fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @open4
 *         ip daddr 127.0.0.0/8 meta l4proto . th dport vmap @loop4 }
 *       chain tcp80_4 {
 *         dnat to numgen inc mod N (or jhash ip saddr mod N) map @slots-tcp80_4 }
 *       chain input { type nat hook input priority 90; jump given }
 *       chain postrouting { type nat hook postrouting priority 90; jump given
 *         ct status dnat meta l4proto . ct original proto-dst . ip daddr . th dport vmap @return4 }
 *       chain given { ct status dnat meta l4proto . ct original proto-dst . ip daddr . th dport @new4 }
 *       chain masquerade { oifname != "lo" masquerade }
 *       chain preserve { oifname != "lo" fib saddr type local masquerade }
 *       chain count-forward, count-input, count-output { type filter priority 50; ct status dnat jump count }
 *       chain count { original packets by destination, replies by source: @traffic4 }
 *     }
 *
 * NAT chains see only the first packet of a connection, the rest follows what connection tracking remembers: a backend that gets no new
 * connections keeps those it has. Of several NAT chains the first that translates decides, so ours come just before those of others
 * (kube-proxy and iptables: -100 and 100), and long after the guard of the addresses (-400). The output chain is for clients on this machine.
 * What no usable backend is found for goes to this machine itself, which answers with a refusal.
 *
 * Masqueraded are packets that leave this machine, and of clients that keep their address only those that come from this machine itself:
 * their source is the virtual address. A backend on this machine sees the client.
 */
import { assert } from "../../base/assert.ts";
import { type Ip, parseIp } from "../../net/ip.ts";
import { attribute } from "../../net/netlink/attribute.ts";
import { be16, be32, concat } from "../../net/netlink/bytes.ts";
import type { NetlinkRequest } from "../../net/netlink/message.ts";
import { AddressType, CtKey, CtStatus, FibFlag, FibResult, piece } from "../../net/netlink/nft_balance.ts";
import { type Expression, MetaKey } from "../../net/netlink/nft_expression.ts";
import { type KeyType, NftKey, SetFlag, TableAttribute } from "../../net/netlink/nft_numbers.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  deleteChain,
  deleteElements,
  deleteRules,
  deleteSet,
  deleteTable,
  type NftSet,
  type SetElement,
  type SetName,
} from "../../net/netlink/nftables.ts";
import { hashSlots, turns } from "./slots.ts";
import { type KernelProtocol, type KernelService, serviceKey } from "./types.ts";

/** The table, of family inet. */
export const BALANCE_TABLE = "kube-vip-balance";
/** By family and name. */
export const BALANCE = { family: "inet", table: BALANCE_TABLE } as const;

/** NFT_TABLE_F_OWNER (Linux 5.12): nobody else may change or flush the table, and it ends with the socket that made it. */
const TABLE_OWNER = 2;
/** Before the destination NAT of others, at -100. */
const BEFORE_NAT = -110;
/** Before the source NAT of others, at 100. */
const BEFORE_SOURCE_NAT = 90;
/** After the filters of others, at 0: what they drop does not count. */
const AFTER_FILTERS = 50;
/** The same on every machine, so that a client finds its backend again behind the next holder of the address. */
const HASH_SEED = 0x6b756265;
const NFPROTO = { 4: 2, 6: 10 } as const;
const PROTOCOL_NUMBER: Readonly<Record<KernelProtocol, number>> = { tcp: 6, udp: 17 };
const FAMILIES = [4, 6] as const;
type Version = (typeof FAMILIES)[number];

/** Where addresses stand in the header of IP, in bytes. */
const LAYOUT = {
  4: { source: 12, destination: 16, bytes: 4 },
  6: { source: 8, destination: 24, bytes: 16 },
} as const;

/** Protocol and port. Parts of a concatenation take a multiple of four bytes; the types are for `nft list`, six bits for each part. */
const PORT_KEY: KeyType = { type: (12 << 6) | 13, length: 8 };
const SERVICE_KEY = { 4: NftKey.ipv4Service, 6: NftKey.ipv6Service } as const;
const ENDPOINT_KEY = { 4: NftKey.ipv4Endpoint, 6: NftKey.ipv6Endpoint } as const;
/** Protocol, the port that was asked for, backend and its port. */
const FLOW_KEY: Readonly<Record<Version, KeyType>> = {
  4: { type: (((((12 << 6) | 13) << 6) | 7) << 6) | 13, length: 16 },
  6: { type: (((((12 << 6) | 13) << 6) | 8) << 6) | 13, length: 28 },
};

/** The whole table with exactly these services, in place of whatever was there under its name. */
export function installTable(
  services: readonly KernelService[],
  options: { readonly owned: boolean },
): NetlinkRequest[] {
  return [
    ...removeTable(),
    options.owned ? ownedTable() : addTable(BALANCE),
    ...FAMILIES.flatMap(sharedSets),
    ...chains(),
    ...changeTable([], services),
  ];
}

/** Removes the table; it need not be there. */
export function removeTable(): NetlinkRequest[] {
  return [addTable(BALANCE), deleteTable(BALANCE)];
}

/** From one list of services to another, in a table that is whole. What stays the same is not touched. */
export function changeTable(before: readonly KernelService[], after: readonly KernelService[]): NetlinkRequest[] {
  const [old, wanted] = [partsOf(before), partsOf(after)];
  const gone = [...old].filter(([name]) => !wanted.has(name)).map(([, part]) => part);
  const come = [...wanted].filter(([name]) => !old.has(name)).map(([, part]) => part);
  const changed = [...wanted].flatMap(([name, part]) => {
    const was = old.get(name);
    return was === undefined || sameChoice(was, part) ? [] : [{ was, part }];
  });
  const [had, has] = [elementsOf(old), elementsOf(wanted)];
  const added = [...has].filter(([id, one]) => had.get(id)?.value !== one.value).map(([, one]) => one);
  const removed = [...had].filter(([id, one]) => has.get(id)?.value !== one.value).map(([, one]) => one);
  return [
    ...come.flatMap(createPart),
    ...changed.flatMap(({ was, part }) => rechoose(was, part)),
    ...inSets(removed, (set, elements) => deleteElements(set, elements.map(({ key }) => key))),
    ...inSets(added, addElements),
    ...gone.flatMap(deletePart),
  ];
}

/** Everything of one service in one family that has its own names. */
interface Part {
  readonly service: KernelService;
  readonly version: Version;
  readonly name: string;
  /** Of this family, each once. */
  readonly backends: readonly Backend[];
  /** Index among the backends for each slot. */
  readonly slots: readonly number[];
}

interface Backend {
  readonly ip: Ip;
  readonly port: number;
  readonly weight: number;
  readonly usable: boolean;
  readonly name: string;
}

/** A service has a part in each family that it has backends of. */
function partsOf(services: readonly KernelService[]): Map<string, Part> {
  const parts = services.flatMap((service) => FAMILIES.map((version) => partOf(service, version)));
  return new Map(parts.filter(({ backends }) => backends.length > 0).map((part) => [part.name, part]));
}

function partOf(service: KernelService, version: Version): Part {
  const backends = new Map<string, Backend>();
  for (const { address, port, weight, usable } of service.backends) {
    const ip = parsed(address);
    const name = `${ip.text} ${port}`;
    if (ip.family === version) backends.set(name, { ip, port, weight, usable, name });
  }
  const all = [...backends.values()];
  const usable = all.filter((one) => one.usable);
  const places = usable.map((one) => all.indexOf(one));
  const slots = (service.affinity === "source" ? hashSlots(usable) : turns(usable)).map((index) => places[index] ?? 0);
  return { service, version, name: `${serviceKey(service)}_${version}`, backends: all, slots };
}

function sameChoice(one: Part, other: Part): boolean {
  return one.service.affinity === other.service.affinity && slotText(one) === slotText(other);
}

function slotText({ slots, backends }: Part): string {
  return slots.map((index) => backends[index]?.name).join();
}

function createPart(part: Part): NetlinkRequest[] {
  const { name, version } = part;
  return [
    addSet({ ...set(`slots-${name}`), key: NftKey.mark, data: ENDPOINT_KEY[version], flags: 0 }),
    addChain({ ...BALANCE, chain: name }),
    ...addElements(set(`slots-${name}`), slotElements(part)),
    ...choice(part),
  ];
}

/** Other backends in the slots, in one step for every packet. */
function rechoose(was: Part, part: Part): NetlinkRequest[] {
  const [old, wanted] = [slotElements(was), slotElements(part)];
  const differs = (one: SetElement, other: SetElement | undefined): boolean =>
    other?.data === undefined || one.data?.join() !== other.data.join();
  const sameRule = was.slots.length === part.slots.length && was.service.affinity === part.service.affinity;
  return [
    ...deleteElements(
      set(`slots-${part.name}`),
      old.filter((one, at) => differs(one, wanted[at])).map(({ key }) => key),
    ),
    ...addElements(set(`slots-${part.name}`), wanted.filter((one, at) => differs(one, old[at]))),
    ...(sameRule
      ? []
      : [...(was.slots.length > 0 ? [deleteRules({ ...BALANCE, chain: part.name })] : []), ...choice(part)]),
  ];
}

function deletePart({ name, slots }: Part): NetlinkRequest[] {
  return [
    ...(slots.length > 0 ? [deleteRules({ ...BALANCE, chain: name })] : []),
    deleteChain({ ...BALANCE, chain: name }),
    deleteSet(set(`slots-${name}`)),
  ];
}

function slotElements({ slots, backends }: Part): SetElement[] {
  return slots.map((index, slot) => {
    const backend = backends[index];
    assert(backend !== undefined, "a slot has a backend");
    return { key: hostOrder(slot), data: endpointKey(backend) };
  });
}

/** The rule that chooses a backend; none without one to choose. */
function choice({ service, version, name, slots }: Part): NetlinkRequest[] {
  if (slots.length === 0) return [];
  const { source, bytes } = LAYOUT[version];
  const pick: Expression[] = service.affinity === "source"
    ? [
      { type: "payload", base: "network", offset: source, length: bytes, register: 2 },
      { type: "jhash", source: 2, length: bytes, register: 1, modulus: slots.length, offset: 0, seed: HASH_SEED },
    ]
    : [{ type: "numgen", mode: "inc", modulus: slots.length, offset: 0, register: 1 }];
  return [
    rule(name, [
      ...pick,
      { type: "lookup", set: `slots-${name}`, register: 1, inverted: false, target: 1 },
      { type: "nat", kind: "dnat", family: version, address: 1, port: piece(bytes / 4), flags: 0 },
    ]),
  ];
}

/** An element of one of the sets that all services share, or of those that count. */
interface Member {
  readonly set: SetName;
  readonly element: SetElement;
  /** What the element says besides being there. */
  readonly value: string;
}

/** Every element but those of the slots. */
function elementsOf(parts: ReadonlyMap<string, Part>): Map<string, Member> {
  const members = [...parts.values()].flatMap((part) => [...entrances(part), ...ends(part)]);
  return new Map(members.map((one) => [`${one.set.set} ${one.element.key.join(".")}`, one]));
}

/** Where connections come in. */
function entrances({ service, version, name, backends }: Part): Member[] {
  const to = { verdict: "goto", chain: name } as const;
  const at = (setName: string, key: Uint8Array): Member => ({
    set: set(setName),
    element: { key, verdict: to },
    value: name,
  });
  if (service.vips !== null) {
    const ips = service.vips.map(parsed).filter((ip) => ip.family === version);
    return ips.map((ip) => at(`services${version}`, concat([ip.bytes, portKey(service)])));
  }
  const isLoopback = backends.every(({ ip }) => isLoopbackIp(ip));
  const local = isLoopback ? [at(`loop${version}`, portKey(service))] : [];
  return [at(`open${version}`, portKey(service)), ...local];
}

/** Where they go to. */
function ends({ service, version, backends }: Part): Member[] {
  const chain = service.preserveClientAddress ? "preserve" : "masquerade";
  return backends.flatMap((backend) => {
    const flow = concat([portKey(service), endpointKey(backend)]);
    return [
      { set: set(`return${version}`), element: { key: flow, verdict: { verdict: "goto", chain } }, value: chain },
      { set: set(`traffic${version}`), element: { key: flow }, value: "" },
      { set: set(`new${version}`), element: { key: flow }, value: "" },
    ] satisfies Member[];
  });
}

function inSets(
  members: readonly Member[],
  make: (set: SetName, elements: readonly SetElement[]) => NetlinkRequest[],
): NetlinkRequest[] {
  const groups = Map.groupBy(members, (one) => one.set.set);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : make(first.set, group.map(({ element }) => element));
  });
}

/** The sets that count, and an element's key for a backend of a service. */
export function counterOf(
  service: Pick<KernelService, "protocol" | "port">,
  backend: { readonly address: string; readonly port: number },
): { readonly connections: SetName; readonly bytes: SetName; readonly key: Uint8Array } {
  const ip = parsed(backend.address);
  return {
    connections: set(`new${ip.family}`),
    bytes: set(`traffic${ip.family}`),
    key: concat([portKey(service), endpointKey({ ip, port: backend.port })]),
  };
}

function ownedTable(): NetlinkRequest {
  const plain = addTable(BALANCE);
  return { ...plain, payload: concat([plain.payload, attribute(TableAttribute.FLAGS, be32(TABLE_OWNER))]) };
}

function sharedSets(version: Version): NetlinkRequest[] {
  const map = (name: string, key: KeyType): NftSet => ({ ...set(name), key, data: NftKey.verdict, flags: 0 });
  return [
    addSet(map(`services${version}`, SERVICE_KEY[version])),
    addSet(map(`open${version}`, PORT_KEY)),
    addSet(map(`loop${version}`, PORT_KEY)),
    addSet(map(`return${version}`, FLOW_KEY[version])),
    ...["new", "traffic"].map((kind) =>
      addSet({ ...set(`${kind}${version}`), key: FLOW_KEY[version], flags: 0, counting: true })
    ),
  ];
}

function chains(): NetlinkRequest[] {
  const jump = (chain: string): Expression => ({ type: "verdict", verdict: "jump", chain });
  const plain = ["dispatch", "given", "masquerade", "preserve", "count"];
  return [
    ...plain.map((chain) => addChain({ ...BALANCE, chain })),
    ...(["prerouting", "output"] as const).flatMap((at) => [
      addChain({ ...BALANCE, chain: at, hook: { at, type: "nat", priority: BEFORE_NAT } }),
      rule(at, [jump("dispatch")]),
    ]),
    ...FAMILIES.flatMap(dispatch),
    ...(["input", "postrouting"] as const).flatMap((at) => [
      addChain({ ...BALANCE, chain: at, hook: { at, type: "nat", priority: BEFORE_SOURCE_NAT } }),
      rule(at, [jump("given")]),
    ]),
    ...FAMILIES.flatMap((version) => [
      rule("given", [...translated(), ...flow(version, "destination"), find(`new${version}`)]),
      rule("postrouting", [...translated(), ...flow(version, "destination"), vmap(`return${version}`)]),
    ]),
    rule("masquerade", [...leaves(), { type: "masquerade", flags: 0 }]),
    rule("preserve", [...leaves(), ...isLocal(FibFlag.SOURCE), { type: "masquerade", flags: 0 }]),
    ...counting(),
  ];
}

function dispatch(version: Version): NetlinkRequest[] {
  const { destination, bytes } = LAYOUT[version];
  const protocolAndPort = (first: number): Expression[] => [
    { type: "meta", key: MetaKey.l4proto, register: piece(first) },
    { type: "payload", base: "transport", offset: 2, length: 2, register: piece(first + 1) },
  ];
  return [
    rule("dispatch", [
      ...only(version),
      { type: "payload", base: "network", offset: destination, length: bytes, register: 1 },
      ...protocolAndPort(bytes / 4),
      vmap(`services${version}`),
    ]),
    rule("dispatch", [
      ...only(version),
      ...isLocal(FibFlag.DESTINATION),
      ...loopback(version, "!="),
      ...protocolAndPort(0),
      vmap(`open${version}`),
    ]),
    rule("dispatch", [...only(version), ...loopback(version, "=="), ...protocolAndPort(0), vmap(`loop${version}`)]),
  ];
}

function counting(): NetlinkRequest[] {
  const base = (["forward", "input", "output"] as const).flatMap((at) => [
    addChain({ ...BALANCE, chain: `count-${at}`, hook: { at, priority: AFTER_FILTERS } }),
    // Between two programs of this machine a packet is sent and received; it counts where it is sent.
    rule(`count-${at}`, [
      ...(at === "input" ? notOver(MetaKey.iifname) : []),
      ...translated(),
      { type: "verdict", verdict: "jump", chain: "count" },
    ]),
  ]);
  const rules = FAMILIES.flatMap((version) =>
    (["destination", "source"] as const).map((backendIs) =>
      rule("count", [
        { type: "ct", key: CtKey.direction, register: 1 },
        { type: "cmp", register: 1, op: "==", value: Uint8Array.of(backendIs === "destination" ? 0 : 1) },
        ...flow(version, backendIs),
        find(`traffic${version}`),
      ])
    )
  );
  return [...base, ...rules];
}

/** Goes on for packets of this family; protocol, the port that was asked for, the backend and its port are in register 1 and after. */
function flow(version: Version, backendIs: "source" | "destination"): Expression[] {
  const { bytes, ...offsets } = LAYOUT[version];
  const port = backendIs === "source" ? 0 : 2;
  return [
    ...only(version),
    { type: "meta", key: MetaKey.l4proto, register: piece(0) },
    { type: "ct", key: CtKey.destinationPort, direction: "original", register: piece(1) },
    { type: "payload", base: "network", offset: offsets[backendIs], length: bytes, register: piece(2) },
    { type: "payload", base: "transport", offset: port, length: 2, register: piece(2 + bytes / 4) },
  ];
}

function only(version: Version): Expression[] {
  return [
    { type: "meta", key: MetaKey.nfproto, register: 1 },
    { type: "cmp", register: 1, op: "==", value: Uint8Array.of(NFPROTO[version]) },
  ];
}

/** Goes on for connections whose destination was translated, by whomever. */
function translated(): Expression[] {
  return [
    { type: "ct", key: CtKey.status, register: 1 },
    { type: "bitwise", register: 1, target: 1, mask: hostOrder(CtStatus.DST_NAT), xor: hostOrder(0) },
    { type: "cmp", register: 1, op: "!=", value: hostOrder(0) },
  ];
}

function isLocal(which: number): Expression[] {
  return [
    { type: "fib", flags: which, result: FibResult.addressType, register: 1 },
    { type: "cmp", register: 1, op: "==", value: hostOrder(AddressType.local) },
  ];
}

/** 127.0.0.0/8 or ::1 as destination, or anything but these. */
function loopback(version: Version, op: "==" | "!="): Expression[] {
  const { destination } = LAYOUT[version];
  const value = version === 4 ? Uint8Array.of(127) : parsed("::1").bytes;
  return [
    { type: "payload", base: "network", offset: destination, length: value.length, register: 1 },
    { type: "cmp", register: 1, op, value },
  ];
}

function isLoopbackIp(ip: Ip): boolean {
  return ip.family === 4 ? ip.bytes[0] === 127 : ip.text === "::1";
}

function leaves(): Expression[] {
  return notOver(MetaKey.oifname);
}

/** Goes on unless the link with this key is the loopback. */
function notOver(key: number): Expression[] {
  const name = new Uint8Array(16);
  name.set(new TextEncoder().encode("lo"));
  return [{ type: "meta", key, register: 1 }, { type: "cmp", register: 1, op: "!=", value: name }];
}

function find(name: string): Expression {
  return { type: "lookup", set: name, register: 1, inverted: false };
}

function vmap(name: string): Expression {
  return { type: "lookup", set: name, register: 1, inverted: false, target: 0 };
}

function rule(chain: string, expressions: readonly Expression[]): NetlinkRequest {
  return addRule({ ...BALANCE, chain, expressions });
}

function set(name: string): SetName {
  return { ...BALANCE, set: name };
}

function portKey({ protocol, port }: Pick<KernelService, "protocol" | "port">): Uint8Array {
  return concat([Uint8Array.of(PROTOCOL_NUMBER[protocol], 0, 0, 0), be16(port), new Uint8Array(2)]);
}

function endpointKey({ ip, port }: { readonly ip: Ip; readonly port: number }): Uint8Array {
  return concat([ip.bytes, be16(port), new Uint8Array(2)]);
}

/** 32 bits as the processor keeps them: little endian on amd64 and arm64, which are what the program runs on. */
function hostOrder(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function parsed(text: string): Ip {
  const ip = parseIp(text);
  assert(ip !== null, `${text} is an address`);
  return ip;
}
