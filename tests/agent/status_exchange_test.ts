import assert from "node:assert/strict";
import { type Channel, STATUS_LIMIT_BYTES, StatusExchange } from "../../mod/agent/status_exchange.ts";
import { VirtualClock } from "../fakes/clock.ts";

/** Channels between members in one process; `cut` members hear nothing. */
class Wire {
  readonly channels = new Map<string, Channel>();
  readonly cut = new Set<string>();
  sent = 0;

  channel(id: string): Channel {
    const channel: Channel = {
      onReceive: () => {},
      send: (to, payload) => {
        this.sent++;
        if (!this.cut.has(to) && !this.cut.has(id)) this.channels.get(to)?.onReceive(id, payload);
      },
    };
    this.channels.set(id, channel);
    return channel;
  }
}

function three(
  own: (id: string) => unknown = (id) => ({ id }),
): { clock: VirtualClock; wire: Wire; a: StatusExchange } {
  const clock = new VirtualClock();
  const wire = new Wire();
  const [a] = ["a", "b", "c"].map((id) => new StatusExchange({ channel: wire.channel(id), clock, own: () => own(id) }));
  assert.ok(a);
  return { clock, wire, a };
}

Deno.test("every member answers", async () => {
  const { clock, a } = three();
  const answers = await a.gather(["b", "c"], 500);
  assert.deepEqual([...answers], [["b", { id: "b" }], ["c", { id: "c" }]]);
  assert.equal(clock.pending, 0);
});

Deno.test("a member that is cut off is missing after the limit, and was asked more than once", async () => {
  const { clock, wire, a } = three();
  wire.cut.add("c");
  const waiting = a.gather(["b", "c"], 500);
  clock.advance(500);
  assert.deepEqual([...(await waiting).keys()], ["b"]);
  assert.ok(wire.sent > 4);
  assert.equal(clock.pending, 0);
});

Deno.test("an answer that does not fit a datagram is replaced by none", async () => {
  const { a } = three((id) => id === "b" ? "x".repeat(STATUS_LIMIT_BYTES) : { id });
  assert.deepEqual((await a.gather(["b", "c"], 500)).get("b"), null);
});

Deno.test("garbage is ignored", () => {
  const { wire } = three();
  for (const text of ["", "{", "null", "[]", '{"ask":"1"}', '{"answer":9,"status":1}', '{"answer":1}']) {
    wire.channels.get("a")?.onReceive("b", new TextEncoder().encode(text));
  }
  wire.channels.get("a")?.onReceive("b", Uint8Array.of(0xff, 0xfe));
});

Deno.test("stopping gives up open questions and leaves no timer", async () => {
  const { clock, wire, a } = three();
  wire.cut.add("b");
  const waiting = a.gather(["b"], 500);
  a.stop();
  assert.equal((await waiting).size, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("open questions are limited, the oldest is given up first", async () => {
  const { wire, a } = three();
  wire.cut.add("b");
  const questions = Array.from({ length: 17 }, () => a.gather(["b"], 500));
  assert.equal((await questions[0])?.size, 0);
  a.stop();
  await Promise.all(questions);
});
