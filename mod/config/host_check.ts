/** What the configuration means on this machine: which interface gets which address, and what is in the way. Pure. */

import { cidrContains, parseIp } from "../net/ip.ts";
import type { PeersConfig, Problem, Vip } from "./types.ts";

/** What has to be known of an interface. */
export interface HostLink {
  readonly index: number;
  readonly name: string;
  readonly loopback: boolean;
}

/** What has to be known of an address that this machine has. */
export interface HostAddress {
  /** Canonical text. */
  readonly ip: string;
  readonly prefixLength: number;
  readonly linkIndex: number;
}

/** What the kernel says about this machine. */
export interface Host<Address extends HostAddress = HostAddress> {
  readonly links: readonly HostLink[];
  readonly addresses: readonly Address[];
  /** Whether an address is a leftover of an earlier run of ours, which the sweep removes. */
  readonly isOurs: (address: Address) => boolean;
}

/** A virtual address and the interface that gets it. */
export interface Placed {
  readonly vip: Vip;
  readonly link: HostLink;
}

export type HostResult =
  | { readonly outcome: "fits"; readonly placed: readonly Placed[]; readonly warnings: readonly Problem[] }
  | { readonly outcome: "unfit"; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/** Checks the addresses of `config` against this machine, finding every problem. */
export function checkHost<Address extends HostAddress>(
  config: Pick<PeersConfig, "vips" | "interface">,
  host: Host<Address>,
): HostResult {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const named = config.interface === null ? null : namedLink(config.interface, host.links, problems);
  const placed = config.vips.flatMap((vip): Placed[] => {
    const foreign = foreignOwner(vip, host);
    if (foreign !== null) problems.push(problem("vip", vip.ip, foreign));
    if (config.interface === null) return chooseLink(vip, host, problems);
    if (named === null) return [];
    if (!onLink(vip, host).some((match) => match.link.index === named.index)) {
      const message = `is in no subnet of ${named.name}; only hosts that have a route to it will reach it`;
      warnings.push(problem("vip", vip.ip, message));
    }
    return [{ vip, link: named }];
  });
  return problems.length > 0 ? { outcome: "unfit", problems, warnings } : { outcome: "fits", placed, warnings };
}

function problem(key: string, value: string, message: string): Problem {
  return { key, value, message, line: null };
}

function namedLink(name: string, links: readonly HostLink[], problems: Problem[]): HostLink | null {
  const found = links.find((link) => link.name === name) ?? null;
  if (found !== null) return found;
  const names = links.map((link) => link.name).join(", ");
  problems.push(problem("interface", name, `does not exist on this machine; must be one of ${names}`));
  return null;
}

/** An address that somebody else gave this machine is not one that may wander. */
function foreignOwner<Address extends HostAddress>(vip: Vip, host: Host<Address>): string | null {
  const owner = host.addresses.find((address) => address.ip === vip.ip && !host.isOurs(address));
  if (owner === undefined) return null;
  const name = host.links.find((link) => link.index === owner.linkIndex)?.name ?? `interface ${owner.linkIndex}`;
  return `already belongs to this machine (${name}); must be an address of no machine, or remove it there first`;
}

type Addressed = Pick<Host, "links" | "addresses">;

interface Match {
  readonly link: HostLink;
  readonly prefixLength: number;
}

/** The interfaces with a subnet that contains the address, longest prefix first. */
function onLink(vip: Vip, host: Addressed): readonly Match[] {
  const wanted = parseIp(vip.ip);
  if (wanted === null) return [];
  const matches = host.addresses.flatMap((address): Match[] => {
    const ip = parseIp(address.ip);
    const link = host.links.find((one) => one.index === address.linkIndex);
    // The VIP itself, left by an earlier run, says nothing about where it belongs.
    if (ip === null || link === undefined || link.loopback || address.ip === vip.ip) return [];
    const contains = cidrContains({ ip, prefixLength: address.prefixLength }, wanted);
    return contains ? [{ link, prefixLength: address.prefixLength }] : [];
  });
  return matches.sort((a, b) => b.prefixLength - a.prefixLength);
}

function chooseLink(vip: Vip, host: Addressed, problems: Problem[]): Placed[] {
  const matches = onLink(vip, host);
  const best = matches[0];
  if (best === undefined) {
    const names = host.links.filter((link) => !link.loopback).map((link) => link.name).join(", ");
    problems.push(problem("vip", vip.ip, `is in no subnet of this machine; name the interface, one of ${names}`));
    return [];
  }
  const equals = matches.filter((match) => match.prefixLength === best.prefixLength);
  const names = new Set(equals.map((match) => match.link.name));
  if (names.size === 1) return [{ vip, link: best.link }];
  const message = `is in a subnet of several interfaces (${[...names].join(", ")}); name one with interface`;
  problems.push(problem("vip", vip.ip, message));
  return [];
}
