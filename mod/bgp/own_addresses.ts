import type { Clock, Timer } from "../base/clock.ts";
import type { HostAddress } from "./next_hop.ts";
import type { SpeakerLog } from "./speaker_log.ts";

/** A kernel that could not answer (no memory, too busy) is asked again after this. */
const AGAIN_MS = 1000;

export interface OwnAddressesOptions {
  /** Asks the kernel; throws when it does not say. */
  readonly read: () => readonly HostAddress[];
  readonly clock: Clock;
  readonly log: SpeakerLog;
  /** The kernel may say it now, after it did not. */
  readonly changed: () => void;
}

/** The addresses of this machine, as the kernel has told last: routes are announced also when it cannot be asked just now. */
export class OwnAddresses {
  readonly #options: OwnAddressesOptions;
  #known: readonly HostAddress[] = [];
  #timer: Timer | null = null;
  #isStopped = false;
  #isTold = false;

  constructor(options: OwnAddressesOptions) {
    this.#options = options;
  }

  /** Never throws. */
  current(): readonly HostAddress[] {
    try {
      this.#known = this.#options.read();
      this.#isTold = false;
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
    }
    return this.#known;
  }

  /** Nothing is pending after this. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #failed(why: string): void {
    if (!this.#isTold) this.#options.log.addressesUnknown(why, AGAIN_MS);
    this.#isTold = true;
    if (this.#isStopped || this.#timer !== null) return;
    this.#timer = this.#options.clock.after(AGAIN_MS, () => {
      this.#timer = null;
      this.#options.changed();
    });
  }
}
