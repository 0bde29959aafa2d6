/**
 * When to announce which address. Pure: `now` comes in as an argument.
 *
 * A burst at 0, 50, 150, 400 and 1000 ms after take-over: neighbours learn at once, and one lost frame costs 50 ms. Some switches pass
 * only one gratuitous ARP a second (metallb#172), hence the tail. Then periodically, because a switch forgets a silent station after
 * 300 s while gateways keep their ARP entry for 1200 s (metallb#2910).
 */

/** Moments of the burst, in milliseconds after its beginning. */
export const BURST_MS: readonly number[] = [0, 50, 150, 400, 1000];

interface Plan {
  /** When the current burst began. */
  readonly beganMs: number;
  /** How many of its announcements are done. */
  done: number;
  dueMs: number;
}

/** The announcements that lie ahead, per address. */
export class Announcements {
  readonly #everyMs: number;
  readonly #plans = new Map<string, Plan>();

  /** @param everyMs distance of the periodic announcements after the burst */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Begins a burst, at once; a burst that is under way begins anew. */
  begin(ip: string, now: number): void {
    this.#plans.set(ip, { beganMs: now, done: 0, dueMs: now });
  }

  /** No more announcements of this address. */
  end(ip: string): void {
    this.#plans.delete(ip);
  }

  /** Addresses to announce now; each is counted as announced. After a pause an address is due once, not once per missed moment. */
  take(now: number): string[] {
    const due: string[] = [];
    for (const [ip, plan] of this.#plans) {
      if (plan.dueMs > now) continue;
      due.push(ip);
      while (plan.dueMs <= now) {
        plan.done++;
        const offset = BURST_MS[plan.done];
        plan.dueMs = offset === undefined ? Math.max(plan.dueMs, now) + this.#everyMs : plan.beganMs + offset;
      }
    }
    return due;
  }

  /** The next moment something is due, or null. */
  nextDeadline(): number | null {
    let earliest: number | null = null;
    for (const plan of this.#plans.values()) {
      if (earliest === null || plan.dueMs < earliest) earliest = plan.dueMs;
    }
    return earliest;
  }
}
