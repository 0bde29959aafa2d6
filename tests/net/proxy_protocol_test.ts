import assert from "node:assert/strict";
import {
  decodeProxyHeader,
  encodeProxyHeader,
  MAX_PROXY_HEADER,
  ownProxyHeader,
  type ProxyEnds,
} from "../../mod/net/proxy_protocol.ts";
import { seededRandom } from "../fakes/random.ts";
import { latin1Bytes } from "./http1_cases.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";

function hex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function ends(from: string, to: string): ProxyEnds {
  const end = (text: string): { ip: string; port: number } => {
    const at = text.lastIndexOf(" ");
    return { ip: text.slice(0, at), port: Number(text.slice(at + 1)) };
  };
  return { source: end(from), target: end(to) };
}

/** What is said and how: both directions. */
const TABLE: readonly { version: "v1" | "v2"; ends: ProxyEnds; bytes: Uint8Array<ArrayBuffer> }[] = [
  {
    version: "v1",
    ends: ends("192.0.2.7 56324", "198.51.100.1 443"),
    bytes: latin1Bytes("PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"),
  },
  {
    version: "v1",
    ends: ends("2001:db8::1 1", "2001:db8::2 65535"),
    bytes: latin1Bytes("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"),
  },
  {
    version: "v2",
    ends: ends("192.0.2.7 56324", "198.51.100.1 443"),
    bytes: hex(`${SIGNATURE} 21 11 000c c0000207 c6336401 dc04 01bb`),
  },
  {
    version: "v2",
    ends: ends("2001:db8::1 1", "2001:db8::2 65535"),
    bytes: hex(
      `${SIGNATURE} 21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 0001 ffff`,
    ),
  },
];

for (const { version, ends, bytes } of TABLE) {
  Deno.test(`${version} says ${ends.source.ip} to ${ends.target.ip}, and is understood`, () => {
    assert.deepEqual(encodeProxyHeader(version, ends), bytes);
    assert.deepEqual(decodeProxyHeader(bytes), { outcome: "complete", lengthBytes: bytes.length, ends });
    const more = new Uint8Array([...bytes, 1, 2, 3]);
    assert.deepEqual(decodeProxyHeader(more), { outcome: "complete", lengthBytes: bytes.length, ends });
    for (let count = 0; count < bytes.length; count++) {
      assert.deepEqual(decodeProxyHeader(bytes.subarray(0, count)), { outcome: "incomplete" }, `${count} bytes`);
    }
  });
}

/** Headers that name nobody: the connection speaks for itself. */
const NAMELESS: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "UNKNOWN": latin1Bytes("PROXY UNKNOWN\r\n"),
  "UNKNOWN with whatever follows": latin1Bytes("PROXY UNKNOWN ffff::1 what ever\r\n"),
  "LOCAL": hex(`${SIGNATURE} 20 00 0000`),
  "LOCAL with addresses": hex(`${SIGNATURE} 20 11 000c c0000207 c6336401 dc04 01bb`),
  "PROXY of no family": hex(`${SIGNATURE} 21 00 0002 abcd`),
  "PROXY of datagrams": hex(`${SIGNATURE} 21 12 000c c0000207 c6336401 dc04 01bb`),
};

for (const [name, bytes] of Object.entries(NAMELESS)) {
  Deno.test(`${name} names nobody`, () => {
    assert.deepEqual(decodeProxyHeader(bytes), { outcome: "complete", lengthBytes: bytes.length, ends: null });
  });
}

Deno.test("a balancer's own connection is for nobody", () => {
  assert.deepEqual(ownProxyHeader("v1"), NAMELESS["UNKNOWN"]);
  assert.deepEqual(ownProxyHeader("v2"), NAMELESS["LOCAL"]);
});

Deno.test("what comes after the addresses in version 2 is passed over", () => {
  const bytes = hex(`${SIGNATURE} 21 11 0013 c0000207 c6336401 dc04 01bb 04 0004 00000000`);
  const progress = decodeProxyHeader(bytes);
  assert.deepEqual(progress, {
    outcome: "complete",
    lengthBytes: bytes.length,
    ends: ends("192.0.2.7 56324", "198.51.100.1 443"),
  });
});

Deno.test("without two addresses it is said that nobody is named", () => {
  const unnamed = ends(" 0", "192.0.2.7 1");
  assert.deepEqual(encodeProxyHeader("v1", unnamed), latin1Bytes("PROXY UNKNOWN\r\n"));
  assert.deepEqual(encodeProxyHeader("v2", unnamed), hex(`${SIGNATURE} 21 00 0000`));
});

