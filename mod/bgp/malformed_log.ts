/** What is logged of UPDATEs with faults (RFC 7606 §6: enough to find out what is wrong with them). */

import type { UpdateFault } from "../net/bgp/types.ts";
import type { Log } from "../observe/log.ts";

/** A peer that sends one sends many: all of its routes are told after each other. */
const EVERY_MS = 60_000;
/** Faults of one UPDATE that are named; it may have one for each of its attributes. */
const MAX_NAMED = 4;
/** The header, and most UPDATEs of a few routes. */
const MAX_DUMP_BYTES = 64;

/** An UPDATE with faults. */
export interface Malformed {
  readonly faults: readonly Pick<UpdateFault, "what" | "spec">[];
  /** Whole, with its header; lent for the call. */
  readonly bytes: Uint8Array;
}

/** The malformed UPDATEs of one peer: one is told in a minute, with the number of those that were not. */
export class MalformedLog {
  readonly #peer: string;
  readonly #log: Pick<Log, "warning" | "debug">;
  #toldMs = -Infinity;
  #untold = 0;

  constructor(peer: string, log: Pick<Log, "warning" | "debug">) {
    this.#peer = peer;
    this.#log = log;
  }

  /** One has come, at this moment of a monotonic clock. */
  note({ faults, bytes }: Malformed, now: number): void {
    if (now - this.#toldMs < EVERY_MS) {
      this.#untold += 1;
      return;
    }
    const peer = this.#peer;
    this.#log.warning("a BGP peer has sent a malformed UPDATE", { peer, faults: words(faults), before: this.#untold });
    this.#log.debug("the malformed UPDATE", { peer, bytes: bytes.length, hex: hexOf(bytes) });
    this.#toldMs = now;
    this.#untold = 0;
  }
}

function words(faults: Malformed["faults"]): string {
  const named = faults.slice(0, MAX_NAMED).map(({ what, spec }) => `${what} (${spec})`);
  return [...named, ...(faults.length > MAX_NAMED ? [`${faults.length - MAX_NAMED} more`] : [])].join("; ");
}

function hexOf(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, MAX_DUMP_BYTES);
  return `${[...shown].map((byte) => byte.toString(16).padStart(2, "0")).join("")}${
    bytes.length > shown.length ? "…" : ""
  }`;
}
