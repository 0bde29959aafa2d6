/** What of the kernel engine's table is always the same: its sets, still empty, and the chains that look at packets. Pure. */
import type { NetlinkRequest } from "../../net/netlink/message.ts";
import { AddressType, CtKey, CtState, CtStatus, FibFlag, FibResult, piece } from "../../net/netlink/nft_balance.ts";
import { type Expression, MetaKey } from "../../net/netlink/nft_expression.ts";
import { type KeyType, NftKey } from "../../net/netlink/nft_numbers.ts";
import { addChain, addSet, type NftSet } from "../../net/netlink/nftables.ts";
import { addTimeLimits } from "../../net/netlink/nft_time_limits.ts";
import { limitsName, TIME_LIMITS } from "./time_limits.ts";
import { BALANCE, FAMILIES, hostOrder, LAYOUT, parsed, rule, set, type Version } from "./words.ts";

/** Before the destination NAT of others, at -100. */
const BEFORE_NAT = -110;
/** After connection tracking, at -200. */
const BEFORE_ALL_NAT = BEFORE_NAT - 10;
/** Before the source NAT of others, at 100. */
const BEFORE_SOURCE_NAT = 90;
/** After the filters of others, at 0: what they drop does not count. */
const AFTER_FILTERS = 50;
const NFPROTO = { 4: 2, 6: 10 } as const;
const TCP = 6;
/** Where the ports and the flags stand in the header of TCP, in bytes. */
const TCP_AT = { source: 0, destination: 2, flags: 13 } as const;
/** FIN, SYN, RST. */
const BEGIN_OR_END = 0x07;
/** Protocol and port. Parts of a concatenation take a multiple of four bytes; the types are for `nft list`, six bits for each part. */
const PORT_KEY: KeyType = { type: (12 << 6) | 13, length: 8 };
const SERVICE_KEY = { 4: NftKey.ipv4Service, 6: NftKey.ipv6Service } as const;
/** Protocol, the port that was asked for, backend and its port. */
const FLOW_KEY: Readonly<Record<Version, KeyType>> = {
  4: { type: (((((12 << 6) | 13) << 6) | 7) << 6) | 13, length: 16 },
  6: { type: (((((12 << 6) | 13) << 6) | 8) << 6) | 13, length: 28 },
};

/** Two addresses. */
const PAIR_KEY: Readonly<Record<Version, KeyType>> = {
  4: { type: (7 << 6) | 7, length: 8 },
  6: { type: (8 << 6) | 8, length: 32 },
};

/** What of the frame not every machine has. */
export interface FrameOptions {
  /** Connections get time-outs of their own (Linux 4.19, an option of its). */
  readonly timeLimits: boolean;
  /**
   * The kernel takes up connections in their middle (net.netfilter.nf_conntrack_tcp_loose): what it calls invalid then is not one that it does
   * not know.
   */
  readonly takesUp: boolean;
}

/** Messages that add all of it to a table that is there. */
export function frame(options: FrameOptions): NetlinkRequest[] {
  return [
    ...FAMILIES.flatMap(sharedSets),
    ...(options.timeLimits ? limits() : []),
    ...(options.takesUp ? strays() : []),
    ...chains(options),
  ];
}

function limits(): NetlinkRequest[] {
  return FAMILIES.flatMap((version) =>
    TIME_LIMITS.map((one) => addTimeLimits({ ...BALANCE, limits: limitsName(one, version) }, version, one))
  );
}

function sharedSets(version: Version): NetlinkRequest[] {
  const map = (name: string, key: KeyType): NftSet => ({ ...set(name), key, data: NftKey.verdict, flags: 0 });
  return [
    addSet(map(`services${version}`, SERVICE_KEY[version])),
    addSet(map(`open${version}`, PORT_KEY)),
    addSet(map(`loop${version}`, PORT_KEY)),
    addSet(map(`return${version}`, FLOW_KEY[version])),
    addSet({ ...set(`self${version}`), key: PAIR_KEY[version], flags: 0 }),
    addSet({ ...set(`vips${version}`), key: SERVICE_KEY[version], flags: 0 }),
    addSet({ ...set(`ports${version}`), key: PORT_KEY, flags: 0 }),
    addSet({ ...set(`backends${version}`), key: SERVICE_KEY[version], flags: 0 }),
    ...["new", "traffic"].map((kind) =>
      addSet({ ...set(`${kind}${version}`), key: FLOW_KEY[version], flags: 0, counting: true })
    ),
  ];
}

