/** What one accepted connection needs and what its balancer may ask of it. */
import type { Clock } from "../base/clock.ts";
import type { IdleFate } from "./balancer.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { Connector } from "./connector.ts";
import type { Pool } from "./pool.ts";

/** One accepted connection being served. */
export interface Session {
  /** Serves it to its end. Rejects only by a fault of the program. */
  run(): Promise<void>;
  /** Ends it as soon as nothing is under way, or once more has been. */
  drain(idle: IdleFate): void;
  /** Ends it now; "reset" tells both sides that something is missing, at the price of a look at every descriptor. */
  cut(how: "reset" | "close"): void;
}

/** What every session of a balancer shares. */
export interface SessionContext {
  readonly clock: Clock;
  readonly pool: Pool;
  readonly connector: Connector;
}

/** The address without the prefix that a dual-stack socket puts before IPv4: `::ffff:192.0.2.1` is `192.0.2.1`. */
export function plainIp(ip: string): string {
  const match = /^::ffff:([0-9.]+)$/i.exec(ip);
  return match?.[1] ?? ip;
}

/** Makes the session for an accepted connection. */
export type SessionMaker = (client: ByteStream) => Session;
