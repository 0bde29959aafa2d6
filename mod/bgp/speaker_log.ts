import { getLog, type Log } from "../observe/log.ts";
import type { Family } from "../net/bgp/types.ts";

/** Strangers that are named in the log; anybody can connect from any number of addresses. */
const MAX_STRANGERS = 32;

/** What the speaker has to say: changes only, each sentence in one place. That sessions come and go they say themselves. */
export class SpeakerLog {
  readonly #log: Log;
  readonly #strangers = new Set<string>();

  /** `log` is for tests. */
  constructor(log: Log = getLog("bgp")) {
    this.#log = log;
  }

  peerAdded(peer: string): void {
    this.#log.info("BGP peer is configured", { peer });
  }

  peerRemoved(peer: string): void {
    this.#log.info("BGP peer is not configured any more", { peer });
  }

  peerChanged(peer: string): void {
    this.#log.info("BGP peer is configured differently: its session begins again", { peer });
  }

  /** Routes of a family cannot be announced to a peer. */
  noRoutes(peer: string, { family, why }: { family: Family; why: string }): void {
    this.#log.warning("Addresses cannot be announced to a BGP peer", { peer, family: `IPv${family}`, why });
  }

  /** Routes of a family can be announced to nobody. */
  noCarrier(ip: string, family: Family): void {
    this.#log.warning("An address is announced to nobody: no BGP peer is configured for its family", {
      ip,
      family: `IPv${family}`,
      change: family === 4
        ? "add a peer with an IPv4 address, or use MP-BGP"
        : "add a peer with an IPv6 address, or use MP-BGP",
    });
  }

  notAnAddress(ip: string): void {
    this.#log.error("Only IP addresses can be announced", { got: ip });
  }

  /** `term`: of the grant under which it is held; null: of none. */
  announced(ip: string, term: number | null): void {
    this.#log.info("Address is announced", term === null ? { ip } : { ip, term });
  }

  draining(ip: string): void {
    this.#log.info("Routers are asked to prefer others for an address", { ip });
  }

  withdrawn(ip: string): void {
    this.#log.info("Address is withdrawn", { ip });
  }

  stranger(ip: string): void {
    if (this.#strangers.has(ip) || this.#strangers.size > MAX_STRANGERS) return;
    this.#strangers.add(ip);
    if (this.#strangers.size > MAX_STRANGERS) {
      this.#log.warning("More addresses that are no BGP peer have connected: they are refused and not named any more");
    } else this.#log.warning("A connection was refused: no BGP peer has that address", { ip });
  }

  listening(port: number): void {
    this.#log.info("Waiting for BGP peers to connect", { port });
  }

  notListening(why: string, { port, againMs }: { port: number; againMs: number }): void {
    this.#log.error("BGP peers cannot connect to this machine", { port, why, againMs });
  }

  bfdUp(peer: string): void {
    this.#log.info("BFD is up", { peer });
  }

  bfdDown(peer: string, why: string): void {
    this.#log.warning("BFD says that the path to a BGP peer is gone", { peer, why });
  }

  bfdShutDown(peer: string): void {
    this.#log.info("BFD was stopped on purpose by the other side: the session goes on without it", { peer });
  }

  bfdMissing(peer: string): void {
    this.#log.warning("BFD does not come up: a dead path is noticed by the hold timer only", {
      peer,
      change: "configure BFD for this session on the router, with the same kind (single hop or multihop)",
    });
  }

  bfdImpossible(peer: string, why: string): void {
    this.#log.error("BFD cannot watch the path to a BGP peer", { peer, why });
  }

  addressesUnknown(why: string, againMs: number): void {
    this.#log.warning("The addresses of this machine are not known now: next hops stay as they were", { why, againMs });
  }

  stopFailed(peer: string, why: string): void {
    this.#log.error("A BGP session did not end as it should", { peer, why });
  }
}
