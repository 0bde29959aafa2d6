/**
 * The kernel engine's nftables table, as the messages of batches. Pure; {@link KernelTable} commits them. As a text ruleset, for IPv4
 * (IPv6 has the same under names that end in 6):
 *
 *     table inet kube-vip-balance {
 *       map services4 { ip daddr . meta l4proto . th dport : verdict }  # held address, balancer: goto its choice
 *       map open4 { meta l4proto . th dport : verdict }                 # balancers on every address of this machine
 *       map loop4 { meta l4proto . th dport : verdict }                 # those whose backends are loopback addresses
 *       map return4 { meta l4proto . ct original proto-dst . ip daddr . th dport : verdict }
 *       set vips4 { ip daddr . meta l4proto . th dport }                # keys of services4
 *       set ports4 { meta l4proto . th dport }                          # keys of open4
 *       set backends4 { ip saddr . meta l4proto . th sport }
 *       set self4 { ip saddr . ip daddr }                               # backends that see clients, each with itself
 *       set new4, traffic4 { meta l4proto . ct original proto-dst . backend . its port; counter }
 *       chain strays { type filter hook prerouting priority -120
 *         ct state invalid tcp flags & (fin | syn | rst) == 0 jump stray }
 *       chain stray {
 *         ip daddr . meta l4proto . th dport @vips4 drop
 *         fib daddr type local meta l4proto . th dport @ports4 drop
 *         fib daddr type local ip saddr . meta l4proto . th sport @backends4 drop }
 *       chain prerouting { type nat hook prerouting priority -110; jump dispatch }
 *       chain output { type nat hook output priority -110; jump dispatch }
 *       chain dispatch {
 *         ip daddr . meta l4proto . th dport vmap @services4
 *         fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @open4
 *         ip daddr 127.0.0.0/8 meta l4proto . th dport vmap @loop4 }
 *       chain tcp80_4 {
 *         dnat to numgen inc mod N (or jhash ip saddr mod N) map @slots-tcp80_4 }
 *       ct timeout limits-tcp4, limits-udp4 { … }                       # where the kernel has them
 *       chain input { type nat hook input priority 90; given }          # what is meant by that: below
 *       chain postrouting { type nat hook postrouting priority 90; given vmap @return4 }
 *         given: ct original ip daddr . meta l4proto . ct original proto-dst @vips4 (or without the address, @ports4)
 *           ct status dnat meta l4proto . ct original proto-dst . ct reply ip saddr . ct reply proto-src @new4
 *           ct timeout set "limits-tcp4" ct timeout set "limits-udp4"
 *       chain masquerade { oifname != "lo" masquerade }
 *       chain preserve {
 *         oifname != "lo" fib saddr type local masquerade
 *         oifname != "lo" ip saddr . ip daddr @self4 masquerade }
 *       chain count-forward, count-input, count-output { type filter hook … priority 50; the same flow @traffic4 accept }
 *     }
 *
 * NAT chains see only the first packet of a connection, the rest follows what connection tracking remembers: a backend that gets no new
 * connections keeps those it has. Of several NAT chains the first that translates decides, so ours come just before those of others
 * (kube-proxy and iptables: -100 and 100), and long after the guard of the addresses (-400). The output chain is for clients on this machine.
 * What no usable backend is found for goes to this machine itself, which answers with a refusal.
 *
 * Masqueraded are packets that leave this machine, and of clients that keep their address only those that come from this machine itself
 * (their source is the virtual address) or from the very backend they go to. A backend on this machine sees the client.
 */
import { assert } from "../../base/assert.ts";
import { isLoopback } from "../../config/engines.ts";
import type { Ip } from "../../net/ip.ts";
import { attribute } from "../../net/netlink/attribute.ts";
import { be32, concat } from "../../net/netlink/bytes.ts";
import type { NetlinkRequest } from "../../net/netlink/message.ts";
import { piece } from "../../net/netlink/nft_balance.ts";
import type { Expression } from "../../net/netlink/nft_expression.ts";
import { NftKey, TableAttribute } from "../../net/netlink/nft_numbers.ts";
import {
  addChain,
  addElements,
  addSet,
  addTable,
  deleteChain,
  deleteElements,
  deleteRules,
  deleteSet,
  deleteTable,
  type SetElement,
  type SetName,
} from "../../net/netlink/nftables.ts";
import { frame, type FrameOptions } from "./frame.ts";
import { hashSlots, turns } from "./slots.ts";
import type { KernelBackend, KernelService } from "./types.ts";
import {
  BALANCE,
  ENDPOINT_KEY,
  endpointKey,
  FAMILIES,
  hostOrder,
  LAYOUT,
  parsed,
  portKey,
  rule,
  serviceKey,
  set,
  type Version,
} from "./words.ts";

/** NFT_TABLE_F_OWNER (Linux 5.12): nobody else may change or flush the table, and it ends with the socket that made it. */
const TABLE_OWNER = 2;
/** The same on every machine, so that a client finds its backend again behind the next holder of the address. */
const HASH_SEED = 0x6b756265;

/** What of the table not every kernel has. */
export interface TableFeatures extends FrameOptions {
  /** Nobody else may change it. */
  readonly owned: boolean;
}

