/** Names, keys and numbers of the kernel engine's table: what its parts agree on. Pure. */
import { assert } from "../../base/assert.ts";
import { type Ip, parseIp } from "../../net/ip.ts";
import { be16, concat } from "../../net/netlink/bytes.ts";
import type { NetlinkRequest } from "../../net/netlink/message.ts";
import { CtKey } from "../../net/netlink/nft_balance.ts";
import type { Expression } from "../../net/netlink/nft_expression.ts";
import { NftKey } from "../../net/netlink/nft_numbers.ts";
import { addRule, type SetName } from "../../net/netlink/nftables.ts";
import type { KernelProtocol, KernelService } from "./types.ts";

/** The table, of family inet. */
export const BALANCE_TABLE = "kube-vip-balance";
/** By family and name. */
export const BALANCE = { family: "inet", table: BALANCE_TABLE } as const;

/** Numbers of the transport protocols (IPPROTO_*). */
export const PROTOCOL_NUMBER: Readonly<Record<KernelProtocol, number>> = { tcp: 6, udp: 17 };
/** Of IP. */
export const FAMILIES = [4, 6] as const;
/** A version of IP. */
export type Version = (typeof FAMILIES)[number];

/** Where addresses stand in the header of IP, in bytes, and what a connection goes by. */
export const LAYOUT = {
  4: { source: 12, destination: 16, bytes: 4, ctSource: CtKey.sourceIp4, ctDestination: CtKey.destinationIp4 },
  6: { source: 8, destination: 24, bytes: 16, ctSource: CtKey.sourceIp6, ctDestination: CtKey.destinationIp6 },
} as const;

/** Address and port as a key, or as what a map gives. */
export const ENDPOINT_KEY = { 4: NftKey.ipv4Endpoint, 6: NftKey.ipv6Endpoint } as const;

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

/** Appends a rule to a chain of the table. */
export function rule(chain: string, expressions: readonly Expression[]): NetlinkRequest {
  return addRule({ ...BALANCE, chain, expressions });
}

/** A set of the table. */
export function set(name: string): SetName {
  return { ...BALANCE, set: name };
}

/** Protocol and port of a service, as a key. */
export function portKey({ protocol, port }: Pick<KernelService, "protocol" | "port">): Uint8Array {
  return concat([Uint8Array.of(PROTOCOL_NUMBER[protocol], 0, 0, 0), be16(port), new Uint8Array(2)]);
}

/** A backend, as {@link ENDPOINT_KEY} says. */
export function endpointKey({ ip, port }: { readonly ip: Ip; readonly port: number }): Uint8Array {
  return concat([ip.bytes, be16(port), new Uint8Array(2)]);
}

/** 32 bits as the processor keeps them: little endian on amd64 and arm64, which are what the program runs on. */
export function hostOrder(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** The address that the text is known to be. */
export function parsed(text: string): Ip {
  const ip = parseIp(text);
  assert(ip !== null, `${text} is an address`);
  return ip;
}

/** The name of a service in maps and log lines. */
export function serviceKey({ protocol, port }: Pick<KernelService, "protocol" | "port">): string {
  return `${protocol}${port}`;
}
