/** Clients and servers of TLS for the tests. */
import type { Log, Properties } from "../../../mod/observe/log.ts";
import { RawConn } from "../kit.ts";
import type { Authority } from "./certificates.ts";

/** A client's connection by TLS, the handshake done. */
export async function connectSecure(port: number, authority: Authority, hostname = "localhost"): Promise<RawConn> {
  const conn = await Deno.connectTls({ hostname, port, caCerts: [authority.ca], alpnProtocols: ["http/1.1"] });
  try {
    await conn.handshake();
  } catch (error) {
    conn.close();
    throw error;
  }
  return new RawConn(conn);
}

/** One request by TLS on a connection of its own; gives everything until the end. */
export async function askSecure(port: number, authority: Authority, request: string): Promise<string> {
  const client = await connectSecure(port, authority);
  try {
    await client.send(request);
    return await client.rest();
  } finally {
    client.close();
  }
}

/** Remembers what was logged, as one line each. */
export class LogLines implements Log {
  readonly lines: string[] = [];

  #add(level: string, message: string, properties: Properties = {}): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(properties)}`);
  }

  debug(message: string, properties?: Properties): void {
    this.#add("debug", message, properties);
  }

  info(message: string, properties?: Properties): void {
    this.#add("info", message, properties);
  }

  warning(message: string, properties?: Properties): void {
    this.#add("warning", message, properties);
  }

  error(message: string, properties?: Properties): void {
    this.#add("error", message, properties);
  }
}
