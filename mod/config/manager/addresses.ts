/** The addresses of the control plane and the prefixes they get: reading them as given. */

import { type Ip, parseIp } from "../../net/ip.ts";
import type { Place } from "../findings.ts";
import { hostName, scalar } from "../kinds.ts";
import { INVALID, type Kind, type Shown } from "../setting.ts";
import { vipRefusal } from "../vips.ts";
import type { DnsMode, GivenAddress } from "./types.ts";

/** An address or a name, with the place to complain about it. */
export interface NamedAddress extends Shown {
  /** null: a DNS name. */
  readonly ip: Ip | null;
  /** As it was written. */
  readonly text: string;
  readonly place: Place;
}

export const addressKind: Kind<NamedAddress> = scalar("an IP address or a DNS name", (given, place) => {
  const ip = parseIp(given);
  if (ip === null) {
    const host = hostName(given);
    if (host !== null) return { ip: null, place, text: given, shown: host };
    const prefix = parseIp(given.split("/")[0] ?? "") === null ? "" : "; the prefix belongs into vip_subnet";
    place.problem(`invalid IP address: ${given}; must be an IP address or a DNS name${prefix}`, given);
    return INVALID;
  }
  const why = vipRefusal(ip);
  if (why === null) return { ip, place, text: given, shown: ip.text };
  place.problem(`${why}; must be an address that machines of the network can reach`, given);
  return INVALID;
});

/** The address for the configuration. */
export function toAddress({ ip, shown }: NamedAddress): GivenAddress {
  return ip === null ? { is: "name", host: shown } : { is: "ip", ip: ip.text };
}

/** Notes addresses given twice. */
export function checkTwins(addresses: readonly NamedAddress[]): void {
  const seen = new Set<string>();
  for (const { shown, place } of addresses) {
    if (seen.has(shown)) place.problem("is listed twice; give each address once", shown);
    seen.add(shown);
  }
}

/** The prefix that upstream's generator writes when none is given: that of single addresses, of each version there is. */
export function computedSubnet(addresses: readonly NamedAddress[], dnsMode: DnsMode): string {
  const has = (family: 4 | 6): boolean =>
    addresses.some(({ ip }) => ip === null ? nameMayGive(family, dnsMode) : ip.family === family);
  return [...(has(4) ? ["32"] : []), ...(has(6) ? ["128"] : [])].join(",");
}

function nameMayGive(family: 4 | 6, dnsMode: DnsMode): boolean {
  if (dnsMode === "ipv4") return family === 4;
  return dnsMode === "ipv6" ? family === 6 : true;
}

/** One or two lengths, or `auto` for services. */
export interface GivenSubnet extends Shown {
  readonly auto: boolean;
  readonly lengths: readonly number[];
}

export const subnetKind: Kind<GivenSubnet> = scalar(
  "a prefix length (1 to 32, or to 128 for IPv6), two of them like 32,128, or auto",
  (given) => {
    const parts = given.split(",").map((part) => part.trim());
    if (parts.length > 2) return null;
    const shown = parts.join(",").toLowerCase();
    const auto = parts.some((part) => part.toLowerCase() === "auto");
    const numbers = parts.filter((part) => part.toLowerCase() !== "auto");
    if (numbers.some((part) => !/^\d{1,3}$/.test(part) || Number(part) < 1 || Number(part) > 128)) return null;
    const lengths = numbers.map(Number);
    return !auto && lengths.length === 2 && Math.min(...lengths) > 32 ? null : { auto, lengths, shown };
  },
);

/** The lengths for each version. A single one is about the version it can be about, two are in the order of the addresses. */
export function prefixLengths(
  subnet: readonly number[],
  addresses: readonly NamedAddress[],
): { readonly v4: number; readonly v6: number } {
  const [first, second] = subnet;
  if (first === undefined) return { v4: 32, v6: 128 };
  const families = addresses.flatMap(({ ip }) => ip === null ? [] : [ip.family]);
  if (second === undefined) {
    const onlySix = families.length > 0 && families.length === addresses.length && families.every((one) => one === 6);
    return first > 32 || onlySix ? { v4: 32, v6: first } : { v4: first, v6: 128 };
  }
  const sixFirst = first > 32 || (second <= 32 && families[0] === 6);
  return sixFirst ? { v4: second, v6: first } : { v4: first, v6: second };
}
