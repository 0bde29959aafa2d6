/** Requests that got no good answer, and whether the death of a backend explains them. Pure. */

/** A request without a good answer. */
export interface Failure {
  readonly method: string;
  readonly sentMs: number;
  readonly failedMs: number;
  /** `reset`, `ended`, `status 502` and the like. */
  readonly why: string;
}

/** One death of a backend. */
export interface Death {
  /** Before the signal. */
  readonly killedMs: number;
  /** The process was gone, and its sockets with it. */
  readonly goneMs: number;
}

/** What the client saw of one run. */
export interface Tally {
  /** Answered with the right body. */
  readonly right: number;
  /** Answered with another body, or with more bytes than were asked for. */
  readonly wrong: number;
  /** No answer within {@link HUNG_MS}. */
  readonly hung: number;
  /** Connections that were refused or reset before anything was sent on them. */
  readonly refused: number;
  readonly seconds: number;
}

/** A client that has no answer after this hangs (issue 6 counts them). */
export const HUNG_MS = 5000;

/**
 * A request that was sent before the proxy can have noticed the death: the reset of its connection has to be read first, and all
 * processes here share two processors.
 */
const NOTICED_MS = 20;

/** Whether a request was under way when a backend died. */
export function wasUnderWay(failure: Failure, deaths: readonly Death[]): boolean {
  return deaths.some(({ killedMs, goneMs }) => failure.sentMs <= goneMs + NOTICED_MS && failure.failedMs >= killedMs);
}

/** A failure as a line without its end. */
export function formatFailure({ method, sentMs, failedMs, why }: Failure): string {
  return `x ${method} ${sentMs.toFixed(3)} ${failedMs.toFixed(3)} ${why}`;
}

/** Reads a line of {@link formatFailure}; null when it is another. */
export function parseFailure(line: string): Failure | null {
  const match = /^x (\w+) (\d+(?:\.\d+)?) (\d+(?:\.\d+)?) (.+)$/.exec(line);
  if (match === null) return null;
  const [, method = "", sentMs, failedMs, why = ""] = match;
  return { method, sentMs: Number(sentMs), failedMs: Number(failedMs), why };
}

/** How often each reason occurs, as text: `3 reset, 1 status 502`. */
export function reasons(failures: readonly Failure[]): string {
  const counts = new Map<string, number>();
  for (const { method, why } of failures) counts.set(`${method} ${why}`, (counts.get(`${method} ${why}`) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([why, count]) => `${count} ${why}`).join(", ");
}