function chains({ timeLimits }: FrameOptions): NetlinkRequest[] {
  return [
    ...["dispatch", "masquerade", "preserve"].map((chain) => addChain({ ...BALANCE, chain })),
    ...(["prerouting", "output"] as const).flatMap((at) => [
      addChain({ ...BALANCE, chain: at, hook: { at, type: "nat", priority: BEFORE_NAT } }),
      rule(at, [{ type: "verdict", verdict: "jump", chain: "dispatch" }]),
    ]),
    ...FAMILIES.flatMap(dispatch),
    ...(["input", "postrouting"] as const).flatMap((at) => [
      addChain({ ...BALANCE, chain: at, hook: { at, type: "nat", priority: BEFORE_SOURCE_NAT } }),
      ...FAMILIES.flatMap((version) =>
        [askedOfAddress(version), askedOfPort(version)].map((asked) =>
          rule(at, [
            ...flow(version, asked),
            find(`new${version}`),
            ...(timeLimits ? limitTimes(version) : []),
            ...(at === "postrouting" ? [vmap(`return${version}`)] : []),
          ])
        )
      ),
    ]),
    rule("masquerade", [...leaves(), { type: "masquerade", flags: 0 }]),
    rule("preserve", [...leaves(), ...isLocal(FibFlag.SOURCE), { type: "masquerade", flags: 0 }]),
    ...FAMILIES.map((version) =>
      rule("preserve", [...leaves(), ...toItself(version), { type: "masquerade", flags: 0 }])
    ),
    ...counting(),
  ];
}

/**
 * A segment outside of a connection's window is none of it for the kernel, and is not translated: a stack that knows nothing of the connection
 * would get it and reset what stands. A connection that the kernel has forgotten does need its reset: it is taken up with an ordinary segment,
 * and those that begin or end one are let through.
 */
function strays(): NetlinkRequest[] {
  const from = (version: Version): Expression[] => {
    const { source, bytes } = LAYOUT[version];
    return [
      ...isLocal(FibFlag.DESTINATION),
      { type: "payload", base: "network", offset: source, length: bytes, register: 1 },
      ...protocolAndPort(bytes / 4, TCP_AT.source),
      find(`backends${version}`),
    ];
  };
  const to = (version: Version): Expression[] => [...serviceAsked(version), find(`vips${version}`)];
  const toAny = (version: Version): Expression[] => [
    ...isLocal(FibFlag.DESTINATION),
    ...protocolAndPort(0),
    find(`ports${version}`),
  ];
  const rules = FAMILIES.flatMap((version) =>
    [to, toAny, from].map((which) =>
      rule("stray", [...only(version), ...which(version), { type: "verdict", verdict: "drop" }])
    )
  );
  return [
    addChain({ ...BALANCE, chain: "stray" }),
    addChain({ ...BALANCE, chain: "strays", hook: { at: "prerouting", priority: BEFORE_ALL_NAT } }),
    // Every packet of the machine comes by here.
    rule("strays", [...outOfWindow(), { type: "verdict", verdict: "jump", chain: "stray" }]),
    ...rules,
  ];
}

function outOfWindow(): Expression[] {
  return [
    { type: "ct", key: CtKey.state, register: 1 },
    { type: "bitwise", register: 1, target: 1, mask: hostOrder(CtState.INVALID), xor: hostOrder(0) },
    { type: "cmp", register: 1, op: "!=", value: hostOrder(0) },
    { type: "meta", key: MetaKey.l4proto, register: 1 },
    { type: "cmp", register: 1, op: "==", value: Uint8Array.of(TCP) },
    { type: "payload", base: "transport", offset: TCP_AT.flags, length: 1, register: 1 },
    { type: "bitwise", register: 1, target: 1, mask: Uint8Array.of(BEGIN_OR_END), xor: Uint8Array.of(0) },
    { type: "cmp", register: 1, op: "==", value: Uint8Array.of(0) },
  ];
}

