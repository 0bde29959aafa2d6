/** Balancing among the API servers (`lb_enable`): what has to hold for it, and which of IPVS's methods there is something for. */

import type { Readings } from "./readings.ts";
import { MANAGER } from "./settings.ts";
import type { BalancingSettings } from "./types.ts";

/** Upstream's for 0. */
const CHECK_SECONDS = 5;

/** null where it is off, or where it is not done: without a control plane, and in routing-table mode. */
export function readBalancing(readings: Readings): BalancingSettings | null {
  const { enabled, port, method, checkInterval } = MANAGER.balancer;
  const { value, place } = readings.get(enabled);
  if (!value) return null;
  if (!readings.value(MANAGER.modes.controlPlane)) {
    place.warning("has no effect without the control plane (cp_enable)", "true");
    return null;
  }
  if (isOfRoutes(readings)) {
    place.warning("has no effect in routing-table mode: every healthy node serves with its own API server", "true");
    return null;
  }
  if (readings.value(MANAGER.election.type) === "etcd") {
    place.problem(
      "cannot be used with leaderElectionType etcd, with which no API server is asked for the Nodes",
      "true",
    );
  }
  refuseNoPort(readings, port);
  refuseNoPort(readings, MANAGER.address.port);
  checkMethod(readings, method);
  return {
    port: readings.value(port),
    backendPort: readings.value(MANAGER.address.port),
    checkMs: 1000 * (readings.value(checkInterval) || CHECK_SECONDS),
  };
}

/** As the mode is chosen: of several, which is an error of its own, this comes last. */
function isOfRoutes(readings: Readings): boolean {
  const { modes, bgp, routes } = MANAGER;
  return !readings.value(modes.arp) && !readings.value(bgp.enabled) && readings.value(routes.enabled);
}

function refuseNoPort(readings: Readings, setting: typeof MANAGER.balancer.port): void {
  const { value, place, origin } = readings.get(setting);
  if (value === 0 && origin !== "invalid") place.problem("is no port to balance; must be a port from 1 to 65535", "0");
}

/**
 * IPVS's `local` delivers every connection to the API server of the node itself, so that upstream balances nothing with it and ends when
 * that server fails. Here the others are used as well. The methods that change no address need the virtual address on every node, or
 * tunnels to them.
 */
function checkMethod(readings: Readings, setting: typeof MANAGER.balancer.method): void {
  const { value, place, origin } = readings.get(setting);
  if (value === "masquerade" || origin === "invalid") return;
  if (value !== "local") {
    return place.problem(
      "is a method of IPVS, which is not used here: the kernel's nftables carry the connections; must be masquerade (or local, " +
        "which is taken for the same)",
      value,
    );
  }
  if (origin === "default") return;
  place.warning(
    "is done as masquerade: connections go to the API servers of all nodes, which see the holder's address as the client's",
    value,
  );
}
