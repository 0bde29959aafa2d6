import assert from "node:assert/strict";
import { BodyCursor, forwardBody, type Transform } from "../../mod/balance/http_body.ts";
import { ByteStream } from "../../mod/balance/byte_stream.ts";
import type { Framing } from "../../mod/net/http1.ts";
import { latin1Text } from "../../mod/net/http1_fields.ts";
import { latin1Bytes } from "../net/http1_cases.ts";
import { connectedPair, RawConn, streamContext } from "./kit.ts";

const LIMITS = { maxTrailerBytes: 100, maxContentBytes: 20 };
const CHUNKS = "3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n";

interface Row {
  readonly framing: Framing;
  readonly transform: Transform;
  readonly sent: string;
  readonly written: string;
  readonly left: string;
  readonly end: string;
}

const ROWS: readonly Row[] = [
  { framing: { kind: "none" }, transform: "as-is", sent: "next", written: "", left: "next", end: "complete" },
  {
    framing: { kind: "length", bytes: 0 },
    transform: "as-is",
    sent: "next",
    written: "",
    left: "next",
    end: "complete",
  },
  {
    framing: { kind: "length", bytes: 3 },
    transform: "as-is",
    sent: "abcd",
    written: "abc",
    left: "d",
    end: "complete",
  },
  {
    framing: { kind: "length", bytes: 9 },
    transform: "as-is",
    sent: "abcd",
    written: "abcd",
    left: "",
    end: "truncated",
  },
  { framing: { kind: "chunked" }, transform: "as-is", sent: `${CHUNKS}n`, written: CHUNKS, left: "n", end: "complete" },
  {
    framing: { kind: "chunked" },
    transform: "out-of-chunks",
    sent: CHUNKS,
    written: "abcde",
    left: "",
    end: "complete",
  },
  { framing: { kind: "chunked" }, transform: "as-is", sent: "3\r\nab", written: "3\r\nab", left: "", end: "truncated" },
  { framing: { kind: "chunked" }, transform: "as-is", sent: "x", written: "", left: "x", end: "malformed" },
  { framing: { kind: "until-close" }, transform: "as-is", sent: "abc", written: "abc", left: "", end: "complete" },
  {
    framing: { kind: "chunked" },
    transform: "as-is",
    sent: "15\r\n",
    written: "",
    left: "15\r\n",
    end: "too-large",
  },
  {
    framing: { kind: "until-close" },
    transform: "as-is",
    sent: "x".repeat(21),
    written: "",
    left: "x".repeat(21),
    end: "too-large",
  },
  {
    framing: { kind: "until-close" },
    transform: "into-chunks",
    sent: "abcdefghijklmnop",
    written: "10\r\nabcdefghijklmnop\r\n0\r\n\r\n",
    left: "",
    end: "complete",
  },
];

Deno.test("content is forwarded as its framing says, and what follows stays", async () => {
  for (const row of ROWS) {
    const context = streamContext();
    const [[sender, source], [sink, receiver]] = await Promise.all([connectedPair(), connectedPair()]);
    const from = ByteStream.adopt(source, context);
    const to = ByteStream.adopt(sink, context);
    assert.ok(from !== null && to !== null);
    const input = new RawConn(sender);
    const output = new RawConn(receiver);
    await input.send(row.sent);
    await input.tcp.closeWrite();
    // All of it at once, as the outcome of "malformed" depends on the pieces that were passed before.
    while (from.buffered.length < row.sent.length) await from.fill();
    const options = {
      framing: row.framing,
      transform: row.transform,
      limits: LIMITS,
      head: latin1Bytes("H:"),
      touch: (): void => {},
    };
    const what = JSON.stringify(row);
    assert.equal(await forwardBody(from, to, options), row.end, what);
    assert.equal(latin1Text(from.buffered), row.left, what);
    to.cut();
    assert.equal(
      await output.rest(),
      row.end === "malformed" || row.end === "too-large" ? "" : `H:${row.written}`,
      what,
    );
    from.cut();
    input.close();
    output.close();
  }
});

Deno.test("a sink that is gone ends the forwarding", async () => {
  const context = streamContext();
  const [[sender, source], [sink, receiver]] = await Promise.all([connectedPair(), connectedPair()]);
  const from = ByteStream.adopt(source, context);
  const to = ByteStream.adopt(sink, context);
  assert.ok(from !== null && to !== null);
  receiver.close();
  const input = new RawConn(sender);
  const framing = { kind: "until-close" } as const;
  const options = {
    framing,
    transform: "as-is",
    limits: { maxTrailerBytes: 100 },
    head: latin1Bytes("H"),
    touch: (): void => {},
  } as const;
  const forwarded = forwardBody(from, to, options);
  const sending = (async () => {
    for (;;) await input.send("x".repeat(1000));
  })().catch(() => "stopped");
  assert.equal(await forwarded, "sink-broken");
  from.cut();
  to.cut();
  input.close();
  assert.equal(await sending, "stopped");
});

Deno.test("until the end of the connection nothing is complete", () => {
  const cursor = new BodyCursor({ framing: { kind: "length", bytes: 5 }, transform: "as-is", limits: LIMITS });
  assert.equal(cursor.next(latin1Bytes("abc")).outcome, "more");
  assert.equal(cursor.atEnd(), null);
  assert.equal(cursor.next(latin1Bytes("de")).outcome, "complete");
});
