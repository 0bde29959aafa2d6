/**
 * The bodies of answers to `fetch`.
 *
 * Deno (2.7.14, 2.9.6) follows the signal that was given to `fetch` by a weak reference only: after a garbage collection an abort does not
 * reach the body any more, and a read of a silent stream waits for ever. A `fetch` that has no answer yet is not concerned. So the reader
 * is cancelled here by whoever holds the signal, which closes the connection, too.
 */

/**
 * The chunks of a body until its end. Throws the reason of the first of the signals that is aborted, and what the connection throws. Who
 * leaves the loop early closes the connection.
 */
export async function* bodyChunks(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  signals: readonly AbortSignal[],
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const reader = body.getReader();
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  for (const signal of signals) signal.addEventListener("abort", cancel);
  try {
    for (;;) {
      throwIfAborted(signals);
      const { done, value } = await reader.read();
      throwIfAborted(signals);
      if (done) return;
      yield value;
    }
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", cancel);
    cancel();
  }
}

function throwIfAborted(signals: readonly AbortSignal[]): void {
  for (const signal of signals) signal.throwIfAborted();
}
