/**
 * Which backend stands in which slot: the kernel counts or hashes to a slot and looks its backend up. Pure; every machine that has the
 * same backends comes to the same slots.
 */

/** Most slots in turn; shares finer than that are rounded. */
const MOST_TURNS = 4096;
/** Slots for hashes. A power of two, some for each of many backends. */
const HASH_SLOTS = 1024;
/** Where its connections come from, two that count, what it answers by, and what tells it from its own clients. */
const ELEMENTS_EACH = 5;

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
  const total = sum(weights);
  const credits = new Int32Array(weights.length);
  return Array.from({ length: total }, () => {
    let [chosen, best] = [0, -Infinity];
    for (let index = 0; index < credits.length; index++) {
      const credit = (credits[index] ?? 0) + (weights[index] ?? 0);
      credits[index] = credit;
      if (credit > best) [chosen, best] = [index, credit];
    }
    credits[chosen] = best - total;
    return chosen;
  });
}

/** The smallest numbers in the same proportion, or nearly the same where these would be too many. */
function reduced(weights: readonly number[]): number[] {
  const divisor = divisorOf(weights);
  const total = sum(weights) / divisor;
  if (total <= MOST_TURNS) return weights.map((weight) => weight / divisor);
  return weights.map((weight) => Math.max(1, Math.floor(weight / divisor * (MOST_TURNS - weights.length) / total)));
}

/** What all of them can be divided by; 1 for none. */
function divisorOf(weights: readonly number[]): number {
  return weights.reduce(greatestCommonDivisor, 0) || 1;
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
  // Hundreds of thousands of hashes for some hundred candidates: what a slot's have in common is hashed once.
  const names = candidates.map(({ name }) => Uint16Array.from(name, (letter) => letter.charCodeAt(0)));
  const weights = candidates.map(({ weight }) => -weight);
  return Array.from({ length: HASH_SLOTS }, (_, slot) => {
    const start = hashOn(0x811c9dc5, Uint16Array.from(`${slot} `, (letter) => letter.charCodeAt(0)));
    let [chosen, best] = [0, -Infinity];
    for (let index = 0; index < names.length; index++) {
      const score = (weights[index] ?? 0) / Math.log(uniform(hashOn(start, names[index] ?? NOBODY)));
      if (score > best) [chosen, best] = [index, score];
    }
    return chosen;
  });
}

const NOBODY = new Uint16Array();

/** How many elements of sets a service with these backends takes at most, of both families together and whichever of them are usable. */
export function elementsFor(
  backends: readonly { readonly address: string; readonly weight: number }[],
  affinity: "none" | "source",
): number {
  const [four, six] = [false, true].map((isSix) => {
    const weights = backends.filter(({ address }) => address.includes(":") === isSix).map(({ weight }) => weight);
    return affinity === "source" && weights.length > 0
      ? HASH_SLOTS
      : Math.min(MOST_TURNS, sum(weights) / divisorOf(weights));
  });
  return (four ?? 0) + (six ?? 0) + ELEMENTS_EACH * backends.length;
}

function sum(weights: readonly number[]): number {
  return weights.reduce((total, weight) => total + weight, 0);
}

/** FNV-1a, as it goes on from another hash. */
function hashOn(before: number, letters: Uint16Array): number {
  let hash = before;
  for (let at = 0; at < letters.length; at++) hash = Math.imul(hash ^ (letters[at] ?? 0), 0x01000193);
  return hash;
}

/** A number between 0 and 1, exclusive, from a hash, with the finish of MurmurHash3, without which similar texts stay similar. */
function uniform(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (((mixed ^ (mixed >>> 16)) >>> 0) + 0.5) / 0x1_0000_0000;
}
