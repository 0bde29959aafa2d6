import assert from "node:assert/strict";
import { HeadReader } from "../../../mod/balance/user/http_head_reader.ts";
import { ScratchInput, SpareBuffers, viewOf } from "../../../mod/balance/user/http_input.ts";
import { type RequestHead, RequestHeadParser } from "../../../mod/net/http1.ts";
import { latin1Text } from "../../../mod/net/http1_fields.ts";
import { PlainRequest } from "../../../mod/net/http1_plain.ts";
import { REQUEST_CASES } from "../../net/http1_cases.ts";
import { type FakeFlow, FakeLoop } from "./fake_flow.ts";

const LIMITS = { maxHeadBytes: 8192, maxHeaders: 64 };
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ODD = "GET / HTTP/1.1\r\nHost:a\r\n\r\n";

function world(): { flow: FakeFlow; reader: HeadReader<RequestHead> } {
  const loop = new FakeLoop();
  const reader = new HeadReader<RequestHead>({
    scratch: new ScratchInput(loop.scratch),
    buffers: new SpareBuffers(),
    plain: new PlainRequest(),
    strict: () => new RequestHeadParser(LIMITS),
  });
  return { flow: loop.flow(), reader };
}

/** Uses up what was read, as an exchange does. */
function use(reader: HeadReader<RequestHead>): string {
  const head = latin1Text(viewOf(reader.input)).slice(0, reader.lengthBytes);
  reader.input.start += reader.lengthBytes;
  reader.holdRest();
  return head;
}

Deno.test("heads come out one after the other, plain or not, however they came in", () => {
  const heads = [GET, ODD, GET, GET, ODD, ODD];
  const whole = heads.join("");
  for (let size = 1; size <= whole.length; size++) {
    const { flow, reader } = world();
    const got: string[] = [];
    for (let at = 0; at < whole.length; at += size) {
      flow.give(whole.slice(at, at + size));
      while (reader.read(flow, LIMITS) !== "none") got.push(use(reader));
    }
    assert.deepEqual(got, heads, `pieces of ${size}`);
    assert.deepEqual([reader.held.length, reader.isBegun], [0, false]);
  }
});

Deno.test("what is plain is left to the strict parser where it must not be", () => {
  const { flow, reader } = world();
  flow.give(GET);
  assert.equal(reader.read(flow, LIMITS, false), "strict");
  assert.equal(reader.head?.authority, "a");
});

Deno.test("refusals are the strict parser's, and ends are told", () => {
  for (const { what, text, expected } of REQUEST_CASES) {
    const { flow, reader } = world();
    flow.give(text);
    const outcome = reader.read(flow, LIMITS);
    if (expected === "accepted") assert.ok(outcome === "plain" || outcome === "strict", what);
    else if (outcome === "refused") assert.equal(reader.reason, expected, what);
    else assert.equal(outcome, "none", what);
  }
  const { flow, reader } = world();
  flow.give("GET");
  assert.equal(reader.read(flow, LIMITS), "none");
  assert.ok(reader.isBegun);
  flow.end();
  assert.equal(reader.read(flow, LIMITS), "ended");
  flow.close();
  assert.equal(reader.read(flow, LIMITS), "broken");
  reader.reset();
  assert.deepEqual([reader.isBegun, reader.held.length], [false, 0]);
});
