/** Everything that became of the Lease that decides, with the moment it was seen, and what follows from it for those who answered. */

import type { ApiServerCluster } from "../kubernetes/cluster.ts";
import type { ApiServer } from "../kubernetes/server.ts";
import { CONTROL_PLANE_LEASE, type LeaseSpec, leasesVersion, watchPath } from "../kubernetes/lease.ts";
import { sharedNow, sleep } from "../lab/time.ts";

/** The Lease as it was from a moment on. */
export interface LeaseMoment {
  /** When the first of the servers told of it: not before it was so. */
  readonly atMs: number;
  readonly holder: string;
  readonly durationMs: number;
}

/** A node that answered. */
export interface Answered {
  readonly node: string;
  readonly atMs: number;
}

/** A server's word may be so late. */
const LATE_MS = 250;
const AGAIN_MS = 200;

/** Follows the Lease at every server, so that none of them being away hides anything. Closed by whoever opened it. */
export class LeaseLog {
  readonly #byVersion = new Map<number, LeaseMoment>();
  readonly #ended = new AbortController();
  readonly #watching: Promise<unknown>;

  constructor(cluster: ApiServerCluster) {
    this.#watching = Promise.all(cluster.servers.map((server) => this.#follow(server)));
  }

  /** In the order of writing. */
  moments(): LeaseMoment[] {
    return [...this.#byVersion].sort(([a], [b]) => a - b).map(([, moment]) => moment);
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#watching;
  }

  async #follow(server: ApiServer): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        const version = await leasesVersion(server.client(), CONTROL_PLANE_LEASE.namespace);
        for await (const { type, object } of server.client().watch(watchPath(CONTROL_PLANE_LEASE, version), signal)) {
          if (type === "ADDED" || type === "MODIFIED") this.#seen(object);
        }
      } catch {
        // The server is away: the others tell.
      }
      if (!signal.aborted) await sleep(AGAIN_MS);
    }
  }

  #seen(object: unknown): void {
    const { metadata, spec } = object as { metadata: { resourceVersion: string }; spec?: LeaseSpec };
    const version = Number(metadata.resourceVersion);
    if (this.#byVersion.has(version)) return;
    const durationMs = (spec?.leaseDurationSeconds ?? 0) * 1000;
    this.#byVersion.set(version, { atMs: sharedNow(), holder: spec?.holderIdentity ?? "", durationMs });
  }
}

/** What a node did that its Lease did not allow, in words; none if all is well. `ours` tells who is judged. */
export function wrongs(
  moments: readonly LeaseMoment[],
  answers: readonly Answered[],
  ours: (node: string) => boolean,
): string[] {
  return [...answeredWithout(moments, answers, ours), ...takenEarly(moments, ours)];
}

function answeredWithout(
  moments: readonly LeaseMoment[],
  answers: readonly Answered[],
  ours: (node: string) => boolean,
): string[] {
  const found = new Map<string, { from: number; until: number; count: number }>();
  for (const { node, atMs } of answers) {
    const holder = moments.findLast((moment) => moment.atMs <= atMs)?.holder ?? "";
    const soon = moments.some((one) => one.holder === node && one.atMs > atMs && one.atMs - atMs <= LATE_MS);
    if (!ours(node) || holder === node || holder === "" || soon) continue;
    const key = `${node} answered while ${holder} held the Lease`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { from: atMs, until: atMs, count: 1 });
    else [known.until, known.count] = [atMs, known.count + 1];
  }
  return [...found].map(([key, { from, until, count }]) => `${key}: ${count} times in ${Math.round(until - from)} ms`);
}

function takenEarly(moments: readonly LeaseMoment[], ours: (node: string) => boolean): string[] {
  return moments.flatMap((moment, index) => {
    const before = moments[index - 1];
    if (before === undefined || before.holder === "" || before.holder === moment.holder || !ours(moment.holder)) {
      return [];
    }
    const heldMs = moment.atMs - before.atMs;
    if (heldMs >= before.durationMs - LATE_MS) return [];
    return [`${moment.holder} took the Lease of ${before.holder} ${Math.round(heldMs)} ms after it was renewed`];
  });
}
