import assert from "node:assert/strict";
import type { ManagerConfig, SettingValue } from "../../mod/config/manager/types.ts";
import { dumpText } from "../../mod/observe/dump.ts";
import type { DumpFacts, DumpInput } from "../../mod/observe/dump_types.ts";
import { NO_ROUTING } from "../../mod/observe/status_types.ts";
import type { HeldAddress, Link } from "../../mod/vip/kernel.ts";
import type { HoldStatus } from "../../mod/vip/types.ts";

/** What the dump needs of a {@link ManagerConfig}, so that later settings need not be named here. */
type Shown =
  & Omit<DumpInput["config"], "lease" | "apiServer">
  & Pick<ManagerConfig, "lease" | "apiServer">;

const CONFIG: Shown = {
  addresses: [{ is: "ip", ip: "10.0.0.9" }, { is: "ip", ip: "fd00::9" }],
  prefixLengths: { v4: 32, v6: 128 },
  interface: "eth0",
  announceEveryMs: 3000,
  nodeName: "node-1",
  namespace: "kube-system",
  lease: {
    namespace: null,
    name: "plndr-cp-lock",
    times: { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 },
    annotations: {},
  },
  elects: true,
  election: { type: "kubernetes" },
  apiServer: { configPath: "/etc/kubernetes/admin.conf", address: null, detect: false, port: 6443 },
  nodeLabeling: true,
  metrics: { host: "", port: 2112 },
  healthPort: 10_256,
};

const HOLD: HoldStatus = {
  ip: "10.0.0.9",
  heldHere: true,
  heldForMs: 61_000,
  validForMs: 13_250,
  conflict: null,
  conflictsSeen: 1,
};
const LINKS: Link[] = [
  { index: 1, name: "lo", mac: new Uint8Array(), up: true, running: true, loopback: true },
  { index: 2, name: "eth0", mac: Uint8Array.of(2, 0, 0, 0, 0, 10), up: true, running: true, loopback: false },
  { index: 3, name: "eth1", mac: new Uint8Array(6), up: false, running: false, loopback: false },
];
const ADDRESSES: HeldAddress[] = [
  { ip: "10.0.0.1", prefixLength: 24, linkIndex: 2, protocol: 0, validSeconds: Infinity },
  { ip: "10.0.0.9", prefixLength: 32, linkIndex: 2, protocol: 112, validSeconds: 15 },
];
const FACTS: DumpFacts = {
  timestamp: "2030-01-02T03:04:05Z",
  processId: 1234,
  version: "v1.2.3",
  uptimeMs: 90_000,
  apiServer: "https://10.0.0.1:6443",
  unfit: null,
  lag: { lastMs: 1, largestMs: 12.4, stalls: 0 },
  holds: [HOLD, { ...HOLD, ip: "fd00::9", heldHere: false, heldForMs: null, validForMs: null, conflictsSeen: 0 }],
  election: { leader: "node-1", leading: true, transitions: 7, goodAgoMs: 1500, trouble: null },
  bgp: null,
  routing: NO_ROUTING,
  links: LINKS,
  addresses: ADDRESSES,
  nftables: { outcome: "read", chains: [{ table: "kube-vip", chain: "in" }, { table: "kube-vip", chain: "out" }] },
};

function setting(name: string, text: string, more: Partial<SettingValue> = {}): [string, SettingValue] {
  return [name, { name, text, given: false, changed: false, secret: false, ...more }];
}

const SETTINGS = new Map([
  setting("vip_arp", "true", { given: true }),
  setting("cp_enable", "true", { given: true }),
  setting("svc_enable", "false"),
  setting("svc_leasename", "plndr-svcs-lock"),
]);

function dump(more: Partial<DumpInput> = {}): string[] {
  return dumpText({ config: CONFIG, settings: SETTINGS, facts: FACTS, ...more }).split("\n");
}

/** The lines of one section. */
function section(title: string, lines = dump()): string[] {
  const from = lines.indexOf(`--- ${title} ---`) + 1;
  assert.ok(from > 0, title);
  return lines.slice(from, lines.indexOf("", from));
}

Deno.test("the sections are upstream's, in its order, between its banners", () => {
  const lines = dump();
  assert.deepEqual(lines.filter((line) => /^(---|=| {19})/.test(line)), [
    "=".repeat(80),
    "                   KUBE-VIP CONFIGURATION DUMP",
    "=".repeat(80),
    "=".repeat(80),
    "--- BASIC CONFIGURATION ---",
    "--- BGP CONFIGURATION ---",
    "--- ACTIVE BGP RIB STATE ---",
    "--- ARP/NDP CONFIGURATION ---",
    "--- SERVICES CONFIGURATION ---",
    "--- NETWORK INTERFACES ---",
    "--- LEADER ELECTION CONFIGURATION ---",
    "--- RUNTIME STATISTICS ---",
    "--- NFTABLES CONFIGURATION ---",
    "--- SETTINGS ---",
    "=".repeat(80),
    "                   END OF CONFIGURATION DUMP",
    "=".repeat(80),
  ]);
  assert.deepEqual(lines.slice(4, 7), ["Timestamp: 2030-01-02T03:04:05Z", "Node Name: node-1", "Process ID: 1234"]);
});

