/** How many connections there may be at once. */

/** Hands out a bounded number of places; whoever comes too early waits in line. */
export class Slots {
  #max: number;
  #taken = 0;
  #isClosed = false;
  readonly #waiting: ((granted: boolean) => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Places in use. */
  get taken(): number {
    return this.#taken;
  }

  /** True when the next {@link take} has to wait. */
  get isFull(): boolean {
    return this.#taken >= this.#max;
  }

  /** True when at least half of the places are free. */
  get isHalfEmpty(): boolean {
    return this.#taken * 2 <= this.#max;
  }

  /** Takes a place, waiting for one if need be; false when the slots were closed meanwhile. */
  take(): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    if (!this.isFull) {
      this.#taken++;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Gives a place back: to the first in line, if there is one. */
  free(): void {
    this.#taken--;
    this.#grant();
  }

  /** Another number of places. With fewer than are in use nobody is sent away; nobody is let in until enough have left. */
  resize(max: number): void {
    this.#max = max;
    this.#grant();
  }

  #grant(): void {
    while (!this.isFull) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#taken++;
      next(true);
    }
  }

  /** Nobody is let in any more, and nobody waits. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiting.splice(0)) waiter(false);
  }
}
