/** Opening a TCP connection within a time. */
import type { Clock } from "../base/clock.ts";
import type { DialledConn } from "./byte_stream.ts";

/** Where to connect to. */
export interface DialTarget {
  /** IP text or a host name. */
  readonly hostname: string;
  readonly port: number;
  /** It is to be spoken to by TLS, which not every {@link Dial} can. */
  readonly isSecure?: boolean;
}

/** How long it may take and who may take it back. */
export interface DialOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How an attempt ended. */
export type DialOutcome<Conn = DialledConn> =
  | { readonly outcome: "connected"; readonly conn: Conn }
  /** `refusal`: what a client may be told where the backend was reached but not agreed with. */
  | { readonly outcome: "failed"; readonly detail: string; readonly refusal?: string }
  | { readonly outcome: "aborted" };

/** Opens a connection that bytes of the application can be sent on; never rejects. */
export type Dial = (target: DialTarget, options: DialOptions) => Promise<DialOutcome>;

/**
 * Connects, or gives up after `timeoutMs` or when `signal` says so. Never rejects. The time holds for the name's
 * resolution as well, which Deno 2.7 cannot abort: a connection that comes too late is closed.
 */
export function dial(target: DialTarget, options: DialOptions): Promise<DialOutcome<Deno.TcpConn>> {
  const { clock, timeoutMs, signal } = options;
  if (signal.aborted) return Promise.resolve({ outcome: "aborted" });
  // Never in the clear what is to be enciphered.
  if (target.isSecure === true) return Promise.resolve({ outcome: "failed", detail: "TLS to backends is not set up" });
  const abort = new AbortController();
  return new Promise((resolve) => {
    const settle = (outcome: DialOutcome<Deno.TcpConn>): void => {
      timer.cancel();
      signal.removeEventListener("abort", onStop);
      resolve(outcome);
    };
    const giveUp = (outcome: DialOutcome<Deno.TcpConn>): void => {
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