Deno.test("two families are said in the wider one", () => {
  const mixed = ends("192.0.2.7 1", "2001:db8::2 2");
  const text = new TextDecoder().decode(encodeProxyHeader("v1", mixed));
  assert.equal(text, "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::2 1 2\r\n");
  const progress = decodeProxyHeader(encodeProxyHeader("v2", mixed));
  assert.ok(progress.outcome === "complete");
  assert.deepEqual(progress.ends?.source, { ip: "::ffff:192.0.2.7", port: 1 });
});

/** What is refused. */
const MALFORMED: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "a request without a header": latin1Bytes("GET / HTTP/1.1\r\n"),
  "lower case": latin1Bytes("proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n"),
  "an unknown family": latin1Bytes("PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n"),
  "a family that only begins like one": latin1Bytes("PROXY TCP4x 1.2.3.4 1.2.3.4 1 1\r\n"),
  "an address of the other family": latin1Bytes("PROXY TCP4 ::1 1.2.3.4 1 1\r\n"),
  "an IPv4 address as IPv6": latin1Bytes("PROXY TCP6 1.2.3.4 ::1 1 1\r\n"),
  "an address that others read as octal": latin1Bytes("PROXY TCP4 010.2.3.4 1.2.3.4 1 1\r\n"),
  "a port with a leading zero": latin1Bytes("PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n"),
  "a port that is too large": latin1Bytes("PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n"),
  "a negative port": latin1Bytes("PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n"),
  "two spaces": latin1Bytes("PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n"),
  "a space at the end": latin1Bytes("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n"),
  "too few fields": latin1Bytes("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"),
  "a line end without CR": latin1Bytes("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n"),
  "a line without an end": latin1Bytes(`PROXY UNKNOWN ${"x".repeat(93)}`),
  "a line whose end comes too late": latin1Bytes(`PROXY UNKNOWN ${"x".repeat(92)}\r\n`),
  "a broken signature": hex("0d0a0d0a000d0a515549540b 21 11 000c"),
  "version 1 in the form of 2": hex(`${SIGNATURE} 11 11 000c c0000207 c6336401 dc04 01bb`),
  "an unknown command": hex(`${SIGNATURE} 22 11 000c c0000207 c6336401 dc04 01bb`),
  "an unknown family in version 2": hex(`${SIGNATURE} 21 41 000c c0000207 c6336401 dc04 01bb`),
  "an unknown protocol in version 2": hex(`${SIGNATURE} 21 13 000c c0000207 c6336401 dc04 01bb`),
  "too few bytes for the addresses": hex(`${SIGNATURE} 21 11 000b c0000207 c6336401 dc04 01`),
  "more than anybody needs": hex(`${SIGNATURE} 21 11 1001`),
};

for (const [name, bytes] of Object.entries(MALFORMED)) {
  Deno.test(`refused: ${name}`, () => assert.equal(decodeProxyHeader(bytes).outcome, "malformed"));
}

Deno.test("the longest line is understood", () => {
  const line = latin1Bytes(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`);
  assert.equal(line.length, 107);
  assert.equal(decodeProxyHeader(line).outcome, "complete");
});

Deno.test("whatever bytes come, the header ends within its limit", () => {
  const seed = 20_261_121;
  const random = seededRandom(seed);
  let [complete, malformed] = [0, 0];
  for (let round = 0; round < 2000; round++) {
    const start = TABLE[Math.floor(random() * TABLE.length)]?.bytes ?? new Uint8Array();
    const bytes = new Uint8Array(MAX_PROXY_HEADER);
    bytes.set(start);
    bytes[Math.floor(random() * start.length)] = Math.floor(random() * 256);
    const progress = decodeProxyHeader(bytes);
    assert.notEqual(progress.outcome, "incomplete", `seed ${seed}, round ${round}`);
    if (progress.outcome === "complete") complete++;
    else malformed++;
  }
  assert.ok(complete > 100 && malformed > 100, `${complete} complete, ${malformed} malformed`);
});

Deno.test("every pair of ends comes back as it was", () => {
  const seed = 7;
  const random = seededRandom(seed);
  const number = (below: number): number => Math.floor(random() * below);
  for (let round = 0; round < 500; round++) {
    const ip = round % 2 === 0
      ? (): string => `${1 + number(223)}.${number(256)}.${number(256)}.${number(256)}`
      : (): string => `2001:db8:${(1 + number(0xfffe)).toString(16)}::${(1 + number(0xfffe)).toString(16)}`;
    const pair = {
      source: { ip: ip(), port: number(65_536) },
      target: { ip: ip(), port: number(65_536) },
    };
    for (const version of ["v1", "v2"] as const) {
      const progress = decodeProxyHeader(encodeProxyHeader(version, pair));
      assert.ok(progress.outcome === "complete", `seed ${seed}, round ${round}`);
      assert.deepEqual(progress.ends, pair, `seed ${seed}, round ${round}`);
    }
  }
});
