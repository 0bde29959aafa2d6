/**
 * One TCP connection with a buffer: read ahead, take what is needed, write all of it. It never uses the web streams of
 * Deno, which close the whole connection when one direction ends.
 */
import type { ConnectionResetter, Endpoint } from "./balancer.ts";
import type { Deadline, DeadlineSet } from "./deadlines.ts";

/** A quiet connection's buffer; thousands of them must be cheap. */
const SMALL_BYTES = 16 * 1024;
/** A busy one's: measured twice as fast as the small one on a bulk transfer. */
const LARGE_BYTES = 256 * 1024;
/** A flow earns the large buffer by filling the small one this often in a row. */
const FULL_READS_TO_GROW = 2;

/** What a stream does with its connection: one of TCP or one of TLS. */
export interface ByteConn {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  /** Says to the other side that nothing more comes. */
  closeWrite(): Promise<void>;
  close(): void;
  /** Lets nothing out any more that could look like an orderly end; {@link close} follows. */
  abandon?(): void;
}

/** A connection with its two ends. */
export type DialledConn = ByteConn & Pick<Deno.Conn, "localAddr" | "remoteAddr">;

/** The two ends of a connection, where the connection itself cannot tell them. */
export interface Ends {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** What a stream needs besides its connection. */
export interface StreamContext {
  readonly deadlines: DeadlineSet;
  readonly resetter: ConnectionResetter;
}

/** An address as Deno gives it. That of `Deno.startTls` has no `transport`. */
export function endpoint(address: Deno.Addr): Endpoint {
  return "hostname" in address ? { ip: address.hostname, port: address.port } : { ip: "", port: 0 };
}

/** Owns a connection. Reading and writing may go on at the same time, each from one caller. */
export class ByteStream {
  /** Bytes that went to the other side. */
  writtenBytes = 0;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #conn: ByteConn;
  readonly #resetter: ConnectionResetter;
  readonly #deadline: Deadline;
  #buffer = new Uint8Array(SMALL_BYTES);
  #start = 0;
  #end = 0;
  #fullReads = 0;
  #ahead: Promise<boolean> | null = null;
  #isWriting = false;
  #isClosed = false;
  #isBroken = false;
  #fault: unknown = null;

  /** Takes over a connection; null, and it is closed, when it is broken already. */
  static adopt(conn: Deno.TcpConn | DialledConn, context: StreamContext): ByteStream | null {
    try {
      // Small answers must not wait for an acknowledgement (Nagle against delayed ACK costs 40 ms).
      if ("setNoDelay" in conn) conn.setNoDelay(true);
    } catch {
      conn.close();
      return null;
    }
    const ends = { local: endpoint(conn.localAddr), remote: endpoint(conn.remoteAddr) };
    return new ByteStream(conn, { ...context, ...ends });
  }

  /** Takes over a connection whose socket is another's: `local` and `remote` are what is reset to cut it. */
  static over(conn: ByteConn, context: StreamContext & Ends): ByteStream {
    return new ByteStream(conn, context);
  }

  private constructor(conn: ByteConn, { resetter, deadlines, local, remote }: StreamContext & Ends) {
    this.#conn = conn;
    this.#resetter = resetter;
    this.#deadline = deadlines.add();
    this.local = local;
    this.remote = remote;
  }

