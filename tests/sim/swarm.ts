import type { Random } from "../../mod/base/clock.ts";
import type { Timing } from "../../mod/election/raft/types.ts";

/** What one run is like: chosen at random for each seed, so that runs differ in kind and not only in detail. */
export interface Swarm {
  readonly members: number;
  readonly timing: Timing;
  /** Addresses to hold. */
  readonly addresses: number;
  /** Fraction of datagrams lost, duplicated. */
  readonly loss: number;
  readonly duplication: number;
  /** One-way delay: at least, and mean of what comes on top. */
  readonly delayMinMs: number;
  readonly delayMeanMs: number;
  /** Fraction of datagrams that come very late. */
  readonly clogged: number;
  readonly fsyncMs: number;
  /** How late timers fire. */
  readonly latenessMs: number;
  /** How far clock rates differ from true time; at most 0.0099, which keeps any two within 2 %. */
  readonly clockError: number;
  /** Mean time between faults of each kind; Infinity for never. */
  readonly everyMs: Readonly<Record<Fault, number>>;
  readonly proposeEveryMs: number;
  readonly compactAt: number;
}

export type Fault =
  | "crash"
  | "loseState"
  | "reboot"
  | "pause"
  | "isolate"
  | "oneWay"
  | "transfer"
  | "resign"
  | "reassign";

const FAULTS: readonly Fault[] = [
  "crash",
  "loseState",
  "reboot",
  "pause",
  "isolate",
  "oneWay",
  "transfer",
  "resign",
  "reassign",
];

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

/** A lease as long as is still safe: a run with slack would hide what the arithmetic must get right. */
function chooseTiming(random: Random): Timing {
  const scale = pick(random, [1, 1, 1, 1, 1, 2, 0.4]);
  const electionMinMs = 250 * scale;
  const leaseMs = random() < 0.5 ? electionMinMs / 1.0205 : 200 * scale;
  // A narrow spread lets campaigns begin at the very first moment that is allowed.
  const spread = random() < 0.35 ? 1.02 + 0.05 * random() : 1.2 + 0.6 * random();
  return { beatMs: 50 * scale, leaseMs, electionMinMs, electionMaxMs: electionMinMs * spread };
}

/** Draws a run. */
export function chooseSwarm(random: Random): Swarm {
  const rare = pick(random, [600, 1500, 5000, 15000]);
  const everyMs = Object.fromEntries(
    FAULTS.map((fault) => [fault, random() < 0.45 ? Infinity : rare * (0.5 + 2 * random())]),
  ) as Record<Fault, number>;
  const bad = random() < 0.6;
  return {
    members: pick(random, [1, 2, 3, 3, 3, 3, 3, 4, 5, 5]),
    timing: chooseTiming(random),
    addresses: pick(random, [1, 2, 3, 6]),
    loss: bad ? 0.3 * random() : 0,
    duplication: bad ? 0.3 * random() : 0,
    delayMinMs: pick(random, [0.05, 0.05, 1, 8]),
    delayMeanMs: pick(random, [0.05, 0.5, 5, 25]),
    clogged: pick(random, [0, 0, 0.005, 0.02]),
    fsyncMs: pick(random, [0, 0.5, 5, 40]),
    latenessMs: pick(random, [0, 0.5, 5]),
    clockError: pick(random, [0, 0.005, 0.0099, 0.0099]),
    everyMs,
    proposeEveryMs: pick(random, [20, 200, 1000]),
    compactAt: pick(random, [4, 20, 100]),
  };
}
