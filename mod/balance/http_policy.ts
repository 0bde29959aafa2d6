/** What every engine that carries HTTP goes by. Pure. */
import type { Framing } from "../net/http1.ts";
import type { IdleFate } from "./balancer.ts";

/** RFC 9110 §9.2.2: sent twice they do no more than once. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** A request that could not be repeated gets a kept connection only while that is fresh, or a new one. */
export const FRESH_MS = 1000;
/** Interim answers before the final one; a backend that sends no end of them has no final one. */
export const MAX_INTERIM = 16;
/** More kept connections than these a backend hardly needs at once; each costs it a descriptor. */
export const MAX_IDLE = 64;
/** Backends close idle connections after 5 s (node) to 75 s (nginx); closing first avoids the race where they can. */
export const MAX_IDLE_MS = 60_000;

/**
 * A client whose kept connection is to end may have sent its next request already, which a close would answer with a RST: for so long, and
 * at most half of the time to drain, that is waited for, to be answered as the last one.
 */
const LAST_REQUEST_MS = 250;

/** How long a connection that rests may still bring a request after a drain has begun; 0: it is closed at once. */
export function lastRequestMs(drainMs: number): number {
  return Math.min(LAST_REQUEST_MS, Math.floor(drainMs / 2));
}

/** A part of a drain: what becomes of idle connections, and how long it is. */
export interface DrainStep {
  readonly idle: IdleFate;
  readonly forMs: number;
}

/**
 * Idle connections are closed from the beginning, or only near the end of a drain that nobody waits for: late enough for most to have been
 * answered once more, early enough for a last request to be.
 */
export function drainSteps(drainMs: number, isPatient: boolean): readonly DrainStep[] {
  if (!isPatient) return [{ idle: "close", forMs: drainMs }];
  const lastMs = 2 * lastRequestMs(drainMs);
  return [{ idle: "wait", forMs: drainMs - lastMs }, { idle: "close", forMs: lastMs }];
}

/** What decides whether a request may be sent once more. */
export interface Repeated {
  readonly method: string;
  readonly framing: Framing;
  /** The protocol that is asked for; null: none. */
  readonly upgrade: string | null;
}

/** Whether a request does no harm twice, and nothing of it is gone once it has been sent. */
export function isRepeatable({ method, framing, upgrade }: Repeated): boolean {
  return framing.kind === "none" && upgrade === null && IDEMPOTENT.has(method);
}
