/** Metrics of the modes that tell routers: there only where such a mode is on. */

import { Counter, Gauge, type Registry } from "@kube-vip/metrics";
import { ADDRESS, replace, type Sample } from "./instruments.ts";
import type { BgpPeerStatus, RoutingStatus } from "./status_types.ts";

/** A BGP peer goes by `address:port`. */
const PEER = "peer";

/** Upstream's names of the states. */
const SESSION_STATES: Readonly<Record<BgpPeerStatus["state"], string>> = {
  idle: "SESSION_STATE_IDLE",
  connect: "SESSION_STATE_CONNECT",
  active: "SESSION_STATE_ACTIVE",
  "open-sent": "SESSION_STATE_OPENSENT",
  "open-confirm": "SESSION_STATE_OPENCONFIRM",
  established: "SESSION_STATE_ESTABLISHED",
};

/** One of each, in the given registry. */
export class RoutingInstruments {
  readonly #registry: Registry;
  readonly #sessionInfo: Gauge;
  readonly #sessionsUp: Counter;
  readonly #prefixesSent: Gauge;
  readonly #prefixesUnsent: Gauge;
  readonly #prefixesRefused: Gauge;
  readonly #malformed: Counter;
  readonly #bfdUp: Gauge;
  readonly #routes: Gauge;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#sessionInfo = this.#gauge(
      "kube_vip_manager_bgp_session_info",
      "1 for the state that the session with the peer is in, 0 for the others",
      ["state", PEER],
    );

    this.#sessionsUp = this.#counter(
      "kube_vip_bgp_sessions_established_total",
      "How often the session with the peer came up",
      [PEER],
    );
    this.#prefixesSent = this.#gauge("kube_vip_bgp_prefixes_sent", "Routes of ours that the peer has now", [PEER]);
    this.#prefixesUnsent = this.#gauge(
      "kube_vip_bgp_prefixes_unsent",
      "Addresses that cannot be announced to the peer: it takes no routes of their family, or there is no next hop",
      [PEER],
    );
    this.#prefixesRefused = this.#gauge(
      "kube_vip_bgp_prefixes_refused",
      "Routes that the peer offers; none is imported",
      [PEER],
    );
    this.#malformed = this.#counter(
      "kube_vip_bgp_malformed_updates_total",
      "UPDATEs with faults that a session survives (RFC 7606)",
      [PEER],
    );
    this.#bfdUp = this.#gauge("kube_vip_bfd_up", "1 while BFD says that the path to the peer is there", [PEER]);
    this.#routes = this.#gauge(
      "kube_vip_route_installed",
      "1 while the route to the address is in the routing table, 0 while the kernel refuses it",
      [ADDRESS],
    );
  }

  /** Sets every series to what is so now. */
  collect({ bgp, routes }: RoutingStatus): void {
    const each = (value: (peer: BgpPeerStatus) => number): Sample[] =>
      bgp.map((peer) => [{ [PEER]: peer.name }, value(peer)]);
    replace(
      this.#sessionInfo,
      bgp.flatMap((peer) =>
        Object.entries(SESSION_STATES).map(([state, name]): Sample => [
          { state: name, [PEER]: peer.name },
          state === peer.state ? 1 : 0,
        ])
      ),
    );
    replace(this.#sessionsUp, each((peer) => peer.established));
    replace(this.#prefixesSent, each((peer) => peer.prefixesSent));
    replace(this.#prefixesUnsent, each((peer) => peer.prefixesUnsent));
    replace(this.#prefixesRefused, each((peer) => peer.prefixesRefused));
    replace(this.#malformed, each((peer) => peer.malformedUpdates));
    replace(
      this.#bfdUp,
      bgp.flatMap((peer): Sample[] => peer.bfd === null ? [] : [[{ [PEER]: peer.name }, peer.bfd === "up" ? 1 : 0]]),
    );
    replace(this.#routes, routes.map(({ ip, state }): Sample => [{ [ADDRESS]: ip }, state === "routed" ? 1 : 0]));
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }
}
