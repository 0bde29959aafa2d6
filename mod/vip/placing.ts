/** Which link of this machine gets the control plane's addresses, and what is in the way, in upstream's words. Pure. */
import { checkHost } from "../config/host_check.ts";
import type { Problem } from "../config/types.ts";
import { isLinkLocal, parseIp } from "../net/ip.ts";
import { isOurs } from "./address.ts";
import type { HeldAddress } from "./kernel.ts";
import type { PlacedVip } from "./types.ts";

/** What has to be known of a link. */
export interface LinkFacts {
  readonly index: number;
  readonly name: string;
  /** Switched on by the administrator. */
  readonly up: boolean;
  readonly operState: "up" | "unknown" | "other";
  readonly loopback: boolean;
}

/** What has to be known of a default route. */
export interface RouteFacts {
  readonly family: 4 | 6;
  readonly linkIndex: number;
  readonly metric: number;
}

/** What a link is chosen by. */
export interface LinkWish {
  /** `vip_interface`, or null: the link of the default route, IPv4 first. */
  readonly interface: string | null;
  readonly links: readonly LinkFacts[];
  readonly defaultRoutes: readonly RouteFacts[];
  /** `vip_allow_interface_not_up` */
  readonly allowNotUp: boolean;
}

export type LinkChoice =
  | { readonly outcome: "chosen"; readonly link: LinkFacts; readonly warning: string | null }
  | { readonly outcome: "impossible"; readonly problem: string };

/** The link for the addresses; a state that the driver does not tell is worth a warning only. */
export function chooseLink(wish: LinkWish): LinkChoice {
  if (wish.interface !== null) return usableLink(wish.interface, wish);
  const [best] = [...wish.defaultRoutes].sort((a, b) => a.family - b.family || a.metric - b.metric);
  if (best === undefined) {
    return impossible(
      "unable to detect default interface: there is no default route; name the interface (vip_interface)",
    );
  }
  const link = wish.links.find(({ index }) => index === best.linkIndex);
  return link === undefined
    ? impossible(`unable to detect default interface: the default route leads to no link of this machine`)
    : usableLink(link.name, wish);
}

function usableLink(name: string, { links, allowNotUp }: LinkWish): LinkChoice {
  const link = links.find((one) => one.name === name);
  if (link === undefined) {
    return impossible(`${name} is not valid interface, reason: get ${name} failed, error: Link not found`);
  }
  const isUp = link.up && link.operState !== "other";
  if (!isUp && !allowNotUp) return impossible(`${name} is not valid interface, reason: ${name} is not up`);
  if (!isUp) return { outcome: "chosen", link, warning: `${name} is not up; nobody reaches the address before it is` };
  const isUntold = link.operState === "unknown" && !link.loopback;
  const warning = isUntold ? `the status of the interface ${name} is unknown; see that it carries traffic` : null;
  return { outcome: "chosen", link, warning };
}

function impossible(problem: string): LinkChoice {
  return { outcome: "impossible", problem };
}

/** What has to be known to place addresses on a link. */
export interface PlacingRequest {
  readonly addresses: readonly { readonly ip: string; readonly prefixLength: number }[];
  readonly link: LinkFacts;
  readonly links: readonly LinkFacts[];
  /** What this machine has now. */
  readonly present: readonly HeldAddress[];
  readonly defaultRoutes: readonly RouteFacts[];
  /** `vip_interfaceloglobal` */
  readonly loopbackGlobalScope: boolean;
}

/** What can be placed, and why the rest cannot. */
export interface Placing {
  readonly placed: readonly PlacedVip[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/**
 * Places each address on the link. One that this machine has for itself, put there by somebody else, is a problem: it is no address that
 * may wander. What looks as another run or program of this kind leaves it on the link is none, and is taken away when the hold begins.
 */
export function placeOn(request: PlacingRequest): Placing {
  const { link, links, present, loopbackGlobalScope } = request;
  const isLeft = (address: HeldAddress): boolean => isOurs(address) || isLeftByAnother(address, request);
  const results = request.addresses.map((vip) => {
    const config = { vips: [vip], interface: link.name };
    return { vip, host: checkHost(config, { links, addresses: present, isOurs: isLeft }) };
  });
  const scope = link.loopback && loopbackGlobalScope ? { scope: "global" as const } : {};
  const fitting = results.filter(({ host }) => host.outcome === "fits");
  return {
    placed: fitting.map(({ vip }) => ({ ...vip, linkName: link.name, ...scope })),
    problems: results.flatMap(({ host }) => host.outcome === "unfit" ? host.problems : []).map(asAddress),
    // On a loopback link an address is in no subnet, and is meant to be.
    warnings: link.loopback ? [] : fitting.flatMap(({ host }) => host.warnings).map(asAddress),
  };
}

/**
 * Whether an address without our mark may be taken off the link. To take a machine's own address for a leftover cuts the machine off, and
 * names lead to one easily: that of a control plane stands in the hosts file for its first node until the virtual address is there. So a
 * leftover has the prefix that such programs were told, and a link that leads to other networks has an address besides.
 */
function isLeftByAnother(address: HeldAddress, request: PlacingRequest): boolean {
  const { addresses, link, present, defaultRoutes } = request;
  const managed = addresses.find(({ ip }) => ip === address.ip);
  if (address.linkIndex !== link.index || address.prefixLength !== managed?.prefixLength) return false;
  const family = familyOf(address.ip);
  if (!defaultRoutes.some((route) => route.linkIndex === link.index && route.family === family)) return true;
  return present.some((other) =>
    other.linkIndex === link.index && familyOf(other.ip) === family && !isOurs(other) && !isLinkLocalText(other.ip) &&
    !addresses.some(({ ip }) => ip === other.ip)
  );
}

function familyOf(ip: string): 4 | 6 {
  return ip.includes(":") ? 6 : 4;
}

function isLinkLocalText(text: string): boolean {
  const ip = parseIp(text);
  return ip !== null && isLinkLocal(ip);
}

/** The setting is named `address` here. */
function asAddress(problem: Problem): Problem {
  return { ...problem, key: "address" };
}
