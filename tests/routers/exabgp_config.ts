/** The configuration of ExaBGP as text. */

import { familyOf, type Neighbor, type RouterConfig } from "./types.ts";

function saying({ sayings = {} }: RouterConfig, prefix: string): string {
  const words = sayings[prefix];
  return words === undefined ? "" : ` ${words}`;
}

function block(one: Neighbor, config: RouterConfig, local: { ip4: string; ip6: string }): string {
  const own = config.originate.filter((prefix) => one.families.includes(familyOf(prefix)))
    .map((prefix) => `    route ${prefix} next-hop self${saying(config, prefix)};\n`);
  return `neighbor ${one.peer} {
  router-id ${config.routerId};
  local-address ${familyOf(one.peer) === 4 ? local.ip4 : local.ip6};
  local-as ${config.as};
  peer-as ${one.as ?? config.as};
  hold-time ${one.holdTimeS};
${one.port === 179 ? "" : `  connect ${one.port};\n`}${
    one.password === null ? "" : `  md5-password "${one.password}";\n`
  }  family {
${one.families.map((family) => `    ipv${family} unicast;\n`).join("")}  }
  static {
${own.join("")}  }
}
`;
}

/** The text of `exabgp.conf`. It keeps no table: what it is told is not looked at. */
export function exabgpConfig(config: RouterConfig, local: { ip4: string; ip6: string }): string {
  return config.neighbors.map((one) => block(one, config, local)).join("");
}
