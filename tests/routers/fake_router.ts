/** A router of our own that opens sessions as it should and then says whatever a test wants. */

import type { Machine } from "../lab/network.ts";
import { within } from "../lab/time.ts";

const BGP_PORT = 179;
const MARKER_BYTES = 16;
const HEADER_BYTES = 19;
const HOLD_S = 90;

/** RFC 4271 §4.1. */
export const MessageType = { open: 1, update: 2, notification: 3, keepalive: 4 } as const;

/** A message with its header. */
export function bgpMessage(type: number, body: readonly number[]): Uint8Array<ArrayBuffer> {
  const length = HEADER_BYTES + body.length;
  const marker = Array<number>(MARKER_BYTES).fill(0xff);
  return Uint8Array.from([...marker, length >> 8, length & 0xff, type, ...body]);
}

/** An UPDATE without withdrawn routes: attributes as they are, and encoded IPv4 prefixes. */
export function updateMessage(attributes: readonly number[], prefixes: readonly number[]): Uint8Array<ArrayBuffer> {
  return bgpMessage(MessageType.update, [
    0,
    0,
    attributes.length >> 8,
    attributes.length & 0xff,
    ...attributes,
    ...prefixes,
  ]);
}

/** RFC 4271 §4.2, with IPv4 and IPv6 unicast, route refresh and four-octet AS; the identifier is 10.98.0.77. */
function openMessage(as: number): Uint8Array<ArrayBuffer> {
  const octets = [as >>> 24 & 0xff, as >>> 16 & 0xff, as >>> 8 & 0xff, as & 0xff];
  const capabilities = [1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4, ...octets];
  const parameters = [2, capabilities.length, ...capabilities];
  const head = [4, as >> 8 & 0xff, as & 0xff, 0, HOLD_S, 10, 98, 0, 77];
  return bgpMessage(MessageType.open, [...head, parameters.length, ...parameters]);
}

/** A message that the speaker sent. */
export interface Heard {
  readonly type: number;
  readonly body: Uint8Array;
}

/** One connection of the speaker. */
export class FakeSession {
  readonly #connection: Deno.TcpConn;
  #bytes = new Uint8Array(0);

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Opens the session; resolves when it is up on this side. */
  static async open(connection: Deno.TcpConn, as: number): Promise<FakeSession> {
    const session = new FakeSession(connection);
    await session.send(openMessage(as));
    await session.until(MessageType.open);
    await session.send(bgpMessage(MessageType.keepalive, []));
    await session.until(MessageType.keepalive);
    return session;
  }

  async send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.#connection.write(rest));
  }

  /** The next message of that type; others are passed over. Throws Error when the connection ends before. */
  async until(type: number): Promise<Heard> {
    for (;;) {
      const heard = await this.hear();
      if (heard === null) throw new Error(`the speaker ended the connection before message ${type}`);
      if (heard.type === type) return heard;
    }
  }

  /** The next message; null when the speaker has ended the connection. */
  async hear(): Promise<Heard | null> {
    while (this.#bytes.length < HEADER_BYTES || this.#bytes.length < this.#length()) {
      if (!await this.#more()) return null;
    }
    const length = this.#length();
    const heard = { type: this.#bytes[HEADER_BYTES - 1] ?? 0, body: this.#bytes.slice(HEADER_BYTES, length) };
    this.#bytes = this.#bytes.slice(length);
    return heard;
  }

  /** Ends the connection. */
  close(): void {
    this.#connection.close();
  }

  #length(): number {
    return ((this.#bytes[MARKER_BYTES] ?? 0) << 8) | (this.#bytes[MARKER_BYTES + 1] ?? 0);
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const count = await this.#connection.read(buffer).catch(() => null);
    if (count === null) return false;
    const joined = new Uint8Array(this.#bytes.length + count);
    joined.set(this.#bytes);
    joined.set(buffer.subarray(0, count), this.#bytes.length);
    this.#bytes = joined;
    return true;
  }
}

/** Connects from a machine to a speaker that listens, and opens a session. Throws Error when there is none within `limitMs`. */
export async function connectSession(
  machine: Machine,
  to: { readonly ip: string; readonly as: number },
  limitMs: number,
): Promise<FakeSession> {
  const connection = await machine.inside(() => ({ opened: Deno.connect({ hostname: to.ip, port: BGP_PORT }) })).opened;
  return await opened(connection, to.as, limitMs);
}

async function opened(connection: Deno.TcpConn, as: number, limitMs: number): Promise<FakeSession> {
  try {
    return await within(FakeSession.open(connection, as), limitMs, "a session with the speaker");
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Listens on a machine. Closed by whoever made it. */
export class FakeRouter {
  readonly #listener: Deno.TcpListener;
  readonly #as: number;

  constructor(machine: Machine, as: number) {
    this.#listener = machine.inside(() => Deno.listen({ hostname: machine.station.ip4, port: BGP_PORT }));
    this.#as = as;
  }

  /** The next session that the speaker begins. Throws Error when none comes within `limitMs`. */
  async session(limitMs: number): Promise<FakeSession> {
    const connection = await within(this.#listener.accept(), limitMs, "a connection of the speaker");
    return await opened(connection, this.#as, limitMs);
  }

  close(): void {
    this.#listener.close();
  }
}
