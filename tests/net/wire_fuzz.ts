import assert from "node:assert/strict";
import type { Random } from "../../mod/base/clock.ts";
import { WireError } from "../../mod/net/errors.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";

/** A decoder under fire. */
export interface Target<T> {
  readonly decode: (bytes: Uint8Array) => T;
  /** The way back: what was accepted must survive being written and read again. Without it nothing is written. */
  readonly encode?: (value: T) => Uint8Array;
  /** Good inputs to mutate. */
  readonly samples: readonly Uint8Array[];
  /** Makes half of the mutated inputs pass a checksum again, so that what lies behind it is reached. */
  readonly repair?: (bytes: Uint8Array) => void;
}

const ROUNDS = 50_000;

/**
 * Feeds random and mutated inputs to a decoder: it gives a value that survives a round trip or throws WireError, and
 * does both often. The seed is in every failure message; set SEED to choose another.
 */
export function fuzz<T>(target: Target<T>, rounds: number = ROUNDS): void {
  const seed = seedFromEnv(20);
  const random = seededRandom(seed);
  let accepted = 0;
  for (let round = 0; round < rounds; round++) {
    const input = next(target, random);
    const where = `seed ${seed} round ${round} input ${input.toHex()}`;
    try {
      const value = target.decode(input);
      accepted++;
      if (target.encode !== undefined) assert.deepEqual(target.decode(target.encode(value)), value, where);
    } catch (error) {
      if (!(error instanceof WireError)) throw new Error(where, { cause: error });
    }
  }
  assert(accepted >= 100 && accepted <= rounds - 100, `${accepted} of ${rounds} accepted: one side is hardly tested`);
}

function next<T>(target: Target<T>, random: Random): Uint8Array {
  if (random() < 0.1) return Uint8Array.from({ length: Math.floor(random() * 128) }, () => Math.floor(random() * 256));
  const input = mutate(target.samples[Math.floor(random() * target.samples.length)] ?? new Uint8Array(), random);
  if (random() < 0.5) target.repair?.(input);
  return input;
}

/** One to three changes: a byte, a bit, an edge value, a cut, or bytes at the end. */
function mutate(sample: Uint8Array, random: Random): Uint8Array {
  // At an offset inside a larger buffer, as receive buffers are.
  let bytes = new Uint8Array([0xee, ...sample]).subarray(1);
  for (let change = 1 + Math.floor(random() * 3); change > 0; change--) {
    const at = Math.floor(random() * bytes.length);
    const kind = Math.floor(random() * 5);
    if (kind === 0) bytes[at] = Math.floor(random() * 256);
    else if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    else if (kind === 2) bytes[at] = [0, 1, 0x7f, 0x80, 0xff][Math.floor(random() * 5)] ?? 0;
    else if (kind === 3) bytes = bytes.subarray(0, at);
    else bytes = Uint8Array.from([...bytes, ...Array.from({ length: 1 + at }, () => Math.floor(random() * 256))]);
  }
  return bytes;
}
