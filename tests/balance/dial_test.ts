import assert from "node:assert/strict";
import { dial } from "../../mod/balance/dial.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { deadPort } from "./kit.ts";

/** An address whose queue of connections is full: connects to it hang. */
async function withFullListener(body: (port: number) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const stop = new AbortController();
  const fillers = Array.from(
    { length: 8 },
    () => Deno.connect({ hostname: "127.0.0.1", port, signal: stop.signal }).then((conn) => conn, () => null),
  );
  await Promise.race([fillers[0], fillers[1]]);
  try {
    await body(port);
  } finally {
    stop.abort();
    for (const filler of fillers) (await filler)?.close();
    listener.close();
  }
}

Deno.test("a connection that stands", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const options = { clock: systemClock, timeoutMs: 1000, signal: new AbortController().signal };
  const outcome = await dial({ hostname: "127.0.0.1", port: listener.addr.port }, options);
  assert.ok(outcome.outcome === "connected");
  outcome.conn.close();
  listener.close();
});

Deno.test("a refusal says so", async () => {
  const clock = new VirtualClock();
  const options = { clock, timeoutMs: 1000, signal: new AbortController().signal };
  const outcome = await dial({ hostname: "127.0.0.1", port: deadPort() }, options);
  assert.ok(outcome.outcome === "failed");
  assert.match(outcome.detail, /refused/i);
  assert.equal(clock.pending, 0, "the timer is taken back");
});

Deno.test("a connect that hangs ends after its time", async () => {
  await withFullListener(async (port) => {
    const options = { clock: systemClock, timeoutMs: 60, signal: new AbortController().signal };
    const outcome = await dial({ hostname: "127.0.0.1", port }, options);
    assert.deepEqual(outcome, { outcome: "failed", detail: "no connection within 60 ms" });
  });
});

Deno.test("a connect can be taken back, before and while it is under way", async () => {
  await withFullListener(async (port) => {
    const stop = new AbortController();
    const options = { clock: systemClock, timeoutMs: 10_000, signal: stop.signal };
    const dialling = dial({ hostname: "127.0.0.1", port }, options);
    stop.abort();
    assert.deepEqual(await dialling, { outcome: "aborted" });
    assert.deepEqual(await dial({ hostname: "127.0.0.1", port }, options), { outcome: "aborted" });
  });
});

Deno.test("what is to be enciphered is never dialled in the clear", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const target = { hostname: "127.0.0.1", port: listener.addr.port, isSecure: true };
  const options = { clock: systemClock, timeoutMs: 1000, signal: new AbortController().signal };
  assert.deepEqual(await dial(target, options), { outcome: "failed", detail: "TLS to backends is not set up" });
  listener.close();
});