  /** The error that broke it; null when it did not break, or was cut from here. */
  get fault(): unknown {
    return this.#fault;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Size of the buffer, in bytes. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** What was read and not yet consumed. Valid until the next {@link fill}. */
  get buffered(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Takes `count` bytes off the front of {@link buffered}. */
  consume(count: number): void {
    this.#start += count;
  }

  /** Closes the connection `delayMs` from now, or does `onExpired`, unless set again or cleared before. */
  expireIn(delayMs: number, onExpired: () => void = () => this.cut()): void {
    this.#deadline.in(delayMs, onExpired);
  }

  /** Takes the deadline back. */
  neverExpire(): void {
    this.#deadline.clear();
  }

  /** Reads more behind what is buffered; false at the end of the stream. Rejects when the connection is broken or cut. */
  fill(): Promise<boolean> {
    const ahead = this.#ahead;
    this.#ahead = null;
    return ahead ?? this.#read();
  }

  /** Begins a read whose result the next {@link fill} gives; `onWake` is called when it is there, whatever it is. */
  readAhead(onWake: () => void): void {
    this.#ahead = this.#read();
    this.#ahead.then(onWake, onWake);
  }

  async #read(): Promise<boolean> {
    this.#makeRoom();
    const room = this.#buffer.subarray(this.#end);
    const count = await this.#conn.read(room).catch((error: unknown) => {
      // What the other side said at last explains why nothing could be written to it any more.
      if (!this.#isClosed) this.#fault = error;
      return this.#broke(error);
    });
    if (count === null) return false;
    this.#end += count;
    this.#fullReads = count === room.length ? this.#fullReads + 1 : 0;
    return true;
  }

  #makeRoom(): void {
    const held = this.#end - this.#start;
    const isFull = held > this.#buffer.length / 2;
    if (this.#fullReads >= FULL_READS_TO_GROW || isFull) this.#resize(held, isFull);
    else if (held === 0) this.#maybeShrink();
    else if (this.#start > 0) this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#start = 0;
    this.#end = held;
  }

  #resize(held: number, isFull: boolean): void {
    const wanted = isFull ? this.#buffer.length * 2 : LARGE_BYTES;
    if (wanted > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(wanted, SMALL_BYTES));
      grown.set(this.buffered);
      this.#buffer = grown;
    } else if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#start + held);
    }
  }

  /** A read that filled little means that the flow is pausing: the next read may wait long and should not hold much. */
  #maybeShrink(): void {
    const isQuiet = this.#end < SMALL_BYTES && this.#fullReads === 0;
    if (isQuiet && this.#buffer.length > SMALL_BYTES) this.#buffer = new Uint8Array(SMALL_BYTES);
  }

  /** Writes all of `bytes`; the system takes as much as it likes at a time. Rejects when the connection is broken. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#isWriting = true;
    try {
      for (let at = 0; at < bytes.length;) {
        const rest = at === 0 ? bytes : bytes.subarray(at);
        const count = await this.#conn.write(rest).catch((error: unknown) => this.#broke(error));
        this.writtenBytes += count;
        at += count;
        if (at < bytes.length) this.onProgress?.();
      }
    } finally {
      this.#isWriting = false;
    }
  }

  #broke(error: unknown): never {
    if (!this.#isClosed) this.#fault ??= error;
    this.#isBroken = true;
    throw error;
  }

  /** Called when a long write has come a bit further. */
  onProgress: (() => void) | null = null;

  /** Sends FIN; the other direction stays open. */
  async closeWrite(): Promise<void> {
    if (!this.#isClosed) await this.#conn.closeWrite();
  }

  /** Ends both directions: pending reads and writes reject. Idempotent. */
  cut(): void {
    if (this.#isClosed) return;
    if (this.#isWriting) this.#resetter.resetOne(this.local, this.remote);
    this.#close();
  }

  /** Like {@link cut}, but tells the other side with a RST that something is missing, unless it is that which broke. */
  reset(): void {
    if (this.#isClosed) return;
    if (!this.#isBroken) this.#resetter.resetOne(this.local, this.remote);
    this.#conn.abandon?.();
    this.#close();
  }

  /** Like {@link cut}, after the resetter has cut the connection together with others. */
  closeAfterReset(): void {
    if (this.#isClosed) return;
    this.#conn.abandon?.();
    this.#close();
  }

  #close(): void {
    this.#isClosed = true;
    this.#deadline.remove();
    try {
      this.#conn.close();
    } catch {
      // Deno throws BadResource when the runtime has closed it first; closed is all that is wanted.
    }
  }
}
