/** A client's connection as it is on the wire, carried to the entrance where the runtime deciphers it. */
import type { ByteConn, ByteStream } from "../byte_stream.ts";

/**
 * When the deciphered side is closed, what it wrote last still has to reach the client: so long without progress is waited. The kernel takes
 * what there is for the client by pieces of 64 kB, see `keepUnsentSmall`.
 */
const LINGER_MS = 15_000;

/**
 * Owns both ends of the enciphered way. An end of either direction is passed on. A client that breaks off is passed on by closing: TLS sees
 * that its last word, close_notify, is missing, and the reader gets an error, not an end.
 */
export class Hop {
  readonly #client: ByteStream;
  readonly #inner: ByteStream;
  #isOver = false;
  #isSent = false;

  /** `client` is the accepted connection, `inner` its way to the entrance. */
  constructor(client: ByteStream, inner: ByteStream) {
    this.#client = client;
    this.#inner = inner;
  }

  /** Carries until both ends are closed. Never rejects. */
  async run(): Promise<void> {
    this.#client.onProgress = () => this.#linger();
    await Promise.all([this.#toInner(), this.#toClient()]);
    this.cut();
  }

  /** The deciphered side of `secure`, closing which ends the hop. */
  deciphered(secure: Deno.TlsConn): ByteConn {
    return {
      read: (into) => secure.read(into),
      write: (bytes) => secure.write(bytes),
      closeWrite: () => secure.closeWrite(),
      abandon: () => this.cut(),
      close: () => {
        secure.close();
        this.#finish();
      },
    };
  }

  /** Ends both at once: whoever was not told of the end of TLS sees that something is missing. Idempotent. */
  cut(): void {
    this.#client.cut();
    this.#inner.cut();
  }

  async #toInner(): Promise<void> {
    try {
      await copy(this.#client, this.#inner);
    } catch {
      // What the client sends after its session has ended has no taker, and does not stop what is on its way to it.
      if (!this.#isOver) this.cut();
    }
  }

  async #toClient(): Promise<void> {
    try {
      await copy(this.#inner, this.#client);
    } catch {
      return this.cut();
    }
    this.#isSent = true;
    if (this.#isOver) this.cut();
  }

  #finish(): void {
    this.#isOver = true;
    if (this.#isSent) this.cut();
    else this.#linger();
  }

  #linger(): void {
    if (this.#isOver && !this.#client.isClosed) this.#client.expireIn(LINGER_MS, () => this.cut());
  }
}

async function copy(from: ByteStream, to: ByteStream): Promise<void> {
  do {
    const bytes = from.buffered;
    if (bytes.length > 0) {
      await to.write(bytes);
      from.consume(bytes.length);
    }
  } while (await from.fill());
  await to.closeWrite();
}
