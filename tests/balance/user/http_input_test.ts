import assert from "node:assert/strict";
import { HeldInput, ScratchInput, sendWithHead, SpareBuffers, viewOf } from "../../../mod/balance/user/http_input.ts";
import { latin1Text } from "../../../mod/net/http1_fields.ts";
import { seededRandom, seedFromEnv } from "../../fakes/random.ts";
import { latin1Bytes } from "../../net/http1_cases.ts";
import { FakeLoop } from "./fake_flow.ts";

function inputOf(text: string): { bytes: Uint8Array<ArrayBuffer>; start: number; end: number } {
  return { bytes: latin1Bytes(`before${text}behind`), start: 6, end: 6 + text.length };
}

Deno.test("what is held comes out as it came in, however it comes and is used", () => {
  const seed = seedFromEnv(5);
  const random = seededRandom(seed);
  const held = new HeldInput(new SpareBuffers());
  let expected = "";
  let used = 0;
  for (let n = 0; n < 2000; n++) {
    const text = `${n},`.repeat(Math.floor(random() * (n % 50 === 0 ? 3000 : 20)));
    const input = inputOf(text);
    held.append(input);
    assert.equal(input.start, input.end, "it is taken over");
    expected += text;
    const count = Math.floor(random() * (held.length + 1));
    assert.equal(latin1Text(viewOf(held)), expected.slice(used), `seed ${seed}, step ${n}`);
    held.consume(count);
    used += count;
  }
  held.consume(held.length);
  assert.equal(held.bytes.length, 0, "no buffer stays");
});

Deno.test("a head and its content leave with one send, wherever there is room", () => {
  const rows: [string, string, number][] = [["head ", "content", 100], [
    "a head that is longer than what was before ",
    "c",
    3,
  ], [
    "head",
    "",
    0,
  ]];
  for (const [head, content, room] of rows) {
    const flow = new FakeLoop().flow();
    let sends = 0;
    const send = flow.send.bind(flow);
    flow.send = (bytes, count): boolean => {
      sends++;
      return send(bytes, count);
    };
    const bytes = latin1Bytes(`${"x".repeat(room)}${content}rest`);
    const written = { bytes: latin1Bytes(`${head}stale`), length: head.length };
    sendWithHead(flow, written, { bytes, start: room, end: room + content.length });
    assert.deepEqual([flow.take(), sends], [head + content, 1]);
    assert.equal(latin1Text(bytes.subarray(room + content.length)), "rest");
  }
});

Deno.test("the scratch gives what a flow gave, and sends what was used of it", () => {
  const loop = new FakeLoop(2048 + 10);
  const scratch = new ScratchInput(loop.scratch);
  const [from, to] = [loop.flow(), loop.flow()];
  assert.equal(scratch.receiveContent(from), 0);
  from.give("0123456789abc");
  assert.equal(scratch.receiveHead(from), 10);
  scratch.start += 4;
  scratch.sendUsed(to);
  assert.deepEqual([to.take(), latin1Text(viewOf(scratch))], ["0123", "456789"]);
  from.end();
  assert.equal(scratch.receiveContent(from), 3);
  assert.equal(scratch.receiveContent(from), -1);
  assert.equal(viewOf(scratch).length, 0);
});
