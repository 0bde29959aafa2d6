/** Time in the laboratory: one clock for all of its processes, and waiting that always ends. */

/**
 * Milliseconds on a clock that all processes of this machine share: wall-clock time when this process began plus monotonic time
 * since. Only differences mean something.
 */
export function sharedNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Waits. Only where the passing of time itself is what a fault is made of. */
export function sleep(forMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, forMs));
}

/** The promise's value, or an error that says what did not happen in time. */
export async function within<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Something that changes: those who wait for a condition look again at every change. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  /** Lets everybody who waits look again. */
  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves with the first value that is not null. Throws when `limitMs` pass without one, naming `what`. */
  async until<T>(look: () => T | null, limitMs: number, what: string): Promise<T> {
    const first = look();
    if (first !== null) return first;
    let again = (): void => {};
    const seen = new Promise<T>((resolve, reject) => {
      again = () => {
        try {
          const value = look();
          if (value !== null) resolve(value);
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.add(again);
    });
    try {
      return await within(seen, limitMs, what);
    } finally {
      this.#waiting.delete(again);
    }
  }
}
