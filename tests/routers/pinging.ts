/** A client that asks an announced address all the time, and how long it got no answer. */

import { LATE_MS, ownOutageMs } from "../lab/analysis.ts";
import { AHEAD_OF_OTHERS } from "../lab/child.ts";
import type { Machine } from "../lab/network.ts";
import { FAMILIES, type Family, feedPings, ProbeRecord } from "../lab/records.ts";
import { sharedNow } from "../lab/time.ts";
import type { RouterLab } from "./router_lab.ts";
import { VIP_4, VIP_6 } from "./world.ts";

const PROBE = new URL("../lab/probe.ts", import.meta.url).pathname;
const STEADY_MS = 300;

/** Echo requests to both addresses, every few milliseconds, and to the router itself; it ends with the laboratory. */
export class Pinging {
  readonly #record = new ProbeRecord();
  readonly #others = new ProbeRecord();

  constructor(lab: Pick<RouterLab, "run">, client: Machine, router: Machine) {
    const program = [Deno.execPath(), "run", "-A", "--no-lock", PROBE, "ping"];
    const argv = [
      ...AHEAD_OF_OTHERS,
      ...program,
      client.station.device,
      VIP_4,
      VIP_6,
      router.station.ip4,
      router.station.ip6,
    ];
    lab.run(client, "pinger", argv, (line) => feedPings(line, { pings: this.#record, others: this.#others }));
  }

  /** Resolves when both addresses have answered for a while without a gap. */
  async steady(limitMs: number): Promise<void> {
    const fromMs = sharedNow();
    const look = (): true | null => this.#record.isSteady(STEADY_MS, fromMs) ? true : null;
    await this.#record.changes.until(look, limitMs, "steady answers");
  }

  /** How many requests of both families that were sent since then got no answer; the last few may still get one. */
  lost(fromMs: number): number {
    const untilMs = this.#record.knownMs - LATE_MS;
    const missed = FAMILIES.flatMap((family) => this.#record.pings(family)).filter(({ sentMs, repliedMs }) =>
      sentMs >= fromMs && sentMs <= untilMs && repliedMs === null
    );
    return missed.length;
  }

  /** Forgets what was before. */
  clear(): void {
    this.#record.clear();
    this.#others.clear();
  }

  /** The longest time without answer since then, less what the router did not answer either: nothing is done to it. */
  outageMs(family: Family, fromMs: number): number {
    const span = { fromMs, untilMs: this.#record.knownMs };
    return ownOutageMs(this.#record.pings(family), span, this.#others.pings(family));
  }
}