/** Connections that clients have begun to an address and a port that are balanced: others translate to the same backends, too. */
function askedOfAddress(version: Version): Expression[] {
  const { bytes, ctDestination } = LAYOUT[version];
  return [
    { type: "ct", key: ctDestination, direction: "original", register: 1 },
    ...protocolAndAskedPort(bytes / 4),
    find(`vips${version}`),
  ];
}

/** The same where a port is balanced on every address. */
function askedOfPort(version: Version): Expression[] {
  return [...protocolAndAskedPort(0), find(`ports${version}`)];
}

function protocolAndAskedPort(first: number): Expression[] {
  return [
    { type: "meta", key: MetaKey.l4proto, register: piece(first) },
    { type: "ct", key: CtKey.destinationPort, direction: "original", register: piece(first + 1) },
  ];
}

function protocolAndPort(first: number, offset: number = TCP_AT.destination): Expression[] {
  return [
    { type: "meta", key: MetaKey.l4proto, register: piece(first) },
    { type: "payload", base: "transport", offset, length: 2, register: piece(first + 1) },
  ];
}

/** The address, protocol and port that a packet is for. */
function serviceAsked(version: Version): Expression[] {
  const { destination, bytes } = LAYOUT[version];
  return [
    { type: "payload", base: "network", offset: destination, length: bytes, register: 1 },
    ...protocolAndPort(bytes / 4),
  ];
}

function limitTimes(version: Version): Expression[] {
  return TIME_LIMITS.map((one) => ({ type: "limit-times", limits: limitsName(one, version) }));
}

function dispatch(version: Version): NetlinkRequest[] {
  return [
    rule("dispatch", [...only(version), ...serviceAsked(version), vmap(`services${version}`)]),
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

/** These see every packet of the machine, so they look at little, and at less of what is none of theirs. */
function counting(): NetlinkRequest[] {
  return (["forward", "input", "output"] as const).flatMap((at) => [
    addChain({ ...BALANCE, chain: `count-${at}`, hook: { at, priority: AFTER_FILTERS } }),
    ...FAMILIES.map((version) =>
      rule(`count-${at}`, [
        // Between two programs of this machine a packet is sent and received; it counts where it is sent.
        ...flow(version, at === "input" ? notOver(MetaKey.iifname) : []),
        find(`traffic${version}`),
        { type: "verdict", verdict: "accept" },
      ])
    ),
  ]);
}

/**
 * Goes on for translated connections over this family, whichever way the packet goes; protocol, the port that was asked for, the backend
 * and its port are in register 1 and after. The backend is whose replies are expected.
 */
function flow(version: Version, condition: readonly Expression[] = []): Expression[] {
  const { bytes, ctSource } = LAYOUT[version];
  return [
    ...translated(),
    ...condition,
    // Breaks for connections over the other family.
    { type: "ct", key: ctSource, direction: "reply", register: piece(2) },
    { type: "meta", key: MetaKey.l4proto, register: piece(0) },
    { type: "ct", key: CtKey.destinationPort, direction: "original", register: piece(1) },
    { type: "ct", key: CtKey.sourcePort, direction: "reply", register: piece(2 + bytes / 4) },
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

/** Goes on for a client whose backend is on the same machine: that would take no packet with its own address as the source. */
function toItself(version: Version): Expression[] {
  const { source, destination, bytes } = LAYOUT[version];
  return [
    ...only(version),
    { type: "payload", base: "network", offset: source, length: bytes, register: 1 },
    { type: "payload", base: "network", offset: destination, length: bytes, register: piece(bytes / 4) },
    find(`self${version}`),
  ];
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
