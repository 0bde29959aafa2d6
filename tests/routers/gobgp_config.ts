/** The configuration of GoBGP as text (TOML). */

import type { Family } from "../../mod/net/bgp/types.ts";
import type { Neighbor, RouterConfig } from "./types.ts";

function family(name: Family, gracefulRestart: boolean): string {
  const helper = gracefulRestart ? "    [neighbors.afi-safis.mp-graceful-restart.config]\n      enabled = true\n" : "";
  return `  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv${name}-unicast"
${helper}`;
}

function table(name: string, lines: readonly string[]): string {
  return `  [neighbors.${name}.config]\n${lines.map((line) => `    ${line}\n`).join("")}`;
}

function neighborTable(one: Neighbor, config: RouterConfig): string {
  const password = one.password === null ? [] : [`auth-password = "${one.password}"`];
  return `[[neighbors]]
${
    [
      `  [neighbors.config]\n    neighbor-address = "${one.peer}"\n    peer-as = ${one.as ?? 0}\n`,
      ...password.map((line) => `    ${line}\n`),
      table("timers", [
        `hold-time = ${one.holdTimeS}`,
        `keepalive-interval = ${Math.max(1, Math.floor(one.holdTimeS / 3))}`,
        "connect-retry = 1",
        "idle-hold-time-after-reset = 1",
      ]),
      table("transport", [`remote-port = ${one.port}`, `passive-mode = ${one.passive}`]),
      ...(one.multihop === null ? [] : [table("ebgp-multihop", ["enabled = true", `multihop-ttl = ${one.multihop}`])]),
      ...(one.ttlSecurityHops === null
        ? []
        : [table("ttl-security", ["enabled = true", `ttl-min = ${256 - one.ttlSecurityHops}`])]),
      ...(config.gracefulRestart
        ? [table("graceful-restart", ["enabled = true", "restart-time = 120", "helper-only = true"])]
        : []),
      ...one.families.map((name) => family(name, config.gracefulRestart)),
    ].join("")
  }`;
}

/** The text of `gobgpd.toml`. Routes of its own are added by its command after the start. It installs nothing in the kernel. */
export function gobgpConfig(config: RouterConfig): string {
  return `[global.config]
  as = ${config.as}
  router-id = "${config.routerId}"
  port = 179
${config.neighbors.map((one) => neighborTable(one, config)).join("")}`;
}
