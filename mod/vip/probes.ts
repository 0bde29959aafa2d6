/**
 * When to ask the network who has an address. Pure: `now` comes in as an argument.
 *
 * An address that is new here, or whose link has come up, is asked for three times within the time in which a voter that starts grants
 * no vote. One that a stranger has is asked for again and again, so that it is known when it is free.
 */

/** Moments of the first questions, in milliseconds. */
const START_MS: readonly number[] = [0, 60, 140];
/** An address that a stranger has is asked for this often. */
const AGAIN_MS = 1000;

/** The questions that lie ahead, per address. */
export class Probes {
  readonly #moments = new Map<string, readonly number[]>();

  /** Asks for the address from now on: a few times, close together. */
  begin(ip: string, now: number): void {
    this.#moments.set(ip, START_MS.map((afterMs) => now + afterMs));
  }

  /** Asks again after a while. */
  later(ip: string, now: number): void {
    this.#moments.set(ip, [now + AGAIN_MS]);
  }

  /** No more questions about this address. */
  end(ip: string): void {
    this.#moments.delete(ip);
  }

  /** Addresses to ask for now. After a pause each is due once. `again`: whether to go on asking for an address. */
  take(now: number, again: (ip: string) => boolean): string[] {
    const due: string[] = [];
    for (const [ip, moments] of this.#moments) {
      const ahead = moments.filter((atMs) => atMs > now);
      if (ahead.length === moments.length) continue;
      due.push(ip);
      if (ahead.length > 0) this.#moments.set(ip, ahead);
      else if (again(ip)) this.later(ip, now);
      else this.#moments.delete(ip);
    }
    return due;
  }

  /** The next moment something is due, or null. */
  nextDeadline(): number | null {
    const all = [...this.#moments.values()].flat();
    return all.length === 0 ? null : Math.min(...all);
  }
}