/** The whole table with exactly these services, in place of whatever was there under its name. */
export function installTable(services: readonly KernelService[], options: TableFeatures): NetlinkRequest[] {
  return [
    ...removeTable(),
    options.owned ? ownedTable() : addTable(BALANCE),
    ...frame(options),
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
  const kept = new Set([...wanted.keys()].filter((name) => sameEnds(old.get(name), wanted.get(name))));
  const [had, has] = [elementsOf(old, kept), elementsOf(wanted, kept)];
  const added = [...has].filter(([id, one]) => had.get(id)?.value !== one.value).map(([, one]) => one);
  const outdated = [...had].filter(([id, one]) => has.get(id)?.value !== one.value);
  const needed = outdated.some(([, one]) => one.isShared)
    ? sharedOf([...wanted.values()].filter(({ name }) => kept.has(name)))
    : null;
  const removed = outdated.filter(([id]) => needed?.has(id) !== true).map(([, one]) => one);
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
  return { service, version, name: `${serviceKey(service)}_${version}`, ...shareOut(service, version) };
}

type Shares = Pick<Part, "backends" | "slots">;
/** Many slots take their time, and what comes next is compared with all that was. By list of backends, family and affinity. */
const known = new WeakMap<readonly KernelBackend[], Map<string, Shares>>();

function shareOut({ backends, affinity }: KernelService, version: Version): Shares {
  const ofList = known.get(backends) ?? new Map<string, Shares>();
  known.set(backends, ofList);
  const key = `${version} ${affinity}`;
  const shares = ofList.get(key) ?? sharesOf(backends, version, affinity);
  ofList.set(key, shares);
  return shares;
}

function sharesOf(given: readonly KernelBackend[], version: Version, affinity: KernelService["affinity"]): Shares {
  const backends = new Map<string, Backend>();
  for (const { address, port, weight, usable } of given) {
    const ip = parsed(address);
    const name = `${ip.text} ${port}`;
    if (ip.family === version) backends.set(name, { ip, port, weight, usable, name });
  }
  const all = [...backends.values()];
  const usable = all.filter((one) => one.usable);
  const places = usable.map((one) => all.indexOf(one));
  const slots = (affinity === "source" ? hashSlots(usable) : turns(usable)).map((index) => places[index] ?? 0);
  return { backends: all, slots };
}

function sameChoice(one: Part, other: Part): boolean {
  if (one.slots === other.slots) return true;
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
  /** Whether parts that have a backend in common have it in common. */
  readonly isShared: boolean;
}

/** Whether all is the same that belongs to a part's backends, as is seen at a glance. */
function sameEnds(one: Part | undefined, other: Part | undefined): boolean {
  return one?.backends === other?.backends &&
    one?.service.preserveClientAddress === other?.service.preserveClientAddress;
}

/** Every element but those of the slots, and but the ends of parts whose names are in `kept`. */
function elementsOf(parts: ReadonlyMap<string, Part>, kept: ReadonlySet<string>): Map<string, Member> {
  const members = [...parts.values()].flatMap((
    part,
  ) => [...entrances(part), ...(kept.has(part.name) ? [] : ends(part))]);
  return new Map(members.map((one) => [idOf(one), one]));
}

function sharedOf(parts: readonly Part[]): Set<string> {
  return new Set(parts.flatMap(ends).filter(({ isShared }) => isShared).map(idOf));
}

function idOf({ set, element }: Member): string {
  return `${set.set} ${element.key.join(".")}`;
}

/** Where connections come in. */
function entrances({ service, version, name, backends }: Part): Member[] {
  const at = (map: string, known: string, key: Uint8Array): Member[] => [
    { set: set(map), element: { key, verdict: { verdict: "goto", chain: name } }, value: name, isShared: false },
    { set: set(known), element: { key }, value: "", isShared: false },
  ];
  if (service.vips !== null) {
    const ips = service.vips.map(parsed).filter((ip) => ip.family === version);
    return ips.flatMap((ip) => at(`services${version}`, `vips${version}`, concat([ip.bytes, portKey(service)])));
  }
  const maps = backends.every(({ ip }) => isLoopback(ip)) ? ["open", "loop"] : ["open"];
  return maps.flatMap((map) => at(`${map}${version}`, `ports${version}`, portKey(service)));
}

/** Where they go to. */
function ends({ service, version, backends }: Part): Member[] {
  const { preserveClientAddress } = service;
  const chain = preserveClientAddress ? "preserve" : "masquerade";
  return backends.flatMap(({ ip, port }) => {
    const flow = concat([portKey(service), endpointKey({ ip, port })]);
    const own = { value: "", isShared: false };
    const shared = { value: "", isShared: true };
    const answers = concat([ip.bytes, portKey({ protocol: service.protocol, port })]);
    const self = { set: set(`self${version}`), element: { key: concat([ip.bytes, ip.bytes]) }, ...shared };
    return [
      {
        set: set(`return${version}`),
        element: { key: flow, verdict: { verdict: "goto", chain } },
        ...{ value: chain, isShared: false },
      },
      { set: set(`traffic${version}`), element: { key: flow }, ...own },
      { set: set(`new${version}`), element: { key: flow }, ...own },
      { set: set(`backends${version}`), element: { key: answers }, ...shared },
      ...(preserveClientAddress ? [self] : []),
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

function ownedTable(): NetlinkRequest {
  const plain = addTable(BALANCE);
  return { ...plain, payload: concat([plain.payload, attribute(TableAttribute.FLAGS, be32(TABLE_OWNER))]) };
}
