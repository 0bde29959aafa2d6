/** Published cases about the chunks themselves: sizes, extensions, line ends, trailers. */
import { chunked, passed, refused, type SmugglingCase } from "./http1_smuggling_kit.ts";

const FUNKY = "Funky Chunks (w4ke, 2025)";
const GARDEN = "HTTP Garden (Narf Industries), its list of bugs";
const PROBE = "Http11Probe";
const LLHTTP = "llhttp's tests";
const RFC = "RFC 9110 section 6.5.1";

/** Line ends that some readers take for one, after what was not one. */
const FALSE_ENDS: readonly (readonly [string, string])[] = [["LF", "\n"], ["CR", "\r"], ["CR X", "\rX"], [
  "CR CR",
  "\r\r",
]];
const FALSE_GAPS: readonly (readonly [string, string])[] = [...FALSE_ENDS, ["nothing", ""], ["XX", "XX"]];

const FUNKY_CASES = refused(400, FUNKY, [
  ...FALSE_ENDS.flatMap(([name, end]): [string, string][] => [
    [`TERM.EXT with ${name}`, chunked(`2;${end}XX\r\n10\r\n1f\r\nAAAABBBBCCCC\r\n0\r\n\r\nDDDDEEEEFFFF\r\n0\r\n\r\n`)],
    [`EXT.TERM with ${name}`, chunked(`2;${end}XX\r\n22\r\nc\r\nAAAABBBBCCCC\r\n0\r\n\r\nDDDDEEEEFFFF\r\n0\r\n\r\n`)],
  ]),
  ...FALSE_GAPS.flatMap(([name, gap]): [string, string][] => [
    [`TERM.SPILL with ${name}`, chunked(`5\r\nAAAAA${gap}c\r\n17\r\nAAAABBBB\r\n0\r\n\r\nCCCCDDDD\r\n0\r\n\r\n`)],
    [`SPILL.TERM with ${name}`, chunked(`5\r\nAAAAA${gap}1a\r\n8\r\nAAAABBBB\r\n0\r\n\r\nCCCCDDDD\r\n0\r\n\r\n`)],
  ]),
  ...[["LF", "\n"], ["CR", "\r"]].flatMap(([name, end]): [string, string][] => [
    [`ONE.TWO with ${name}`, chunked(`2\r\nXX${end}12\r\nXX\r\n19\r\nXXAAAABBBB\r\n0\r\n\r\nCCCCDDDD\r\n0\r\n\r\n`)],
    [`TWO.ONE with ${name}`, chunked(`2\r\nXX${end}10\r\n\r\nAAAABBBBCCCCDD\r\n0\r\n\r\n`)],
  ]),
  ["ZERO.TWO", chunked("2\r\nXX012\r\nXX\r\n19\r\nXXAAAABBBB\r\n0\r\n\r\nCCCCDDDD\r\n0\r\n\r\n")],
  ["TWO.ZERO", chunked("2\r\nxx010\r\n\r\nAAAABBBBCCCCDD\r\n0\r\n\r\n")],
]);

