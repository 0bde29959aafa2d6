/**
 * The configuration dump on SIGUSR1: upstream's sections in its order, its keys first in each, then what this program knows besides.
 * Secrets are masked.
 */

import { bgpLines, type Line, ribLines, routeLines } from "./dump_routing.ts";
import type { DumpConfig, DumpFacts, DumpInput, DumpLink, DumpSetting } from "./dump_types.ts";

const RULE = "=".repeat(80);
const INDENT = " ".repeat(19);
const MASK = "***";
/** Peers are written with their passwords in between (`address:AS:password:multihop`). */
const HOLDS_PASSWORDS = new Set(["bgp_peers"]);

/** The whole dump, ending with an empty line. */
export function dumpText(input: DumpInput): string {
  const { facts, config } = input;
  const head: Line[] = [
    ["Timestamp", facts.timestamp],
    ["Node Name", config.nodeName],
    ["Process ID", facts.processId],
  ];
  return [
    "",
    RULE,
    `${INDENT}KUBE-VIP CONFIGURATION DUMP`,
    RULE,
    ...head.map(show),
    RULE,
    "",
    ...section("BASIC CONFIGURATION", basic(input)),
    ...section("BGP CONFIGURATION", [["BGP Enabled", flag(input, "bgp_enable")], ...bgpLines(facts)]),
    ...section("ACTIVE BGP RIB STATE", ribLines(facts)),
    ...section("ARP/NDP CONFIGURATION", layer2(input)),
    ...section("SERVICES CONFIGURATION", [["Services Enabled", flag(input, "svc_enable")]]),
    ...section("NETWORK INTERFACES", interfaces(facts)),
    ...section("LEADER ELECTION CONFIGURATION", election(input)),
    ...section("RUNTIME STATISTICS", runtime(input)),
    ...section("NFTABLES CONFIGURATION", nftables(facts)),
    ...section("SETTINGS", [...input.settings.values()].map(settingLine)),
    RULE,
    `${INDENT}END OF CONFIGURATION DUMP`,
    RULE,
    "",
    "",
  ].join("\n");
}

function section(title: string, lines: readonly Line[]): string[] {
  return [`--- ${title} ---`, ...lines.map(show), ""];
}

/** What comes from outside stays on its line. */
function show([key, value]: Line): string {
  return `${key}: ${value}`.replace(/\p{Cc}+/gu, " ").trimEnd();
}

function text({ settings }: DumpInput, name: string): string {
  const setting = settings.get(name);
  return setting === undefined ? "" : shown(setting);
}

function flag(input: DumpInput, name: string): boolean {
  return text(input, name).toLowerCase() === "true";
}

/** A secret is masked whole; so is a login inside of a URL, and what a query says. */
function shown({ name, text, secret }: DumpSetting): string {
  if (secret || HOLDS_PASSWORDS.has(name)) return text === "" ? "" : MASK;
  return text.replace(/\/\/[^/@\s,]*@/g, `//${MASK}@`).replace(/(:\/\/[^\s,?]*\?)[^\s,]+/g, `$1${MASK}`);
}

function settingLine(setting: DumpSetting): Line {
  return [setting.name, `${shown(setting)}${setting.given ? " (given)" : ""}`];
}

function basic(input: DumpInput): Line[] {
  const { config } = input;
  return [
    ["VIP", config.addresses.map((one) => one.is === "ip" ? one.ip : one.host).join(",")],
    ["VIP Subnet", text(input, "vip_subnet") || subnets(config)],
    ["Port", config.apiServer.port],
    ["Namespace", config.namespace],
    ["Instance Name", text(input, "instance_name")],
    ["Service Namespace", text(input, "svc_namespace")],
    ["Interface", config.interface ?? ""],
    ["Services Interface", text(input, "vip_servicesinterface")],
    ["Single Node Mode", flag(input, "vip_singlenode")],
    ["Start As Leader", flag(input, "vip_startleader")],
  ];
}

/** Of the families that are in use; a name may have either. */
function subnets({ addresses, prefixLengths: { v4, v6 } }: DumpConfig): string {
  const hasFour = addresses.some((one) => one.is === "name" || !one.ip.includes(":"));
  const hasSix = addresses.some((one) => one.is === "name" || one.ip.includes(":"));
  return [...hasFour ? [v4] : [], ...hasSix ? [v6] : []].join(",");
}

