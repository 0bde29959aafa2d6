import { getLog } from "../observe/log.ts";

const log = getLog("vip");

/**
 * Calls that are tried again later when they fail, because the kernel refused. Says so when a failure begins and when it ends, and knows
 * what fails since when. Runs nothing by itself.
 */
export class Attempts {
  readonly #now: () => number;
  /** What fails, and since when. */
  readonly #complaints = new Map<string, number>();

  /** @param now the monotonic clock, milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Runs `call`; whatever it throws is logged once and kept as a complaint about `subject` until a call about it works. */
  run(subject: string, call: () => void): "done" | "failed" {
    try {
      call();
      if (this.#complaints.delete(subject)) log.info("works again", { subject });
      return "done";
    } catch (cause) {
      if (this.#complaints.has(subject)) return "failed";
      this.#complaints.set(subject, this.#now());
      log.error("the kernel refused, trying again", {
        subject,
        cause: cause instanceof Error ? cause.message : String(cause),
      });
      return "failed";
    }
  }

  /** Nobody will try this again. */
  forget(subject: string): void {
    this.#complaints.delete(subject);
  }

  /** Something that matches and has failed for longer than `forMs`, or null. */
  failing(subjects: RegExp, forMs: number): string | null {
    for (const [subject, sinceMs] of this.#complaints) {
      if (subjects.test(subject) && this.#now() - sinceMs > forMs) return subject;
    }
    return null;
  }
}
