/**
 * Which backend stands in which slot: the kernel counts or hashes to a slot and looks its backend up. Pure; every machine that has the
 * same backends comes to the same slots.
 */

/** Most slots in turn; shares finer than that are rounded. */
const MOST_TURNS = 4096;
/** Slots for hashes. A power of two, some for each of many backends. */
const HASH_SLOTS = 1024;
/** Where its connections come from, two that count, and what tells it from its own clients. */
const ELEMENTS_EACH = 4;

/** What a slot is chosen by. */
export interface SlotCandidate {
  /** Tells it from the others, the same on every machine. */
  readonly name: string;
  /** Relative share, ≥ 1. */
  readonly weight: number;
}

/**
 * Candidates by their index in the order in which they get connections: smooth weighted round robin (5:1:1 gives a a b a c a a). Empty
 * without candidates.
 */
export function turns(candidates: readonly SlotCandidate[]): number[] {
  const weights = reduced(candidates.map(({ weight }) => weight));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const credits = weights.map(() => 0);
  return Array.from({ length: total }, () => {
    let chosen = 0;
    for (const [index, weight] of weights.entries()) {
      credits[index] = (credits[index] ?? 0) + weight;
      if ((credits[index] ?? 0) > (credits[chosen] ?? 0)) chosen = index;
    }
    credits[chosen] = (credits[chosen] ?? 0) - total;
    return chosen;
  });
}

/** The smallest numbers in the same proportion, or nearly the same where these would be too many. */
function reduced(weights: readonly number[]): number[] {
  const divisor = weights.reduce(greatestCommonDivisor, 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0) / (divisor === 0 ? 1 : divisor);
  if (total <= MOST_TURNS) return weights.map((weight) => weight / divisor);
  return weights.map((weight) => Math.max(1, Math.floor(weight / divisor * (MOST_TURNS - weights.length) / total)));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * Candidates by their index for each value of a hash. Weighted rendezvous hashing: when a candidate goes, only its own slots change hands,
 * and when it comes back it gets just these. Empty without candidates.
 */
export function hashSlots(candidates: readonly SlotCandidate[]): number[] {
  if (candidates.length === 0) return [];
  return Array.from({ length: HASH_SLOTS }, (_, slot) => {
    let [chosen, best] = [0, -Infinity];
    for (const [index, { name, weight }] of candidates.entries()) {
      const score = -weight / Math.log(uniform(`${slot} ${name}`));
      if (score > best) [chosen, best] = [index, score];
    }
    return chosen;
  });
}

/** How many elements of sets a service with these backends takes at most, of both families together. */
export function elementsFor(candidates: readonly SlotCandidate[], affinity: "none" | "source"): number {
  const slots = affinity === "source" ? 2 * HASH_SLOTS : turns(candidates).length;
  return slots + ELEMENTS_EACH * candidates.length;
}

/** A number between 0 and 1, exclusive, from a text: FNV-1a with the finish of MurmurHash3, without which similar texts stay similar. */
function uniform(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 0x1_0000_0000;
}
