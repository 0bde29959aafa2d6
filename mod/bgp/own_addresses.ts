import type { Clock, Timer } from "../base/clock.ts";
import type { HostAddress } from "./next_hop.ts";
import type { SpeakerLog } from "./speaker_log.ts";

/** Links that come and go bring hundreds of events at once, and each look goes through all links: with two hundred it takes 2 ms. */
const PAUSE_MS = 100;
/** A kernel that could not answer (no memory, too busy) is asked again after this. */
const AGAIN_MS = 1000;

export interface OwnAddressesOptions {
  /** Asks the kernel; throws when it does not say. */
  readonly read: () => readonly HostAddress[];
  readonly clock: Clock;
  readonly log: SpeakerLog;
  /** {@link OwnAddresses.current} may be another now. */
  readonly onChange: () => void;
}

/** The addresses of this machine, as the kernel has told last: routes are announced also when it cannot be asked just now. */
export class OwnAddresses {
  readonly #options: OwnAddressesOptions;
  #known: readonly HostAddress[] = [];
  /** Asked in this turn. */
  #isFresh = false;
  #toldMs = -Infinity;
  #timer: { readonly atMs: number; readonly timer: Timer } | null = null;
  #isStopped = false;
  #isFailing = false;

  constructor(options: OwnAddressesOptions) {
    this.#options = options;
  }

  /** The kernel is asked once a turn. Never throws. */
  current(): readonly HostAddress[] {
    if (this.#isFresh) return this.#known;
    this.#isFresh = true;
    queueMicrotask(() => {
      this.#isFresh = false;
    });
    try {
      this.#known = this.#options.read();
      this.#isFailing = false;
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
    }
    return this.#known;
  }

  /** Something has happened to them: told at once, but not again before {@link PAUSE_MS} are over. */
  changed(): void {
    this.#isFresh = false;
    const waitMs = this.#toldMs + PAUSE_MS - this.#options.clock.now();
    if (waitMs <= 0) this.#tell();
    else this.#tellIn(waitMs);
  }

  /** Nothing is pending after this. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #failed(why: string): void {
    if (!this.#isFailing) this.#options.log.addressesUnknown(why, AGAIN_MS);
    this.#isFailing = true;
    this.#tellIn(AGAIN_MS);
  }

  #tellIn(delayMs: number): void {
    const { clock } = this.#options;
    const atMs = clock.now() + delayMs;
    if (this.#isStopped || (this.#timer !== null && this.#timer.atMs <= atMs)) return;
    this.#cancel();
    this.#timer = { atMs, timer: clock.after(delayMs, () => this.#tell()) };
  }

  #tell(): void {
    this.#cancel();
    if (this.#isStopped) return;
    this.#toldMs = this.#options.clock.now();
    this.#options.onChange();
  }

  #cancel(): void {
    this.#timer?.timer.cancel();
    this.#timer = null;
  }
}