function layer2(input: DumpInput): Line[] {
  const enabled = flag(input, "vip_arp");
  return [
    ["ARP Enabled", enabled],
    ...enabled ? [["ARP Broadcast Rate", input.config.announceEveryMs] as const] : [],
    ["Wireguard Enabled", flag(input, "vip_wireguard")],
    ["Routing Table Enabled", flag(input, "vip_routingtable")],
    ...routeLines(input.facts),
  ];
}

function interfaces({ links, addresses }: DumpFacts): Line[] {
  return [
    ["Network Interface Manager", true],
    ["ARP Manager", true],
    ...links.map((link): Line => {
      const own = addresses.filter(({ linkIndex }) => linkIndex === link.index).map(addressText);
      return [`Interface ${link.name}`, [linkText(link), ...own].join(", ")];
    }),
  ];
}

function linkText({ mac, up, running }: DumpLink): string {
  const state = up ? running ? "up" : "up without carrier" : "down";
  const hardware = Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
  return hardware === "" ? state : `${state}, ${hardware}`;
}

function addressText({ ip, prefixLength, validSeconds }: DumpFacts["addresses"][number]): string {
  const lifetime = Number.isFinite(validSeconds) ? ` for ${validSeconds} s` : "";
  return `${ip}/${prefixLength}${lifetime}`;
}

function election(input: DumpInput): Line[] {
  const { config, facts: { election } } = input;
  const controlPlane = flag(input, "cp_enable");
  const { name, times } = config.lease;
  return [
    ["Control Plane Enabled", controlPlane],
    ...controlPlane ? [["Detect Control Plane", config.apiServer.detect] as const] : [],
    ["Leader Election Type", config.election.type],
    // Announcing by ARP always elects, whatever the setting says.
    ["Leader Election Enabled", config.elects],
    ["Lease Name", name],
    ["Lease Duration", `${times.durationMs / 1000} seconds`],
    ["Renew Deadline", `${times.renewDeadlineMs / 1000} seconds`],
    ["Retry Period", `${times.retryMs / 1000} seconds`],
    ["Services Lease Name", text(input, "svc_leasename")],
    ["Node Labeling Enabled", config.nodeLabeling],
    ["Leader", election.leader ?? "(unknown)"],
    ["Leading", election.leading],
    ["Leader Transitions", election.transitions],
    ["Last Success", ago(election.goodAgoMs)],
    ["Trouble", election.trouble ?? "none"],
  ];
}

function runtime(input: DumpInput): Line[] {
  const { config: { metrics, healthPort }, facts } = input;
  return [
    ["Load Balancer Enabled", flag(input, "lb_enable")],
    ["Prometheus HTTP Server", metrics === null ? "" : placeText(metrics)],
    ["Health Check Port", healthPort ?? 0],
    ["UPNP Enabled", flag(input, "enable_upnp")],
    ["Egress Clean Enabled", flag(input, "egress_clean")],
    ["Version", facts.version],
    ["Uptime", `${seconds(facts.uptimeMs)} s`],
    ["API Server", facts.apiServer],
    ["Fit To Hold", facts.unfit === null ? "true" : `false (${facts.unfit})`],
    ["Event Loop Lag", `${Math.round(facts.lag.largestMs)} ms at the most within a minute, ${facts.lag.stalls} stalls`],
    ...facts.holds.map((hold): Line => [`Address ${hold.ip}`, holdText(hold)]),
  ];
}

function placeText({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function holdText({ heldHere, heldForMs, validForMs, conflict, conflictsSeen }: DumpFacts["holds"][number]): string {
  const parts = [
    heldHere ? `held here for ${seconds(heldForMs ?? 0)} s` : "not held here",
    ...validForMs === null ? [] : [`valid for ${seconds(validForMs)} s without a renewal`],
    ...conflictsSeen === 0 ? [] : [`${conflictsSeen} conflicts seen`],
    ...conflict === null ? [] : [conflict],
  ];
  return parts.join(", ");
}

function nftables({ nftables }: DumpFacts): Line[] {
  if (nftables.outcome === "failed") return [["Unable to retrieve NFTables chains", nftables.why]];
  return nftables.chains.map(({ table, chain }): Line => ["Chain", `Table=${table}, Chain=${chain}`]);
}

function ago(ms: number | null): string {
  return ms === null ? "never" : `${seconds(ms)} s ago`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
