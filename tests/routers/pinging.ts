/** A client that asks an announced address all the time, and how long it got no answer. */

import { LATE_MS, outageMs } from "../lab/analysis.ts";
import { AHEAD_OF_OTHERS } from "../lab/child.ts";
import type { Machine } from "../lab/network.ts";
import { FAMILIES, type Family, ProbeRecord } from "../lab/records.ts";
import { sharedNow } from "../lab/time.ts";
import type { RouterLab } from "./router_lab.ts";
import { VIP_4, VIP_6 } from "./world.ts";

const PROBE = new URL("../lab/probe.ts", import.meta.url).pathname;
const STEADY_MS = 300;

/** Echo requests to both addresses, every few milliseconds; it ends with the laboratory. */
export class Pinging {
  readonly #record = new ProbeRecord();

  constructor(lab: Pick<RouterLab, "run">, client: Machine) {
    const program = [Deno.execPath(), "run", "-A", "--no-lock", PROBE, "ping"];
    const argv = [...AHEAD_OF_OTHERS, ...program, client.station.device, VIP_4, VIP_6];
    lab.run(client, "pinger", argv, (line) => this.#record.feed(line));
  }

  /** Resolves when both addresses have answered for a while without a gap. */
  async steady(limitMs: number): Promise<void> {
    const look = (): true | null => this.#record.isSteady(STEADY_MS) ? true : null;
    await this.#record.changes.until(look, limitMs, "steady answers");
  }

  /** How many requests of both families that were sent since then got no answer; the last few may still get one. */
  lost(fromMs: number): number {
    const untilMs = sharedNow() - LATE_MS;
    const missed = FAMILIES.flatMap((family) => this.#record.pings(family)).filter(({ sentMs, repliedMs }) =>
      sentMs >= fromMs && sentMs <= untilMs && repliedMs === null
    );
    return missed.length;
  }

  /** Forgets what was before. */
  clear(): void {
    this.#record.clear();
  }

  /** The longest time without answer since then. */
  outageMs(family: Family, fromMs: number): number {
    return outageMs(this.#record.pings(family), { fromMs, untilMs: sharedNow() });
  }
}
