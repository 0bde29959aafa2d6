import assert from "node:assert/strict";
import { bodyChunks } from "../../mod/runtime/body_chunks.ts";

/** Fills the young and the old generation until what nobody holds is gone. */
async function collectGarbage(): Promise<void> {
  const gone = Promise.withResolvers<void>();
  const registry = new FinalizationRegistry(() => gone.resolve());
  registry.register({}, 0);
  let isGone = false;
  gone.promise.then(() => void (isGone = true));
  while (!isGone) {
    Array.from({ length: 200_000 }, (_, i) => ({ i }));
    await new Promise<void>((resolve) => setTimeout(resolve));
  }
}

/** A body whose bytes the test sends, and what became of it. */
function source(): {
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
  controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  cancelled: Promise<void>;
} {
  const cancelled = Promise.withResolvers<void>();
  let own: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => void (own = controller),
    cancel: () => cancelled.resolve(),
  });
  assert.ok(own);
  return { body, controller: own, cancelled: cancelled.promise };
}

async function collect(body: ReadableStream<Uint8Array<ArrayBuffer>>, ...signals: AbortSignal[]): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of bodyChunks(body, signals)) bytes.push(...chunk);
  return bytes;
}

Deno.test("all chunks of a body are given, to its end", async () => {
  const { body, controller } = source();
  controller.enqueue(Uint8Array.of(1, 2));
  controller.enqueue(Uint8Array.of(3));
  controller.close();
  assert.deepEqual(await collect(body, new AbortController().signal), [1, 2, 3]);
});

Deno.test("an abort wakes a read that waits, throws its own reason and cancels the body", async () => {
  const { body, cancelled } = source();
  const [first, second] = [new AbortController(), new AbortController()];
  const read = collect(body, first.signal, second.signal);
  const reason = new Error("enough");
  second.abort(reason);
  await assert.rejects(read, reason);
  await cancelled;
});

Deno.test("a signal that is aborted already ends it at once, an error of the connection is thrown, an early end cancels", async () => {
  await assert.rejects(collect(source().body, AbortSignal.abort(new Error("too late"))), /too late/);
  const broken = source();
  broken.controller.error(new Error("cut"));
  await assert.rejects(collect(broken.body), /cut/);
  const left = source();
  left.controller.enqueue(Uint8Array.of(1));
  for await (const _ of bodyChunks(left.body, [])) break;
  await left.cancelled;
});

Deno.test("an abort reaches the body of an answer also after garbage was collected, and its connection ends", async () => {
  const ended = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(Uint8Array.of(1)),
        cancel: () => ended.resolve(),
      }),
    );
  });
  const controller = new AbortController();
  const client = Deno.createHttpClient({ http2: false });
  const { body } = await fetch(`http://127.0.0.1:${server.addr.port}/`, { client, signal: controller.signal });
  assert.ok(body);
  const first = Promise.withResolvers<void>();
  const read = (async () => {
    for await (const _ of bodyChunks(body, [controller.signal])) first.resolve();
  })();
  await first.promise;
  await collectGarbage();
  controller.abort(new Error("enough"));
  await assert.rejects(read, /enough/);
  await ended.promise;
  client.close();
  await server.shutdown();
});
