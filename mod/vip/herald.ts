import { Announcements } from "./announcement.ts";
import type { Attempts } from "./attempts.ts";
import type { Announcer } from "./kernel.ts";
import type { Seats } from "./seats.ts";
import { Takeovers } from "./takeover.ts";

export interface HeraldOptions {
  /** null: nothing is ever announced. */
  readonly announcer: Announcer | null;
  readonly announceEveryMs: number;
  readonly seats: Seats;
  readonly attempts: Attempts;
  /** The monotonic clock, milliseconds. */
  readonly now: () => number;
  /** A take-over is done, so long after the grant. */
  readonly onTakenOver: (ip: string, takeoverMs: number) => void;
}

/** Tells the network what is held here, and measures how long it took until the network was told. Its owner calls {@link due} in time. */
export class Herald {
  readonly #options: HeraldOptions;
  readonly #announcements: Announcements;
  readonly #takeovers = new Takeovers();

  constructor(options: HeraldOptions) {
    this.#options = options;
    this.#announcements = new Announcements(options.announceEveryMs);
  }

  /** The address was granted. */
  granted(ip: string, now: number): void {
    this.#takeovers.begin(ip, now);
    this.#announcements.begin(ip, now);
  }

  /** Somebody should hear of the address again: a burst begins. */
  again(ip: string, now: number): void {
    this.#announcements.begin(ip, now);
  }

  /** No more announcements of this address. */
  end(ip: string): void {
    this.#announcements.end(ip);
    this.#takeovers.end(ip);
  }

  /** The address is not managed any more. */
  forget(ip: string): void {
    this.end(ip);
    this.#takeovers.forget(ip);
  }

  /** Announces what is due. A frame sent from a packet socket passes no filter: only `isServed`, asked for each, can forbid it. */
  due(isServed: (ip: string) => boolean): void {
    for (const ip of this.#announcements.take(this.#options.now())) {
      if (isServed(ip)) this.#options.attempts.run("announcement", () => this.#announce(ip));
    }
  }

  /** The next moment something is due, or null. */
  nextDeadline(): number | null {
    return this.#announcements.nextDeadline();
  }

  /** How long the latest take-over of this address lasted, in milliseconds; null: there was none. */
  lastTakeoverMs(ip: string): number | null {
    return this.#takeovers.last(ip);
  }

  #announce(ip: string): void {
    const { announcer, seats, now, onTakenOver } = this.#options;
    const outcome = announcer?.announce(ip) ?? "sent";
    const isTold = outcome === "sent" || seats.link(ip)?.loopback === true;
    const takeoverMs = isTold ? this.#takeovers.reached(ip, now()) : null;
    if (takeoverMs !== null) onTakenOver(ip, takeoverMs);
  }
}
