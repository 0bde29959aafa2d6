import type { Clock } from "../base/clock.ts";

/** Thrown when something took longer than it may. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";

  constructor(readonly what: string, readonly limitMs: number) {
    super(`Gave up on ${what} after ${limitMs} ms`);
  }
}

/**
 * The result of `work`, or {@link DeadlineError} once `limitMs` have passed on the monotonic clock. The work itself is not cancelled:
 * pass it a signal for that.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  options: { readonly clock: Clock; readonly limitMs: number; readonly what: string },
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = options.clock.after(
    options.limitMs,
    () => late.reject(new DeadlineError(options.what, options.limitMs)),
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    timer.cancel();
  }
}
