/** What holds for the readers of HTTP/1.1 whatever they are given. */
import assert from "node:assert/strict";
import type { Random } from "../../mod/base/clock.ts";
import { forwardedResponse } from "../../mod/balance/http_rewrite.ts";
import { encodeHead, type HeadProgress, type ResponseHead, ResponseHeadParser } from "../../mod/net/http1.ts";
import { latin1Text } from "../../mod/net/http1_fields.ts";
import { forwardedProtoLine, PlainRequest } from "../../mod/net/http1_plain.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";
import { latin1Bytes } from "./http1_cases.ts";
import { nextRequest, nextResponse } from "./http1_fuzz_inputs.ts";
import { forwardedBytes, type Reading, READING_LIMITS, readRequest } from "./http1_reading.ts";
import { carelessEnds, referenceEnd, referenceHead } from "./http1_reference.ts";

type Complete = Extract<Reading, { outcome: "complete" }>;

/** Names a reading for the count of what was reached. */
function nameOf(outcome: { readonly outcome: string; readonly reason?: string }): string {
  return outcome.reason ?? outcome.outcome;
}

/** Places to cut at: all of them now and then, mostly two. */
function cutsOf(length: number, random: Random): number[] {
  if (random() < 0.05) return Array.from({ length }, (_unused, at) => at + 1);
  const two = [Math.floor(random() * length), Math.floor(random() * length)];
  return two.sort((a, b) => a - b);
}

function passOn(bytes: Uint8Array, read: Complete, clientIp: string): string {
  const content = bytes.subarray(read.headBytes, read.lengthBytes);
  return latin1Text(forwardedBytes(read.head, { clientIp, backendHost: "backend:80" })) + latin1Text(content);
}

/** What is passed on is one message to every reader, and passing it on again changes nothing but the hop that is added. */
function checkPassedOn(text: string, read: Complete, where: string): void {
  const sent = passOn(latin1Bytes(text), read, "10.0.0.1");
  const sentBytes = latin1Bytes(sent);
  assert.equal(referenceEnd(sent), sent.length, `the reference reads another message: ${where}`);
  for (const [reader, end] of Object.entries(carelessEnds(sent))) {
    assert.equal(end, sent.length, `a reader that ${reader}: ${where}`);
  }
  const again = readRequest(sentBytes);
  if (again.outcome === "refused" && again.reason === "no-forwards-left") return;
  assert.ok(again.outcome === "complete" && again.lengthBytes === sent.length, `${nameOf(again)}: ${where}`);
  assert.deepEqual(
    [again.head.method, again.head.target, again.head.framing],
    [read.head.method, read.head.target, read.head.framing],
    where,
  );
  const twice = passOn(sentBytes, again, "10.0.0.2");
  const withoutHop = twice.replace(/(\r\nX-Forwarded-For: [^\r]*), 10\.0\.0\.2\r\n/, "$1\r\n");
  // A host that the proxy itself put there is the client's the second time; Max-Forwards is one less.
  const uncounted = (one: string): string =>
    one.replace(/^max-forwards: \d+$/gim, "").replace(/^X-Forwarded-Host: .*\r\n/gm, "");
  assert.equal(uncounted(withoutHop), uncounted(sent), where);
}

const plain = new PlainRequest();
const PLAIN_ROUTE = { clientIp: "10.0.0.1", forwardedProto: forwardedProtoLine("http") };
const into = new Uint8Array(65_536);

/** The short way through a head, where it is taken, is the strict way. */
function checkPlain(bytes: Uint8Array, read: Reading, where: string): void {
  if (plain.read(bytes, 0, { end: bytes.length, limits: READING_LIMITS }) !== "plain") return;
  const { lengthBytes, contentLength, persistent } = plain;
  if (read.outcome === "incomplete") return assert.ok(lengthBytes + contentLength > bytes.length, where);
  assert.ok(read.outcome === "complete", `${nameOf(read)}, but plain: ${where}`);
  const sent = latin1Text(into.subarray(0, plain.write(into, bytes, PLAIN_ROUTE)));
  const strict = forwardedBytes(read.head, { clientIp: "10.0.0.1", backendHost: "backend:80" });
  assert.equal(sent, latin1Text(strict), where);
  assert.deepEqual([lengthBytes, persistent], [read.headBytes, read.head.persistent], where);
}

