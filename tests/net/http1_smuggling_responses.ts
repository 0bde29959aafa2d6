/** Published cases of answers: what a backend says that two readers would end in two places. */

/** A backend's answer, and what becomes of it. */
export interface ResponseCase {
  readonly name: string;
  readonly source: string;
  /** Of the request that it answers. */
  readonly method: "GET" | "HEAD";
  readonly bytes: string;
  /** What an HTTP/1.1 client that asked for a close gets; null: 502. */
  readonly as: string | null;
}

const SPLITTING = "Divide and Conquer: HTTP Response Splitting (Amit Klein, 2004)";
const RFC_LENGTH = "RFC 9112 section 6.3";
const RFC_SYNTAX = "RFC 9112 sections 2.2, 4 and 5";
const RFC_INTERIM = "RFC 9110 sections 8.6 and 15.2";
const OK = "HTTP/1.1 200 OK\r\n";

function refused(source: string, rows: readonly (readonly [string, string])[]): ResponseCase[] {
  return rows.map(([name, bytes]) => ({ name, source, method: "GET", bytes, as: null }));
}

const REFUSED = [
  ...refused(RFC_LENGTH, [
    ["a length and chunks", `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ["two lengths that differ", `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx`],
    ["two equal lengths", `${OK}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`],
    ["a list of lengths", `${OK}Content-Length: 1, 1\r\n\r\nx`],
    ["a length with a sign", `${OK}Content-Length: +1\r\n\r\nx`],
    ["a negative length", `${OK}Content-Length: -1\r\n\r\nx`],
    ["an empty length", `${OK}Content-Length:\r\n\r\nx`],
    ["a length in base 16", `${OK}Content-Length: 0x1\r\n\r\nx`],
    ["an unknown coding", `${OK}Transfer-Encoding: gzip\r\n\r\nx`],
    ["chunked and identity", `${OK}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
    ["chunked with a comma", `${OK}Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n`],
    ["chunked behind a vertical tab", `${OK}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
    ["chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["chunks that are none", `${OK}Transfer-Encoding: chunked\r\n\r\nhello`],
    ["a chunk of -1", `${OK}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n`],
    ["a chunk with an LF", `${OK}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n`],
    ["a length in a trailer", `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n`],
    ["a cookie in a trailer", `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nSet-Cookie: a=b\r\n\r\n`],
  ]),
  ...refused(SPLITTING, [
    ["a bare CR in a value", `${OK}Location: /x\rContent-Length: 0\r\nContent-Length: 1\r\n\r\nx`],
    ["a bare LF in a value", `${OK}Location: /x\nSet-Cookie: a=b\r\nContent-Length: 1\r\n\r\nx`],
    ["CR and another status line", `${OK}X: y\r\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx`],
    ["a NUL in a value", `${OK}X: a\x00b\r\nContent-Length: 1\r\n\r\nx`],
  ]),
  ...refused(RFC_SYNTAX, [
    ["LFs for line ends", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx"],
    ["a folded value", `${OK}X: a\r\n b\r\nContent-Length: 1\r\n\r\nx`],
    ["a space before a colon", `${OK}Content-Length : 1\r\n\r\nx`],
    ["an empty name", `${OK}: x\r\nContent-Length: 1\r\n\r\nx`],
    ["a line without a colon", `${OK}X\r\nContent-Length: 1\r\n\r\nx`],
    ["a length with an underscore", `${OK}Content_Length: 1\r\n\r\nx`],
    ["a length named in Connection", `${OK}Content-Length: 1\r\nConnection: Content-Length\r\n\r\nx`],
    ["an empty line first", `\r\n${OK}Content-Length: 1\r\n\r\nx`],
    ["a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 1\r\n\r\nx"],
    ["a status of 99", "HTTP/1.1 099 X\r\nContent-Length: 1\r\n\r\nx"],
    ["a status of 600", "HTTP/1.1 600 X\r\nContent-Length: 1\r\n\r\nx"],
    ["two spaces before the status", "HTTP/1.1  200 OK\r\nContent-Length: 1\r\n\r\nx"],
    ["HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx"],
    ["another protocol", "ICY 200 OK\r\nContent-Length: 1\r\n\r\nx"],
    ["HTTP/0.9, a text without a head", "hello\r\n\r\n"],
    ["a head over the limit", `${OK}X: ${"a".repeat(20_000)}\r\n\r\n`],
    ["too many fields", `${OK}${"X: a\r\n".repeat(100)}\r\n`],
  ]),
  ...refused(RFC_INTERIM, [
    ["101 that nobody asked for", "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"],
    [
      "an interim answer with a length",
      `HTTP/1.1 103 E\r\nContent-Length: 4\r\n\r\nevil${OK}Content-Length: 0\r\n\r\n`,
    ],
    [
      "an answer within an interim answer",
      `HTTP/1.1 103 E\r\nContent-Length: 42\r\n\r\n${OK}Content-Length: 4\r\n\r\nevil${OK}Content-Length: 0\r\n\r\n`,
    ],
    ["an interim answer in chunks", `HTTP/1.1 100 C\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${OK}\r\n`],
    ["interim answers without end", "HTTP/1.1 103 E\r\nLink: a\r\n\r\n".repeat(50)],
  ]),
];

const PASSED: readonly ResponseCase[] = [
  {
    name: "204 with a length and content",
    source: RFC_INTERIM,
    method: "GET",
    bytes: "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil",
    as: "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
  },
  {
    name: "304 with the length of what it does not send",
    source: RFC_LENGTH,
    method: "GET",
    bytes: "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil",
    as: "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
  },
  {
    name: "content for HEAD",
    source: RFC_LENGTH,
    method: "HEAD",
    bytes: `${OK}Content-Length: 4\r\n\r\nevil`,
    as: `${OK}Content-Length: 4\r\nConnection: close\r\n\r\n`,
  },
  {
    name: "another answer behind the answer",
    source: SPLITTING,
    method: "GET",
    bytes: `${OK}Content-Length: 4\r\n\r\ngood${OK}Content-Length: 4\r\n\r\nevil`,
    as: `${OK}Content-Length: 4\r\nConnection: close\r\n\r\ngood`,
  },
  {
    name: "fields named in Connection go",
    source: "RFC 9110 section 7.6.1",
    method: "GET",
    bytes: `${OK}Connection: X-Secret, close\r\nX-Secret: 1\r\nKeep-Alive: x\r\nContent-Length: 2\r\n\r\nhi`,
    as: `${OK}Content-Length: 2\r\nConnection: close\r\n\r\nhi`,
  },
  {
    name: "an early hint before the answer",
    source: RFC_INTERIM,
    method: "GET",
    bytes: `HTTP/1.1 103 E\r\nLink: a\r\nConnection: x\r\nX: 1\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
    as: `HTTP/1.1 103 E\r\nLink: a\r\n\r\n${OK}Content-Length: 2\r\nConnection: close\r\n\r\nhi`,
  },
];

/** All of them. */
export const RESPONSE_CASES: readonly ResponseCase[] = [...REFUSED, ...PASSED];
