/** From a pool to an open connection: choose, connect, and on failure choose another. */
import type { Clock } from "../base/clock.ts";
import { ByteStream, type DialledConn, type StreamContext } from "./byte_stream.ts";
import { type Dial, dial, type DialTarget } from "./dial.ts";
import type { Pool, PoolChange } from "./pool.ts";

/** What a connector needs. */
export interface ConnectorOptions {
  readonly pool: Pool;
  /** Where each member of the pool is, by its index. */
  readonly targets: readonly DialTarget[];
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  readonly streams: StreamContext;
  readonly onChange: (change: PoolChange) => void;
  /** How connections are opened. @default {dial} */
  readonly dial?: Dial;
}

/** A connection to a member of the pool, counted there until `pool.ended(index)`. */
export interface Opened {
  readonly outcome: "opened";
  readonly index: number;
  readonly stream: ByteStream;
  /** It was used before and may have been closed by the backend in this moment. */
  readonly reused: boolean;
}

/** How an attempt ended. */
export type OpenOutcome =
  | Opened
  /** `refusal`: why the last one was reached and yet could not be spoken to, in words for the client. */
  | { readonly outcome: "unavailable"; readonly refusal?: string }
  | { readonly outcome: "aborted" };

/** An idle connection to a member, if the caller keeps such. */
export type TakeIdle = (index: number) => ByteStream | null;

/** Opens connections to whichever backend is to have the next one. */
export class Connector {
  readonly #options: ConnectorOptions;

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /**
   * Tries the members one after the other, each at most once, until a connection stands. `signal` ends it early;
   * `takeIdle` may give a connection that stands already; the member `except` is left out. Never rejects.
   */
  async open(
    signal: AbortSignal,
    { takeIdle = () => null, except = null }: { takeIdle?: TakeIdle; except?: number | null } = {},
  ): Promise<OpenOutcome> {
    const { pool, clock, targets, connectTimeoutMs } = this.#options;
    const open = this.#options.dial ?? dial;
    const tried = new Set<number>(except === null ? [] : [except]);
    let refused: { readonly refusal?: string } = {};
    for (;;) {
      const index = pool.pick(clock.now(), tried);
      const target = index === null ? undefined : targets[index];
      if (index === null || target === undefined) return { outcome: "unavailable", ...refused };
      const idle = takeIdle(index);
      if (idle !== null) return { outcome: "opened", index, stream: idle, reused: true };
      tried.add(index);
      const dialled = await open(target, { clock, timeoutMs: connectTimeoutMs, signal });
      const stream = dialled.outcome === "connected" ? this.#adopt(dialled.conn) : null;
      if (stream !== null) {
        this.#report(pool.connected(index));
        return { outcome: "opened", index, stream, reused: false };
      }
      pool.ended(index);
      if (dialled.outcome === "aborted") return { outcome: "aborted" };
      const detail = dialled.outcome === "failed" ? dialled.detail : "reset at once";
      refused = dialled.outcome === "failed" && dialled.refusal !== undefined ? { refusal: dialled.refusal } : {};
      this.#report(pool.connectFailed(index, { nowMs: clock.now(), detail }));
    }
  }

  /** A connection that was reset at once refuses every option; that is a failed connect like any other. */
  #adopt(conn: DialledConn): ByteStream | null {
    return ByteStream.adopt(conn, this.#options.streams);
  }

  #report(change: PoolChange | null): void {
    if (change !== null) this.#options.onChange(change);
  }
}
