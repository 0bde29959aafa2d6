/** BFD of a peer as a peer string has it: `enable;rx;tx;multiplier`. */

import type { BfdConfig } from "../../bfd/types.ts";

/** So much and more is microseconds, as upstream takes all numbers; less is milliseconds, as its documentation reads (§10.42). */
const LEAST_MICROSECONDS = 10_000;
/** More packets than one a hundredth of a second are a burden on every router. */
const LEAST_MS = 10;

export type BfdResult =
  | { readonly outcome: "off" }
  /** `units`: how the numbers were taken, in words. */
  | { readonly outcome: "on"; readonly config: BfdConfig; readonly units: string }
  /** `what` ends a sentence that names who. */
  | { readonly outcome: "invalid"; readonly what: string };

/** Reads what {@link file://./peer_string.ts} has let pass: a truth and three numbers. */
export function bfdOf(given: string): BfdResult {
  const [enable, rx = "", tx = "", multiplier = ""] = given.split(";");
  if (enable !== "true") return { outcome: "off" };
  const [receive, transmit] = [interval(rx), interval(tx)];
  const times = Number(multiplier);
  if (times < 1 || times > 255) {
    return invalid(`the multiplier is ${times}; must be a number from 1 to 255`);
  }
  const least = Math.min(receive.ms, transmit.ms);
  if (least < LEAST_MS) {
    return invalid(
      `an interval is ${least} ms; must be at least ${LEAST_MS} ms (numbers from 10000 on are microseconds)`,
    );
  }
  return {
    outcome: "on",
    config: { desiredTxMs: transmit.ms, requiredRxMs: receive.ms, multiplier: times },
    units: `receive ${receive.words}, transmit ${transmit.words}`,
  };
}

function interval(text: string): { readonly ms: number; readonly words: string } {
  const value = Number(text);
  return value >= LEAST_MICROSECONDS
    ? { ms: value / 1000, words: `${value} microseconds` }
    : { ms: value, words: `${value} milliseconds` };
}

function invalid(what: string): BfdResult {
  return { outcome: "invalid", what: `BFD configuration error: ${what}` };
}
