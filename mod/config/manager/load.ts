/** From text to the configuration of `manager`: every problem is found in one go, nothing is touched. */

import { Findings, Place } from "../findings.ts";
import { type ConfigInput, inOrder } from "../load.ts";
import { Section } from "../section.ts";
import { parseConfigFile } from "./config_file.ts";
import { readBalancing } from "./balancing.ts";
import { readAddresses, readArpRate, readHealth, readLeaseTimes } from "./control_plane.ts";
import { readElection } from "./election.ts";
import { readModes } from "./modes.ts";
import { Readings, refuseLater, warnLater, warnUnused } from "./readings.ts";
import { MANAGER, MANAGER_SETTINGS } from "./settings.ts";
import type { ListenAddress, ManagerConfig, ManagerResult, ManagerValues } from "./types.ts";
import { settingValues } from "./values.ts";

/** Everything that says how to run; `hostname` stands in for a node's name that was not given. */
export interface ManagerInput extends ConfigInput {
  readonly hostname: string;
}

/** Reads and merges (env > flag > file > default) all settings, each for itself. Never throws on bad input. */
export function loadManagerValues(input: ConfigInput): ManagerValues {
  const findings = new Findings();
  const readings = read(input, findings);
  const { problems, warnings } = findings;
  if (readings === null) return { outcome: "invalid", problems: inOrder(problems), warnings };
  warnUnused(readings);
  warnLater(readings);
  const values = settingValues(readings);
  return problems.length > 0
    ? { outcome: "invalid", problems: inOrder(problems), warnings }
    : { outcome: "valid", values, warnings };
}

/** Reads, merges and checks the configuration of a node. Never throws on bad input. */
export function loadManagerConfig(input: ManagerInput): ManagerResult {
  const findings = new Findings();
  const readings = read(input, findings);
  const { problems, warnings, effective } = findings;
  if (readings === null) return { outcome: "invalid", problems: inOrder(problems), warnings };
  warnUnused(readings);
  checkModes(readings);
  refuseLater(readings);
  const config = assemble(readings, input, findings);
  return problems.length > 0 || config === null
    ? { outcome: "invalid", problems: inOrder(problems), warnings }
    : { outcome: "valid", config, warnings, effective };
}

function read(input: ConfigInput, findings: Findings): Readings | null {
  const map = parseConfigFile(input.file, input.text, findings);
  if (map === null) return null;
  const readings = new Readings(new Section(new Place(findings), map, input), MANAGER_SETTINGS);
  const file = readings.get(MANAGER.observe.configFile);
  if (file.origin === "file") file.place.problem("is of no use in a file: one file cannot name another", file.value);
  return readings;
}

/** Exactly one mode, and something to do in it. */
function checkModes(readings: Readings): void {
  const modes = [MANAGER.modes.arp, MANAGER.bgp.enabled, MANAGER.routes.enabled, MANAGER.wireguard.enabled];
  const on = modes.map((mode) => readings.get(mode)).filter(({ value }) => value);
  // What could not be read has been noted, and may have been meant to be on.
  const unclear = modes.some((mode) => readings.get(mode).origin === "invalid");
  if (on.length === 0 && !unclear) {
    const { place } = readings.get(MANAGER.modes.arp);
    place.problem(
      "no valid kube-vip mode detected, ensure a supported mode is configured; set vip_arp, bgp_enable or vip_routingtable to " +
        "true (or --arp, --bgp, --table)",
    );
  }
  if (on.length > 1) {
    const names = on.map(({ place }) => place.key).join(", ");
    on[0]?.place.problem(
      `multiple kube-vip modes detected, ensure only one mode is configured; ${names} are on, leave one of them`,
    );
  }
  const features = [MANAGER.modes.controlPlane, MANAGER.services.enabled].map((one) => readings.get(one));
  if (features.some(({ value, origin }) => value || origin === "invalid")) return;
  features[0]?.place.problem("no features are enabled; set cp_enable to true (or --controlplane)");
}

function assemble(readings: Readings, input: ManagerInput, findings: Findings): ManagerConfig | null {
  const { network, node, apiServer, peers } = MANAGER;
  const election = readElection(readings, { findings, readText: input.readText });
  const address = readings.value(apiServer.kubernetesAddress);
  const lease = readings.value(MANAGER.election.leaseName);
  const rest = {
    ...readModes(readings, input.readText),
    ...readAddresses(readings, readings.value(MANAGER.modes.controlPlane)),
    dnsMode: readings.value(MANAGER.address.dnsMode),
    interface: readings.value(network.interface),
    allowInterfaceNotUp: readings.value(network.allowInterfaceNotUp),
    loopbackGlobalScope: readings.value(network.loopbackGlobalScope),
    announceEveryMs: readArpRate(readings),
    nodeName: readNodeName(readings, input.hostname),
    namespace: readings.value(node.namespace),
    lease: {
      namespace: lease.namespace,
      name: lease.name,
      times: readLeaseTimes(readings),
      annotations: readings.value(MANAGER.election.annotations).entries,
    },
    apiServer: {
      configPath: readings.value(apiServer.configPath),
      address: address === "" ? null : address,
      detect: readings.value(apiServer.detect),
      port: readings.value(MANAGER.address.port),
    },
    health: readHealth(readings),
    balancing: readBalancing(readings),
    linkDownMs: readings.value(network.loseLeadership) ? readings.value(network.loseLeadershipTimeout) * 1000 : null,
    preserveOnLoss: readings.value(network.preserve),
    nodeLabeling: readings.value(node.nodeLabeling),
    ...readListeners(readings),
    stateDir: readings.value(peers.stateDir),
    logLevel: readings.value(node.logLevel),
  };
  return election === null ? null : { ...rest, election };
}

function readNodeName(readings: Readings, hostname: string): string {
  const { value, place } = readings.get(MANAGER.node.nodeName);
  const name = (value ?? hostname).trim().toLowerCase();
  if (name === "") place.problem("is missing, and the host has no name: give the name of this node");
  return name;
}

function readListeners(readings: Readings): { metrics: ListenAddress | null; healthPort: number | null } {
  const metrics = readings.get(MANAGER.observe.metrics).value.at;
  const { value, place } = readings.get(MANAGER.observe.healthPort);
  if (value !== 0 && metrics?.port === value) {
    place.problem("is the port of prometheus_server too; give each its own", String(value));
  }
  const bgp = readings.get(MANAGER.bgpConfig.listenPort);
  if (readings.value(MANAGER.bgp.enabled) && bgp.value !== 0 && [value, metrics?.port].includes(bgp.value)) {
    bgp.place.problem(
      "is the port of prometheus_server or health_check_port too; give each its own",
      String(bgp.value),
    );
  }
  return { metrics, healthPort: value === 0 ? null : value };
}
