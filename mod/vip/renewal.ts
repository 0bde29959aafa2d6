import { assert } from "../base/assert.ts";
import { elementTimes } from "../net/netlink/nftables.ts";
import { PreparedBatch } from "../net/netlink/prepared_batch.ts";
import { type Live, renewGuard } from "./guard.ts";

/** The longest time-out, in milliseconds: 49 days. */
export const MOST_TIMEOUT_MS = 0xffff_ffff;

/** {@link renewGuard} for the same addresses again and again: encoded once, then only the times are written into it. Pure. */
export class Renewal {
  readonly #ips: readonly string[];
  readonly #batch: PreparedBatch;
  /** Where the times of each address stand in the batch. */
  readonly #times: readonly (readonly DataView[])[];

  constructor(ips: readonly string[], how: "update" | "replace") {
    const parts = ips.map((ip) => renewGuard([{ ip, timeoutMs: 0 }], how));
    this.#ips = ips;
    this.#batch = new PreparedBatch(parts.flat());
    let index = 0;
    this.#times = parts.map((part) => part.flatMap(() => elementTimes(this.#batch.payload(index++))));
  }

  /** Whether this renews just these addresses, in this order. */
  fits(live: readonly Live[]): boolean {
    return live.length === this.#ips.length && live.every((entry, index) => entry.ip === this.#ips[index]);
  }

  /** The batch with these time-outs, valid until the next call; `live` has to fit. */
  with(live: readonly Live[]): PreparedBatch {
    assert(this.fits(live), "a renewal of the same addresses");
    live.forEach(({ timeoutMs }, index) => {
      assert(
        Number.isInteger(timeoutMs) && timeoutMs >= 0 && timeoutMs <= MOST_TIMEOUT_MS,
        `a time-out of ${timeoutMs} ms`,
      );
      for (const time of this.#times[index] ?? []) time.setUint32(4, timeoutMs);
    });
    return this.#batch;
  }
}