Deno.test("what concerns the control plane is told in upstream's keys", () => {
  assert.deepEqual(section("BASIC CONFIGURATION"), [
    "VIP: 10.0.0.9,fd00::9",
    "VIP Subnet: 32,128",
    "Port: 6443",
    "Namespace: kube-system",
    "Instance Name:",
    "Service Namespace:",
    "Interface: eth0",
    "Services Interface:",
    "Single Node Mode: false",
    "Start As Leader: false",
  ]);
  assert.deepEqual(section("ARP/NDP CONFIGURATION"), [
    "ARP Enabled: true",
    "ARP Broadcast Rate: 3000",
    "Wireguard Enabled: false",
    "Routing Table Enabled: false",
  ]);
  assert.deepEqual(section("LEADER ELECTION CONFIGURATION"), [
    "Control Plane Enabled: true",
    "Detect Control Plane: false",
    "Leader Election Type: kubernetes",
    "Leader Election Enabled: true",
    "Lease Name: plndr-cp-lock",
    "Lease Duration: 15 seconds",
    "Renew Deadline: 10 seconds",
    "Retry Period: 2 seconds",
    "Services Lease Name: plndr-svcs-lock",
    "Node Labeling Enabled: true",
    "Leader: node-1",
    "Leading: true",
    "Leader Transitions: 7",
    "Last Success: 1.5 s ago",
    "Trouble: none",
  ]);
});

Deno.test("what is off says so, as upstream does", () => {
  assert.deepEqual(section("BGP CONFIGURATION"), ["BGP Enabled: false"]);
  assert.deepEqual(section("SERVICES CONFIGURATION"), ["Services Enabled: false"]);
  const off = dump({ config: { ...CONFIG, metrics: null, healthPort: null } });
  assert.deepEqual(section("RUNTIME STATISTICS", off).slice(0, 5), [
    "Load Balancer Enabled: false",
    "Prometheus HTTP Server:",
    "Health Check Port: 0",
    "UPNP Enabled: false",
    "Egress Clean Enabled: false",
  ]);
});

Deno.test("the state of this moment is told: interfaces, holds, the guard", () => {
  assert.deepEqual(section("NETWORK INTERFACES"), [
    "Network Interface Manager: true",
    "ARP Manager: true",
    "Interface lo: up",
    "Interface eth0: up, 02:00:00:00:00:0a, 10.0.0.1/24, 10.0.0.9/32 for 15 s",
    "Interface eth1: down, 00:00:00:00:00:00",
  ]);
  assert.deepEqual(section("RUNTIME STATISTICS").slice(5), [
    "Version: v1.2.3",
    "Uptime: 90.0 s",
    "API Server: https://10.0.0.1:6443",
    "Fit To Hold: true",
    "Event Loop Lag: 12 ms at the most within a minute, 0 stalls",
    "Address 10.0.0.9: held here for 61.0 s, valid for 13.3 s without a renewal, 1 conflicts seen",
    "Address fd00::9: not held here",
  ]);
  assert.deepEqual(section("NFTABLES CONFIGURATION"), [
    "Chain: Table=kube-vip, Chain=in",
    "Chain: Table=kube-vip, Chain=out",
  ]);
  const failed = dump({ facts: { ...FACTS, nftables: { outcome: "failed", why: "EPERM" } } });
  assert.deepEqual(section("NFTABLES CONFIGURATION", failed), ["Unable to retrieve NFTables chains: EPERM"]);
});

Deno.test("secrets are masked wherever they are, and settings show whether they were given", () => {
  const settings = new Map([
    setting("vip_peer_secret", "geheim", { secret: true, given: true }),
    setting("bgp_peerpass", "", { secret: true }),
    setting("bgp_peers", "10.0.0.2:65000:geheim:false"),
    setting("control_plane_health_check_address", "https://user:geheim@[fd00::1]:6443/x?token=geheim&a=b"),
    setting("kubernetes_addr", "https://10.0.0.1:6443"),
    setting("annotation", "bgp@example"),
  ]);
  const lines = dump({ settings });
  assert.doesNotMatch(lines.join("\n"), /geheim/);
  assert.deepEqual(section("SETTINGS", lines), [
    "vip_peer_secret: *** (given)",
    "bgp_peerpass:",
    "bgp_peers: ***",
    "control_plane_health_check_address: https://***@[fd00::1]:6443/x?***",
    "kubernetes_addr: https://10.0.0.1:6443",
    "annotation: bgp@example",
  ]);
});

Deno.test("text from outside cannot begin a line or a section", () => {
  const trouble = "refused\n--- SETTINGS ---\nvip_arp: false";
  const lines = dump({ facts: { ...FACTS, election: { ...FACTS.election, trouble } } });
  assert.equal(lines.filter((line) => line === "--- SETTINGS ---").length, 1);
});

Deno.test("the configuration of `manager` and its settings fit as they are", () => {
  const make = (config: ManagerConfig, settings: ReadonlyMap<string, SettingValue>): string =>
    dumpText({ config, settings, facts: FACTS });
  assert.equal(typeof make, "function");
});

Deno.test("a name may be of either family, unless the setting says more", () => {
  const named: Shown = { ...CONFIG, addresses: [{ is: "name", host: "api.example" }], interface: null };
  assert.deepEqual(section("BASIC CONFIGURATION", dump({ config: named })).slice(0, 2), [
    "VIP: api.example",
    "VIP Subnet: 32,128",
  ]);
  const four: Shown = { ...CONFIG, addresses: [{ is: "ip", ip: "10.0.0.9" }] };
  assert.equal(section("BASIC CONFIGURATION", dump({ config: four }))[1], "VIP Subnet: 32");
  const settings = new Map([setting("vip_subnet", "24")]);
  assert.equal(section("BASIC CONFIGURATION", dump({ config: four, settings }))[1], "VIP Subnet: 24");
});
