/** The configuration of OpenBGPD as text. */

import type { Neighbor, RouterConfig } from "./types.ts";

function block(one: Neighbor, config: RouterConfig): string {
  const lines = [
    ...(one.as === null ? [] : [`remote-as ${one.as}`]),
    `holdtime ${one.holdTimeS}`,
    `holdtime min 3`,
    ...(one.port === 179 ? [] : [`port ${one.port}`]),
    ...(one.password === null ? [] : [`tcp md5sig password "${one.password}"`]),
    ...(one.multihop === null ? [] : [`multihop ${one.multihop}`]),
    ...(one.ttlSecurityHops === null ? [] : ["ttl-security yes"]),
    ...(one.passive ? ["passive"] : []),
    `announce restart ${config.gracefulRestart ? "yes" : "no"}`,
    `announce IPv4 ${one.families.includes(4) ? "unicast" : "none"}`,
    `announce IPv6 ${one.families.includes(6) ? "unicast" : "none"}`,
  ];
  return `neighbor ${one.peer} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

/** The text of `bgpd.conf`. Outside OpenBSD it installs nothing in the kernel. */
export function openbgpdConfig(config: RouterConfig, controlSocket: string): string {
  return `AS ${config.as}
router-id ${config.routerId}
fib-update no
socket "${controlSocket}"
listen on 0.0.0.0
listen on ::
${config.originate.map((prefix) => `network ${prefix}\n`).join("")}${
    config.neighbors.map((one) => block(one, config)).join("")
  }allow from any
allow to any
`;
}
