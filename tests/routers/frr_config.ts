/** The configuration of FRR's bgpd as text. */

import type { Family } from "../../mod/net/bgp/types.ts";
import { familyOf, type Neighbor, type RouterConfig } from "./types.ts";

const AFI: Readonly<Record<Family, string>> = { 4: "ipv4", 6: "ipv6" };

function general(one: Neighbor): string[] {
  const { peer, bfd } = one;
  const as = one.as ?? "external";
  return [
    one.unnumbered ? `neighbor ${peer} interface remote-as ${as}` : `neighbor ${peer} remote-as ${as}`,
    `neighbor ${peer} timers ${Math.max(1, Math.floor(one.holdTimeS / 3))} ${one.holdTimeS}`,
    `neighbor ${peer} timers connect 1`,
    `neighbor ${peer} advertisement-interval 0`,
    ...(one.port === 179 ? [] : [`neighbor ${peer} port ${one.port}`]),
    ...(one.unnumbered ? [`neighbor ${peer} capability extended-nexthop`] : []),
    ...(one.password === null ? [] : [`neighbor ${peer} password ${one.password}`]),
    ...(one.multihop === null ? [] : [`neighbor ${peer} ebgp-multihop ${one.multihop}`]),
    ...(one.ttlSecurityHops === null ? [] : [`neighbor ${peer} ttl-security hops ${one.ttlSecurityHops}`]),
    ...(one.passive ? [`neighbor ${peer} passive`] : []),
    ...(bfd === null ? [] : [
      `neighbor ${peer} bfd`,
      `neighbor ${peer} bfd ${bfd.multiplier} ${bfd.rxMs} ${bfd.txMs}`,
    ]),
  ];
}

function addressFamily(config: RouterConfig, family: Family): string[] {
  const own = config.originate.filter((prefix) => familyOf(prefix) === family);
  const members = config.neighbors.filter(({ families }) => families.includes(family));
  return [
    `address-family ${AFI[family]} unicast`,
    ...own.map((prefix) => ` network ${prefix}`),
    ...members.flatMap(({ peer }) => [` neighbor ${peer} activate`, ` neighbor ${peer} soft-reconfiguration inbound`]),
    ` maximum-paths ${config.maxPaths ?? 8}`,
    "exit-address-family",
  ];
}

/** The text of `bgpd.conf`: everything is accepted, equal paths of different AS share the traffic. */
export function frrConfig(config: RouterConfig): string {
  const lines = [
    `bgp router-id ${config.routerId}`,
    "no bgp ebgp-requires-policy",
    "no bgp default ipv4-unicast",
    "no bgp network import-check",
    "bgp bestpath as-path multipath-relax",
    config.gracefulRestart ? "bgp graceful-restart" : "bgp graceful-restart-disable",
    ...config.neighbors.flatMap(general),
    ...addressFamily(config, 4),
    ...addressFamily(config, 6),
  ];
  return `frr defaults traditional\nrouter bgp ${config.as}\n${lines.map((line) => ` ${line}\n`).join("")}exit\n`;
}
