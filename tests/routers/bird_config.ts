/** The configuration of BIRD 2 as text. */

import type { Family } from "../../mod/net/bgp/types.ts";
import { familyOf, type Neighbor, type RouterConfig } from "./types.ts";

const FAMILIES: readonly Family[] = [4, 6];

/** The name of the protocol of the neighbour at `index`. */
export function birdProtocol(index: number): string {
  return `peer${index + 1}`;
}

function channel(family: Family, one: Neighbor): string {
  if (!one.families.includes(family)) return "";
  const extended = family === 4 && one.peer.includes(":") ? " extended next hop on;" : "";
  return `  ipv${family} { import all; export where source = RTS_STATIC;${extended} };\n`;
}

function bfd(one: Neighbor): string {
  if (one.bfd === null) return "";
  const { rxMs, txMs, multiplier } = one.bfd;
  return `  bfd { min rx interval ${rxMs} ms; min tx interval ${txMs} ms; idle tx interval 300 ms; multiplier ${multiplier}; };\n`;
}

function protocol(config: RouterConfig, index: number): string {
  const one = config.neighbors[index];
  if (one === undefined) return "";
  if (one.unnumbered) throw new Error("unnumbered neighbours are for FRR only");
  const sort = one.as === null ? "external" : `as ${one.as}`;
  return `protocol bgp ${birdProtocol(index)} {
  local as ${config.as};
  neighbor ${one.peer} port ${one.port} ${sort};
  ${one.multihop === null ? "direct" : `multihop ${one.multihop}`};
  hold time ${one.holdTimeS};
  keepalive time ${Math.max(1, Math.floor(one.holdTimeS / 3))};
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 4;
  graceful restart ${config.gracefulRestart ? "aware" : "off"};
${one.password === null ? "" : `  password "${one.password}";\n`}${one.passive ? "  passive on;\n" : ""}${
    one.ttlSecurityHops === null ? "" : "  ttl security on;\n"
  }${bfd(one)}${channel(4, one)}${channel(6, one)}}
`;
}

function originated(config: RouterConfig, family: Family): string {
  const own = config.originate.filter((prefix) => familyOf(prefix) === family);
  if (own.length === 0) return "";
  return `protocol static static${family} {\n  ipv${family};\n${
    own.map((prefix) => `  route ${prefix} blackhole;\n`).join("")
  }}\n`;
}

/** The text of `bird.conf`: routes of neighbours go to the kernel, equal paths share the traffic; its own ones are only announced. */
export function birdConfig(config: RouterConfig): string {
  const kernels = FAMILIES.map((family) =>
    `protocol kernel kernel${family} {\n  ipv${family} { import none; export where source = RTS_BGP; };\n  merge paths yes limit 8;\n}\n`
  );
  return `log stderr all;
router id ${config.routerId};
debug protocols { states, events };
protocol device { scan time 1; }
protocol bfd bfd1 { }
${kernels.join("")}${FAMILIES.map((family) => originated(config, family)).join("")}${
    config.neighbors.map((_, index) => protocol(config, index)).join("")
  }`;
}