const SIZES = [
  ...refused(400, GARDEN, [
    ["a size of 0_2e", chunked("0_2e\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")],
    ["a size of -0x0", chunked("-0x0\r\n\r\n")],
    ["a size of +0", chunked("+0\r\n\r\n")],
    ["a size of -1", chunked("-1\r\nX\r\n0\r\n\r\n")],
    ["a size that is a number at first", chunked("1these-bytes-never-get-validated\r\nZ\r\n0\r\n\r\n")],
    ["a size of letters", chunked("Z\r\nZZ\r\nZZZ\r\n\r\n")],
    ["an empty size", chunked("\r\n\r\n")],
    ["no size at all but a text", chunked("INVALID!!!\r\n")],
    ["spaces before a size", chunked("           0\r\n\r\n")],
    ["an empty line before the last chunk", chunked("17\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n\r\n\r\n0\r\n\r\n")],
    ["a CR for a line end of a size", chunked("1\r0\n")],
  ]),
  ...refused(400, PROBE, [
    ["a size in 0x", chunked("0x5\r\nhello\r\n0\r\n\r\n")],
    ["a size with an underscore", chunked("1_0\r\nhello world 1234\r\n0\r\n\r\n")],
    ["a space behind a size", chunked("5 \r\nhello\r\n0\r\n\r\n")],
    ["a tab behind a size", chunked("5\t\r\nhello\r\n0\r\n\r\n")],
    ["no line end behind the data", chunked("5\r\nhello0\r\n\r\n")],
    ["more data than the size says", chunked("5\r\nhelloxx\r\n0\r\n\r\n")],
    ["an LF behind the data", chunked("5\r\nhello\n0\r\n\r\n")],
    ["a CR behind a size", chunked("5\rhello\r\n0\r\n\r\n")],
    ["an LF behind a size", chunked("5\nhello\r\n0\r\n\r\n")],
    ["an LF at the very end", chunked("5\r\nhello\r\n0\r\n\n")],
  ]),
  ...refused(400, "CVE-2013-2028 (nginx), CVE-2015-3183 (httpd)", [
    ["a size of 2^64 - 1", chunked("ffffffffffffffff\r\nX\r\n0\r\n\r\n")],
    ["a size of 2^63", chunked("8000000000000000\r\nX\r\n0\r\n\r\n")],
    ["a size beyond 64 bits", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n")],
    ["a size of 2^32 written with zeros", chunked("00000000100000000\r\nX\r\n0\r\n\r\n")],
  ]),
  ...refused(400, "CVE-2025-43859 (h11)", [["any two bytes behind the data", chunked("5\r\nhelloXX0\r\n\r\n")]]),
  ...refused(400, "CVE-2025-22871 (Go), HAProxy in 2024", [
    ["an LF behind the last size", chunked("0\n\r\n")],
    ["LFs alone", chunked("5\nhello\n0\n\n")],
  ]),
];

const EXTENSIONS = [
  ...refused(400, GARDEN, [
    ["CR CR before an extension", chunked("2\r\r;a\r\n02\r\n41\r\n0\r\n\r\nGET /bad HTTP/1.1\r\nHost: a\r\n\r\n")],
    ["CR CR behind an extension", chunked("3;a=b\r\rXXX\r\n0\r\n\r\n")],
    ["CR CR and a long extension", chunked("5\r\r;ABCD\r\n34\r\nE\r\n0\r\n\r\n")],
  ]),
  ...refused(400, PROBE, [
    ["a semicolon and nothing", chunked("5;\r\nhello\r\n0\r\n\r\n")],
    ["a NUL in an extension", chunked("5;a\x00b\r\nhello\r\n0\r\n\r\n")],
    ["a CR in an extension", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n")],
    ["a value without a name", chunked("5;=b\r\nhello\r\n0\r\n\r\n")],
    ["a name without its value", chunked("5;a=\r\nhello\r\n0\r\n\r\n")],
  ]),
  ...refused(400, LLHTTP, [
    ["an extension without a semicolon", chunked("2 erfrferferf\r\naa\r\n0 rrrr\r\n\r\n")],
    ["a quote that does not end", chunked('5;a="abc";b="def; ghi\r\nhello\r\n0\r\n\r\n')],
    ["a comma in an extension", chunked("5;a,b\r\nhello\r\n0\r\n\r\n")],
  ]),
  ...refused(400, "CVE-2021-22960 (node), CVE-2025-55315 (Kestrel), CVE-2025-58056 (netty)", [
    ["an LF within an extension", chunked("2;a\nxx\r\n45\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n")],
    ["an LF within a quoted extension", chunked('2;a="\nxx\r\n0\r\n\r\n')],
    ["a CRLF within a quoted extension", chunked('2;a="\r\nxx\r\n0\r\n\r\n')],
    ["an escaped CRLF within a quoted extension", chunked('2;a="\\\r\nxx\r\n0\r\n\r\n')],
  ]),
  ...refused(400, "CVE-2023-39326 (Go)", [
    ["one long extension", chunked(`1;${"x".repeat(300)}\r\na\r\n0\r\n\r\n`)],
    ["many extensions", chunked(`${`1;${"x".repeat(200)}\r\na\r\n`.repeat(90)}0\r\n\r\n`)],
  ]),
];

const TRAILERS = [
  ...refused(400, RFC, [
    ["a length in a trailer", chunked("5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n")],
    ["a coding in a trailer", chunked("5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n")],
    ["a Host in a trailer", chunked("5\r\nhello\r\n0\r\nHost: evil\r\n\r\n")],
    ["an Authorization in a trailer", chunked("0\r\nX: y\r\nauthorization: Basic eDp5\r\n\r\n")],
    ["X-Forwarded-For in a trailer", chunked("0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")],
    ["a disguised length in a trailer", chunked("0\r\nContent_Length: 5\r\n\r\n")],
    ["Connection in a trailer", chunked("0\r\nConnection: close\r\n\r\n")],
  ]),
  ...refused(400, "CVE-2023-40175 (Puma)", [
    ["two bytes for the last line end", chunked("0\r\nXXGET / HTTP/1.1\r\nHost: a\r\n\r\n")],
  ]),
  ...refused(400, "RFC 9112 section 5.2", [
    ["a folded trailer", chunked("0\r\nX: y\r\n z\r\n\r\n")],
    ["a space before a trailer", chunked("0\r\n X: y\r\n\r\n")],
    ["a space before a trailer's colon", chunked("0\r\nX : y\r\n\r\n")],
    ["a trailer without a name", chunked("0\r\n: y\r\n\r\n")],
    ["a NUL in a trailer", chunked("0\r\nX: \x00\r\n\r\n")],
    ["an LF behind a trailer", chunked("0\r\nX: y\n\r\n")],
    ["a CR in a trailer", chunked("0\r\nX: y\rContent-Length: 5\r\n\r\n")],
  ]),
  ...refused(400, "CVE-2023-46589 (Tomcat)", [
    ["trailers over the limit", chunked(`0\r\nX: ${"y".repeat(20_000)}\r\n\r\n`)],
  ]),
];

function passedChunks(source: string, name: string, content: string): SmugglingCase {
  return passed(source, name, {
    bytes: chunked(content),
    start: "POST / HTTP/1.1",
    after: ["Transfer-Encoding: chunked"],
    content,
  });
}

const PASSED = [
  passedChunks(LLHTTP, "names and values of extensions", "5;ilovew3;somuchlove=x;another=y\r\nhello\r\n0;z\r\n\r\n"),
  passedChunks(LLHTTP, "quoted extensions", '5;a="I \\"love\\"; \\\\extensions\\\\";b;c=d\r\nhello\r\n0\r\n\r\n'),
  passedChunks(
    LLHTTP,
    "sizes in either case, a last one of three zeros",
    "a\r\n0123456789\r\nB\r\n0123456789a\r\n000\r\n\r\n",
  ),
  passedChunks(
    "RFC 9112 section 7.1.2",
    "trailers that say something of the content",
    "1\r\nx\r\n0\r\nDigest: abc=\r\nX:y\r\n\r\n",
  ),
  passedChunks(
    GARDEN,
    "data that looks like chunks and requests",
    "1d\r\n0\r\n\r\nGET / HTTP/1.1\r\nX: y\r\n\r\n\r\n0\r\n\r\n",
  ),
  passedChunks(PROBE, "leading zeros of a size", "0005\r\nhello\r\n0\r\n\r\n"),
];

/** All about chunks. */
export const CHUNK_CASES: readonly SmugglingCase[] = [
  ...FUNKY_CASES,
  ...SIZES,
  ...EXTENSIONS,
  ...TRAILERS,
  ...PASSED,
];
