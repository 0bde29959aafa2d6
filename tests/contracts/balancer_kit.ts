/** Backends, checks and types that the promises of balancers are written with. */
import { Backend, type Maker, RawConn } from "../balance/kit.ts";

/** Sends everything back, and the end as well. */
export async function echo(conn: RawConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await conn.tcp.read(buffer);
    if (count === null) return await conn.tcp.closeWrite();
    await conn.sendBytes(buffer.subarray(0, count));
  }
}

/** Says its name, then echoes. */
export function named(name: string): Backend {
  return new Backend(async (conn) => {
    await conn.send(`${name}\n`);
    await echo(conn);
  });
}

/** Checks that come often. */
export const CHECKS = {
  path: "/",
  expectMin: 200,
  expectMax: 399,
  intervalMs: 20,
  timeoutMs: 500,
  rise: 2,
  fall: 2,
};

/** What the backend says first that a new connection is given to; empty where there is none. */
export async function greeting(port: number): Promise<string> {
  const client = await RawConn.connect(port).catch((error: unknown) => {
    // A connection that is reset at once may be so before the system has said that it stands.
    if (error instanceof Deno.errors.ConnectionReset) return null;
    throw error;
  });
  if (client === null) return "";
  const line = await client.until("\n").catch(() => "");
  client.close();
  return line.trim();
}

/**
 * What engines may differ in. `own-connections`: the client's connection is the engine's and the backend's another one, so that it can try a
 * second backend, let a backend rest after failed connects, limit connections and close idle ones. `passes-refusals`: the connection is
 * the backend's own, so that a client hears a refusal from whoever refuses.
 */
export type Ability = "own-connections" | "passes-refusals";

/** One promise, and the test that shows it. */
export interface Promised {
  readonly name: string;
  readonly run: (make: Maker) => Promise<void>;
  /** null: every engine keeps it. */
  readonly ability: Ability | null;
}
