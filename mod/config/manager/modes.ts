/** How the addresses get their packets: ARP, BGP or a routing table. */

import { readBgp, warnUncarried } from "../bgp/read.ts";
import type { ManagerBgp } from "../bgp/types.ts";
import type { NamedAddress } from "./addresses.ts";
import type { Readings } from "./readings.ts";
import { MANAGER } from "./settings.ts";
import type { ManagerConfig, ManagerMode, RoutesConfig } from "./types.ts";

type Modes = Pick<ManagerConfig, "mode" | "elects" | "bgp" | "routes">;

/** The mode with what belongs to it; that there is exactly one has been checked. */
export function readModes(readings: Readings, readText: (path: string) => string): Modes {
  const mode = modeOf(readings);
  const elects = electsIn(mode, readings);
  if (!elects) warnOfNoElection(readings);
  return {
    mode,
    elects,
    bgp: mode === "bgp" ? readManagerBgp(readings, elects, readText) : null,
    routes: mode === "routes" ? readRoutes(readings) : null,
  };
}

function modeOf(readings: Readings): ManagerMode {
  if (readings.value(MANAGER.modes.arp)) return "arp";
  if (readings.value(MANAGER.bgp.enabled)) return "bgp";
  return readings.value(MANAGER.routes.enabled) ? "routes" : "arp";
}

/** As upstream: ARP cannot do without, BGP may, and routes are on every healthy node. */
function electsIn(mode: ManagerMode, readings: Readings): boolean {
  if (mode === "arp") return true;
  const { value, place } = readings.get(MANAGER.election.enabled);
  if (mode === "bgp") return value;
  if (value) {
    place.warning(
      "has no effect for the control plane in routing-table mode: every healthy node has the routes",
      "true",
    );
  }
  return false;
}

/** What is about an election, where every healthy node has the addresses. */
function warnOfNoElection(readings: Readings): void {
  const { preserve } = MANAGER.network;
  const kept = readings.get(preserve);
  if (kept.value) kept.place.warning("has no effect without an election, which nobody can lose", "true");
  const { value, place } = readings.get(MANAGER.election.type);
  if (value === "peers") {
    place.warning("nobody is elected: every healthy node has the addresses; in BGP mode set vip_leaderelection", value);
  }
  if (value === "etcd" && readings.value(MANAGER.check.address).url === null) {
    place.warning(
      "no API server is asked with etcd: without control_plane_health_check_address nobody checks this node, and routers " +
        "are told of it whether its API server works or not",
      value,
    );
  }
}

function readManagerBgp(readings: Readings, elects: boolean, readText: (path: string) => string): ManagerBgp {
  const prefix = readings.value(MANAGER.bgp.annotations).replace(/\/+$/, "");
  const usual = readings.get(MANAGER.bgpConfig.peers);
  const top = readings.get(MANAGER.topPeers);
  const peers = usual.origin === "default" && top.origin !== "default" ? top : usual;
  if (prefix !== "" && readings.value(MANAGER.election.type) === "etcd") {
    readings.get(MANAGER.bgp.annotations).place.problem(
      "cannot be used with leaderElectionType etcd, with which no API server is asked",
      prefix,
    );
  }
  const how = readings.get(MANAGER.bgpConfig.nextHop);
  if (prefix !== "" && how.value === "auto_sourceif") {
    how.place.problem("cannot be used with annotations, whose src-ip is the source of the sessions", how.value);
  }
  const addresses = addressesOf(readings);
  const bgp = readBgp(readings, { elects, othersFollow: prefix !== "", peers, addresses, readText });
  if (prefix === "") warnUncarried(bgp.peers, addresses);
  else if (bgp.peers.length > 0) {
    peers.place.warning("has no effect: the annotations of the Node name the peers", peers.value.shown);
  }
  return { ...bgp, annotationsPrefix: prefix === "" ? null : prefix };
}

/** The ones that are kept: `vip_address` is not looked at where there is an `address`. */
function addressesOf(readings: Readings): readonly NamedAddress[] {
  const address = readings.get(MANAGER.address.address);
  return address.origin === "default" ? readings.value(MANAGER.address.vip) : address.value;
}

/** Upstream takes 1 (`RTPROT_REDIRECT`) for 0, which is no protocol. */
const PROTOCOL_FOR_ZERO = 1;
/** `RT_TABLE_UNSPEC`: the kernel would take the main table. */
const NO_TABLE = 0;

/** Upstream's for 0. */
const REASSERT_SECONDS = 5;

function readRoutes(readings: Readings): RoutesConfig {
  const table = readings.get(MANAGER.routes.table);
  const protocol = readings.get(MANAGER.routes.protocol);
  const type = readings.get(MANAGER.routes.type);
  if (table.value === NO_TABLE) {
    table.place.problem("is no table; must be a number from 1 to 4294967295, like 198", "0");
  }
  if (protocol.value === 0) protocol.place.warning(`is no protocol, ${PROTOCOL_FOR_ZERO} is taken`, "0");
  if (type.value === 0) type.place.problem("is no type of a route; must be a number from 1 to 255, 1 for unicast", "0");
  return {
    table: table.value,
    protocol: protocol.value === 0 ? PROTOCOL_FOR_ZERO : protocol.value,
    type: type.value,
    cleanStale: readings.value(MANAGER.routes.clean),
    reassertMs: 1000 * (readings.value(MANAGER.balancer.checkInterval) || REASSERT_SECONDS),
  };
}
