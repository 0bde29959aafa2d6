/** The table of all settings of `manager`: every flag, variable and key of upstream, and our own. */

import type { Setting } from "../setting.ts";
import { BGP_CONFIG } from "../bgp/settings.ts";
import { BGP, BGP_GROUPS, LOAD_BALANCERS, ROUTES, TOP_PEERS, WIREGUARD } from "./settings_bgp.ts";
import { ADDRESS, API_SERVER, MODES, NETWORK, NODE } from "./settings_control_plane.ts";
import { ELECTION, ETCD, ETCD_GROUP, PEERS } from "./settings_election.ts";
import { CHECK, CHECK_GROUP, OBSERVE } from "./settings_health.ts";
import { BALANCER, DEAD, EGRESS, SERVICE } from "./settings_services.ts";

/** Every plain setting, by area and name. */
export const MANAGER = {
  modes: MODES,
  address: ADDRESS,
  network: NETWORK,
  node: NODE,
  apiServer: API_SERVER,
  election: ELECTION,
  etcd: ETCD,
  peers: PEERS,
  check: CHECK,
  observe: OBSERVE,
  services: SERVICE,
  egress: EGRESS,
  balancer: BALANCER,
  bgp: BGP,
  bgpConfig: BGP_CONFIG,
  topPeers: TOP_PEERS,
  routes: ROUTES,
  wireguard: WIREGUARD,
  dead: DEAD,
};

/** The whole table with its groups, in the order of the documentation. */
export const MANAGER_SETTINGS: readonly Setting<unknown>[] = [
  ...Object.values(MODES),
  ...Object.values(ADDRESS),
  ...Object.values(NETWORK),
  ...Object.values(NODE),
  ...Object.values(API_SERVER),
  ...Object.values(ELECTION),
  ETCD_GROUP,
  ...Object.values(PEERS),
  CHECK_GROUP,
  ...Object.values(OBSERVE),
  ...Object.values(SERVICE),
  ...Object.values(EGRESS),
  ...Object.values(BALANCER),
  ...Object.values(BGP),
  ...BGP_GROUPS,
  ...Object.values(ROUTES),
  ...Object.values(WIREGUARD),
  ...Object.values(DEAD),
  LOAD_BALANCERS,
];
