/** Bytes from one connection to another and back, without looking at them. */
import type { ByteStream } from "./byte_stream.ts";

/**
 * Copies in both directions until both have ended. An end of one direction is passed on and leaves the other open
 * (half-close); a broken connection breaks the other one too, with a RST, so that nobody takes a part for the whole.
 * Without traffic in either direction for `idleTimeoutMs` both are cut. Never rejects; both are closed afterwards.
 */
export async function relay(left: ByteStream, right: ByteStream, idleTimeoutMs: number): Promise<void> {
  const cutBoth = (): void => {
    left.reset();
    right.reset();
  };
  const touch = (): void => {
    if (!left.isClosed) left.expireIn(idleTimeoutMs, cutBoth);
  };
  left.onProgress = touch;
  right.onProgress = touch;
  right.neverExpire();
  touch();
  await Promise.all([copy(left, right, touch).catch(cutBoth), copy(right, left, touch).catch(cutBoth)]);
  left.cut();
  right.cut();
}

async function copy(from: ByteStream, to: ByteStream, touch: () => void): Promise<void> {
  do {
    const bytes = from.buffered;
    if (bytes.length > 0) {
      await to.write(bytes);
      from.consume(bytes.length);
    }
    touch();
  } while (await from.fill());
  await to.closeWrite();
}
