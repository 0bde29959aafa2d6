/** Opening a TCP connection within a time. */
import type { Clock } from "../base/clock.ts";

/** Where to connect to. */
export interface DialTarget {
  /** IP text or a host name. */
  readonly hostname: string;
  readonly port: number;
}

/** How long it may take and who may take it back. */
export interface DialOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How an attempt ended. */
export type DialOutcome =
  | { readonly outcome: "connected"; readonly conn: Deno.TcpConn }
  | { readonly outcome: "failed"; readonly detail: string }
  | { readonly outcome: "aborted" };

/**
 * Connects, or gives up after `timeoutMs` or when `signal` says so. Never rejects. The time holds for the name's
 * resolution as well, which Deno 2.7 cannot abort: a connection that comes too late is closed.
 */
export function dial(target: DialTarget, options: DialOptions): Promise<DialOutcome> {
  const { clock, timeoutMs, signal } = options;
  if (signal.aborted) return Promise.resolve({ outcome: "aborted" });
  const abort = new AbortController();
  return new Promise((resolve) => {
    const settle = (outcome: DialOutcome): void => {
      timer.cancel();
      signal.removeEventListener("abort", onStop);
      resolve(outcome);
    };
    const giveUp = (outcome: DialOutcome): void => {
      abort.abort();
      settle(outcome);
    };
    const onStop = (): void => giveUp({ outcome: "aborted" });
    const timer = clock.after(timeoutMs, () => {
      giveUp({ outcome: "failed", detail: `no connection within ${timeoutMs} ms` });
    });
    signal.addEventListener("abort", onStop);
    Deno.connect({ hostname: target.hostname, port: target.port, signal: abort.signal }).then(
      (conn) => abort.signal.aborted ? conn.close() : settle({ outcome: "connected", conn }),
      (error: unknown) => settle({ outcome: "failed", detail: error instanceof Error ? error.message : String(error) }),
    );
  });
}
