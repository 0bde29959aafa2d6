/**
 * Numbers of nftables (include/uapi/linux/netfilter/nf_tables.h) and the words this program has for them. Attribute numbers are grouped by
 * the object they describe.
 */

/** Message types with the subsystem number (NFT_MSG_*). */
export const NftMessage = {
  NEWTABLE: 0xa00,
  GETTABLE: 0xa01,
  DELTABLE: 0xa02,
  NEWCHAIN: 0xa03,
  GETCHAIN: 0xa04,
  DELCHAIN: 0xa05,
  NEWRULE: 0xa06,
  GETRULE: 0xa07,
  DELRULE: 0xa08,
  NEWSET: 0xa09,
  GETSET: 0xa0a,
  DELSET: 0xa0b,
  NEWSETELEM: 0xa0c,
  GETSETELEM: 0xa0d,
  DELSETELEM: 0xa0e,
  NEWGEN: 0xa0f,
  GETGEN: 0xa10,
  NEWOBJ: 0xa12,
  GETOBJ: 0xa13,
  DELOBJ: 0xa14,
} as const;

/** NFTA_LIST_ELEM: one of several in a list. */
export const LIST_ELEMENT = 1;
/** NFTA_TABLE_*. */
export const TableAttribute = { NAME: 1, FLAGS: 2 } as const;
/** NFTA_CHAIN_*. */
export const ChainAttribute = { TABLE: 1, NAME: 3, HOOK: 4, POLICY: 5, TYPE: 7 } as const;
/** NFTA_HOOK_*. */
export const HookAttribute = { NUMBER: 1, PRIORITY: 2 } as const;
/** NFTA_RULE_*. */
export const RuleAttribute = { TABLE: 1, CHAIN: 2, HANDLE: 3, EXPRESSIONS: 4, USERDATA: 7 } as const;
/** NFTA_SET_*. */
export const SetAttribute = {
  TABLE: 1,
  NAME: 2,
  FLAGS: 3,
  KEY_TYPE: 4,
  KEY_LENGTH: 5,
  DATA_TYPE: 6,
  DATA_LENGTH: 7,
  DESCRIPTION: 9,
  ID: 10,
  USERDATA: 13,
  OBJECT_TYPE: 15,
  EXPRESSION: 17,
} as const;
/** NFTA_SET_DESC_SIZE. */
export const DESCRIPTION_SIZE = 1;
/** NFTA_SET_ELEM_LIST_*. */
export const ElementListAttribute = { TABLE: 1, SET: 2, ELEMENTS: 3 } as const;
/** NFTA_SET_ELEM_*. */
export const ElementAttribute = {
  KEY: 1,
  DATA: 2,
  TIMEOUT: 4,
  EXPIRATION: 5,
  EXPRESSION: 7,
  OBJECT: 9,
  EXPRESSIONS: 11,
} as const;
/** NFTA_OBJ_*. */
export const ObjectAttribute = { TABLE: 1, NAME: 2, TYPE: 3, DATA: 4, USE: 5 } as const;
/** NFT_OBJECT_COUNTER. */
export const COUNTER_OBJECT = 1;
/** NFT_OBJECT_CT_TIMEOUT. */
export const TIME_LIMITS_OBJECT = 7;
/** NFTA_GEN_ID. */
export const GENERATION_ID = 1;

/** Table families (NFPROTO_*). */
export type NftFamily = "inet" | "ip" | "arp" | "netdev" | "bridge" | "ip6";
/** Their numbers. */
export const NftFamilyNumber: Readonly<Record<NftFamily, number>> = {
  inet: 1,
  ip: 2,
  arp: 3,
  netdev: 5,
  bridge: 7,
  ip6: 10,
};

/** Where a base chain looks at packets. */
export type NftHook = "prerouting" | "input" | "forward" | "output" | "postrouting";
const INET_HOOKS: readonly NftHook[] = ["prerouting", "input", "forward", "output", "postrouting"];
const ARP_HOOKS: readonly NftHook[] = ["input", "output", "forward"];

/** Hook names in the order of their numbers: enum nf_inet_hooks, and ARP, which counts differently. */
export function hooksOf(family: NftFamily): readonly NftHook[] {
  return family === "arp" ? ARP_HOOKS : INET_HOOKS;
}

/** NF_DROP and NF_ACCEPT, as the policy of a chain. */
export const NftPolicy = { drop: 0, accept: 1 } as const;

/** What a set holds: the type number is for `nft list` (its own numbering), the kernel only looks at the length. */
export interface KeyType {
  readonly type: number;
  /** Bytes. */
  readonly length: number;
}

/** Key types under the names `nft` gives them. */
export const NftKey = {
  nfProto: { type: 1, length: 1 },
  ipv4Address: { type: 7, length: 4 },
  ipv6Address: { type: 8, length: 16 },
  etherAddress: { type: 9, length: 6 },
  arpOperation: { type: 11, length: 2 },
  inetProtocol: { type: 12, length: 1 },
  inetService: { type: 13, length: 2 },
  mark: { type: 19, length: 4 },
  /** The data of a verdict map (NFT_DATA_VERDICT); the length is the kernel's. */
  verdict: { type: 0xffff_ff00, length: 16 },
  /** Address and port: what NAT translates to. In concatenations each part takes a multiple of four bytes. */
  ipv4Endpoint: { type: (7 << 6) | 13, length: 8 },
  ipv6Endpoint: { type: (8 << 6) | 13, length: 20 },
  /** Address, protocol and port: a service. */
  ipv4Service: { type: (((7 << 6) | 12) << 6) | 13, length: 12 },
  ipv6Service: { type: (((8 << 6) | 12) << 6) | 13, length: 24 },
  /** Name of an interface in sixteen bytes, then an address: as `nft` counts concatenations, six bits for each part. */
  linkAndIpv4Address: { type: (41 << 6) | 7, length: 20 },
  linkAndIpv6Address: { type: (41 << 6) | 8, length: 32 },
} as const satisfies Record<string, KeyType>;

/** Flags of a set (NFT_SET_*). */
export const SetFlag = { ANONYMOUS: 1, CONSTANT: 2, INTERVAL: 4, MAP: 8, TIMEOUT: 0x10, OBJECT: 0x40 } as const;
