import assert from "node:assert/strict";
import type { Transform } from "../../../mod/balance/http_body.ts";
import { Content } from "../../../mod/balance/user/http_content.ts";
import { ScratchInput } from "../../../mod/balance/user/http_input.ts";
import type { Framing } from "../../../mod/net/http1.ts";
import { latin1Text } from "../../../mod/net/http1_fields.ts";
import { type FakeFlow, FakeLoop } from "./fake_flow.ts";

const LIMITS = { maxTrailerBytes: 100, maxContentBytes: 20 };

function world(scratchBytes = 4096): { from: FakeFlow; to: FakeFlow; scratch: ScratchInput; content: Content } {
  const loop = new FakeLoop(scratchBytes);
  const scratch = new ScratchInput(loop.scratch);
  return { from: loop.flow(), to: loop.flow(), scratch, content: new Content(scratch) };
}

const ROWS: { framing: Framing; transform: Transform; given: string; outcome: string; sent: string; rest: string }[] = [
  { framing: { kind: "none" }, transform: "as-is", given: "GET", outcome: "complete", sent: "", rest: "GET" },
  { framing: { kind: "length", bytes: 5 }, transform: "as-is", given: "hel", outcome: "more", sent: "hel", rest: "" },
  {
    framing: { kind: "length", bytes: 5 },
    transform: "as-is",
    given: "hello!",
    outcome: "complete",
    sent: "hello",
    rest: "!",
  },
  {
    framing: { kind: "chunked" },
    transform: "as-is",
    given: "2\r\nhi\r\n",
    outcome: "more",
    sent: "2\r\nhi\r\n",
    rest: "",
  },
  {
    framing: { kind: "chunked" },
    transform: "as-is",
    given: "2\r\nhi\r\n0\r\n\r\n!",
    outcome: "complete",
    sent: "2\r\nhi\r\n0\r\n\r\n",
    rest: "!",
  },
  {
    framing: { kind: "chunked" },
    transform: "out-of-chunks",
    given: "2\r\nhi\r\n3\r\n, a\r\n0\r\nX: y\r\n\r\n!",
    outcome: "complete",
    sent: "hi, a",
    rest: "!",
  },
  { framing: { kind: "chunked" }, transform: "as-is", given: "x", outcome: "malformed", sent: "", rest: "x" },
  { framing: { kind: "chunked" }, transform: "as-is", given: "15\r\n", outcome: "too-large", sent: "", rest: "15\r\n" },
  { framing: { kind: "until-close" }, transform: "as-is", given: "hi", outcome: "more", sent: "hi", rest: "" },
  {
    framing: { kind: "until-close" },
    transform: "into-chunks",
    given: "hi",
    outcome: "more",
    sent: "2\r\nhi\r\n",
    rest: "",
  },
];

Deno.test("content goes on in its form, and what is behind it stays", () => {
  for (const { framing, transform, given, outcome, sent, rest } of ROWS) {
    const { from, to, scratch, content } = world();
    content.begin({ framing, transform, limits: LIMITS });
    from.give(given);
    assert.equal(content.pump(from, to), outcome, given);
    assert.equal(to.take(), sent, given);
    const left = outcome === "more" ? "" : latin1Text(scratch.bytes.subarray(scratch.start, scratch.end));
    assert.equal(left, rest, given);
  }
});

Deno.test("an end is told from a break, and only content until the end may end so", () => {
  const { from, to, content } = world();
  content.begin({ framing: { kind: "until-close" }, transform: "into-chunks", limits: LIMITS });
  from.end();
  assert.equal(content.pump(from, to), "ended");
  assert.equal(latin1Text(content.atEnd() ?? new Uint8Array(0)), "0\r\n\r\n");
  from.close();
  assert.equal(content.pump(from, to), "broken");
  for (const framing of [{ kind: "length", bytes: 1 }, { kind: "chunked" }] as const) {
    content.begin({ framing, transform: "as-is", limits: LIMITS });
    assert.equal(content.atEnd(), null);
  }
});

Deno.test("a sink that keeps something gets nothing more, and a source that never ends has to wait for its turn", () => {
  const { from, to, content } = world(2048 + 10);
  content.begin({ framing: { kind: "length", bytes: 1000 }, transform: "as-is", limits: LIMITS });
  to.room = 5;
  from.give("x".repeat(200));
  assert.equal(content.pump(from, to), "more");
  assert.deepEqual([to.keptBytes, from.waiting], [5, 190]);
  assert.equal(content.pump(from, to), "more");
  assert.equal(from.waiting, 190);
  to.drain();
  assert.equal(content.pump(from, to), "more");
  assert.deepEqual([from.waiting, from.wantsAgain], [110, true]);
});

Deno.test("less is kept for a receiver that is slow, and more is received for one that is fast", () => {
  const { from, to, content } = world(2048 + 256 * 1024);
  content.begin({ framing: { kind: "length", bytes: 1e9 }, transform: "as-is", limits: LIMITS });
  const received: number[] = [];
  const pump = (room: number): void => {
    to.drain(room);
    const before = from.receivedBytes;
    content.pump(from, to);
    received.push((from.receivedBytes - before) / 1024);
  };
  from.give("x".repeat(2 * 1024 * 1024));
  for (let n = 0; n < 4; n++) pump(to.keptBytes);
  assert.deepEqual(received, [64, 32, 16, 16]);
  pump(Infinity);
  assert.deepEqual(received.at(-1), 16 + 32 + 64 + 128 + 256 + 256 + 256 + 256, "so often one has its turn");
});