/** Requests: head and content. */
export function fuzzRequests(inputs: number): Map<string, number> {
  return rounds(inputs, 2_112, (random, where) => {
    const text = nextRequest(random);
    const input = where(text);
    const bytes = latin1Bytes(text);
    const whole = readRequest(bytes);
    assert.deepEqual(readRequest(bytes, cutsOf(bytes.length, random)), whole, `in pieces: ${input}`);
    checkPlain(bytes, whole, input);
    if (whole.outcome === "complete") {
      assert.equal(referenceEnd(text), whole.lengthBytes, `the reference ends elsewhere: ${input}`);
      checkPassedOn(text, whole, input);
    }
    return nameOf(whole);
  });
}

function readResponse(bytes: Uint8Array, method: string, cuts: readonly number[]): HeadProgress<ResponseHead> {
  const parser = new ResponseHeadParser(READING_LIMITS, method);
  for (const cut of cuts) {
    const progress = parser.next(bytes.subarray(0, cut));
    if (progress.outcome !== "incomplete") return progress;
  }
  return parser.next(bytes);
}

/** What the head says of its content, as the reference has it. */
function referenceFraming(text: string, method: string): unknown {
  const head = referenceHead(text, "response");
  if (head === null) return null;
  const { content, status, headBytes } = head;
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return [headBytes, { kind: "none" }];
  if (content === null) return [headBytes, { kind: "until-close" }];
  return [headBytes, content === "chunks" ? { kind: "chunked" } : { kind: "length", bytes: content }];
}

/** Heads of responses. */
export function fuzzResponses(inputs: number): Map<string, number> {
  return rounds(inputs, 3_113, (random, where) => {
    const text = nextResponse(random);
    const method = random() < 0.2 ? "HEAD" : "GET";
    const input = where(`${method} ${text}`);
    const bytes = latin1Bytes(text);
    const whole = readResponse(bytes, method, []);
    assert.deepEqual(readResponse(bytes, method, cutsOf(bytes.length, random)), whole, `in pieces: ${input}`);
    if (whole.outcome === "complete") {
      const { head, lengthBytes } = whole;
      assert.deepEqual([lengthBytes, head.framing], referenceFraming(text, method), `the reference: ${input}`);
      const route = { minorVersion: 1, persistent: true, chunked: head.framing.kind === "chunked" } as const;
      const outgoing = forwardedResponse(head, route);
      const again = readResponse(encodeHead(outgoing.startLine, outgoing.fields), method, []);
      assert.ok(again.outcome === "complete" && again.head.status === head.status, input);
      assert.deepEqual(again.head.framing, head.framing, input);
    }
    return nameOf(whole);
  });
}

/** Counts what each round gives; a failure names the seed, the round and the input. */
function rounds(
  inputs: number,
  fallbackSeed: number,
  round: (random: Random, where: (input: string) => string) => string,
): Map<string, number> {
  const seed = seedFromEnv(fallbackSeed);
  const random = seededRandom(seed);
  const seen = new Map<string, number>();
  for (let n = 0; n < inputs; n++) {
    let input = "";
    try {
      const name = round(random, (text) => input = `seed ${seed}, round ${n}, ${JSON.stringify(text)}`);
      seen.set(name, (seen.get(name) ?? 0) + 1);
    } catch (error) {
      throw new Error(`seed ${seed}, round ${n}: ${input}`, { cause: error });
    }
  }
  const few = ["complete", "incomplete", "bad-field-name", "control-character", "bare-lf", "length-and-chunked"]
    .filter((name) => (seen.get(name) ?? 0) < inputs / 1000);
  assert.deepEqual(few, [], `hardly reached: ${JSON.stringify([...seen])}`);
  return seen;
}

/** All of them, by name. */
export const TARGETS: readonly (readonly [string, (inputs: number) => Map<string, number>])[] = [
  ["requests", fuzzRequests],
  ["responses", fuzzResponses],
];
