/** A moment of true time and what happens then. */
interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Events in order of their moment, and of their making where moments agree: a binary heap. */
export class EventQueue {
  readonly #heap: Scheduled[] = [];
  #made = 0;
  #now = 0;

  /** True time in milliseconds; no clock of a member shows it. */
  get now(): number {
    return this.#now;
  }

  at(moment: number, run: () => void): void {
    const heap = this.#heap;
    const event = { at: Math.max(moment, this.#now), order: this.#made++, run };
    let slot = heap.length;
    heap.push(event);
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[slot] = above;
      slot = parent;
    }
    heap[slot] = event;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#now + delayMs, run);
  }

  /** Runs everything up to `until`. */
  runUntil(until: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop();
      this.#now = next.at;
      next.run();
    }
    this.#now = until;
  }

  #pop(): void {
    const heap = this.#heap;
    const moved = heap.pop();
    if (moved === undefined || heap.length === 0) return;
    let slot = 0;
    for (;;) {
      let child = 2 * slot + 1;
      let below = heap[child];
      if (below === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, below)) {
        child++;
        below = right;
      }
      if (!isBefore(below, moved)) break;
      heap[slot] = below;
      slot = child;
    }
    heap[slot] = moved;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
