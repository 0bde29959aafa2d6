/** The two probes of a laboratory, and what they know at this moment. */

import { AHEAD_OF_OTHERS, Child } from "./child.ts";
import type { Machine } from "./network.ts";
import { samplerSources, VIP_4, VIP_6 } from "./plan.ts";
import { FAMILIES, type Family, feedPings, ProbeRecord } from "./records.ts";

const PROBE = new URL("probe.ts", import.meta.url).pathname;

/** The pinger on the client and the sampler on the observer. Stopped by whoever started it. */
export class Probes {
  /** Echo requests from the client. */
  readonly pings = new ProbeRecord();
  /** Those to the observer, at the same moments: nothing is ever done to it. */
  readonly others = new ProbeRecord();
  /** Who answered the observer's questions. */
  readonly samples = new ProbeRecord();
  readonly #children: Child[] = [];

  /** Starts both; resolves when each has sent its first request. */
  static async start(client: Machine, observer: Machine): Promise<Probes> {
    const probes = new Probes();
    for (const family of FAMILIES) {
      for (const source of samplerSources(family)) observer.addAddress(source, family === 4 ? 24 : 64);
    }
    const { ip4, ip6 } = observer.station;
    probes.#children.push(
      launch(["ping", ip4, ip6], client, (line) => feedPings(line, probes)),
      launch(["sample"], observer, (line) => probes.samples.feed(line)),
    );
    try {
      await Promise.all([begun(probes.pings, "ping"), begun(probes.samples, "sample")]);
    } catch (error) {
      const logs = probes.#children.flatMap((child) => child.log).join("\n");
      await probes.stop();
      throw new Error(`the probes did not start:\n${logs}`, { cause: error });
    }
    return probes;
  }

  /** The one machine that answers for the family's address now; null when none does, or more than one. */
  answering(family: Family): string | null {
    const [mac, ...more] = this.samples.answering(family);
    return mac === undefined || more.length > 0 ? null : mac;
  }

  /** Forgets what was recorded. */
  clear(): void {
    this.pings.clear();
    this.others.clear();
    this.samples.clear();
  }

  /** Ends both. */
  async stop(): Promise<void> {
    await Promise.all(this.#children.splice(0).map((child) => child.stop("SIGTERM", 2000)));
  }
}

function launch(
  [kind, ...others]: readonly ["ping" | "sample", ...string[]],
  machine: Machine,
  onLine: (line: string) => void,
): Child {
  const program = [Deno.execPath(), "run", "-A", "--no-lock", PROBE];
  const argv = [...AHEAD_OF_OTHERS, ...program, kind, machine.station.device, VIP_4, VIP_6, ...others];
  return Child.start(argv, { name: kind, inside: machine.inside, onLine });
}

function begun(record: ProbeRecord, kind: string): Promise<true> {
  const look = (): true | null => FAMILIES.every((family) => record.newestSentMs(family) > 0) ? true : null;
  return record.changes.until(look, 20_000, `first request of ${kind}`);
}
