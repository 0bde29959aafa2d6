/** Published cases about heads: request lines, targets, hosts, field syntax, what belongs to one connection. */
import { get, line, passed, post, refused, type SmugglingCase } from "./http1_smuggling_kit.ts";

const GARDEN = "HTTP Garden (Narf Industries), its list of bugs";
const PROBE = "Http11Probe";
const TROUBLES = "Host of Troubles (Chen and others, 2016)";
const MUST_DIE = "HTTP/1.1 Must Die (PortSwigger, 2025)";
const HOP = "Abusing HTTP hop-by-hop request headers (Nathan Davison, 2019)";
const H2C = "h2c smuggling (Bishop Fox, 2020)";
const GUARDIAN = "http-desync-guardian (AWS)";
const PLAIN = "GET / HTTP/1.1\r\n";

const REQUEST_LINES = [
  ...refused(400, GARDEN, [
    ["a method of separators", line('G=":<>(e),[T];?" /get HTTP/1.1')],
    ["a NUL for a method", line("\x00 / HTTP/1.1")],
    ["a target of !", line("GET ! HTTP/1.1")],
    ["an LF in the request line", line("GET /\nHTTP/1.1")],
    ["two digits in the version", line("GET /test HTTP/1.32")],
    ["a version without digits", line("GET / HTTP/")],
    ["CRs in the version", line("GET / HTTP/\r\r1.1")],
    ["a version that overflows", line("GET / HTTP/4294967295.255")],
  ]),
  ...refused(400, "RFC 9112 sections 2.3 and 3", [
    ["HTTP/0.9", "GET /\r\n\r\n"],
    ["HTTP/1.10", line("GET / HTTP/1.10")],
    ["HTTP/01.1", line("GET / HTTP/01.1")],
    ["HTTP/1", line("GET / HTTP/1")],
    ["lower case", line("GET / http/1.1")],
    ["another protocol", line("GET / ICY/1.1")],
    ["two spaces", line("GET  / HTTP/1.1")],
    ["tabs for spaces", line("GET\t/\tHTTP/1.1")],
    ["a space behind the version", line("GET / HTTP/1.1 ")],
    ["a space first", line(" GET / HTTP/1.1")],
    ["no target", line("GET HTTP/1.1")],
    ["two empty lines first", `\r\n\r\n${get("A: b")}`],
    ["an LF first", `\n${get("A: b")}`],
    ["a fragment", line("GET /a#b HTTP/1.1")],
    ["a backslash in the path", line("GET /a\\..\\b HTTP/1.1")],
    ["an asterisk for GET", line("GET * HTTP/1.1")],
    ["user and password in the target", line("GET http://user:pw@a/ HTTP/1.1")],
    ["another scheme", line("GET gopher://a/ HTTP/1.1")],
    ["no authority", line("GET http:///x HTTP/1.1")],
    ["a TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ]),
  ...refused(400, GUARDIAN, [
    ["a tab in the target", line("GET /a\tHTTP/1.1 HTTP/1.1")],
    ["0x01 in the target", line("GET /a\x01HTTP/1.1 HTTP/1.1")],
    ["a space in the target", line("GET /a?b=not escaped HTTP/1.1")],
    ["two versions", line("GET /a HTTP/1.1 HTTP/1.1")],
    ["a CR in the target", line("GET /a\rHTTP/1.1 HTTP/1.1")],
    ["a NUL in the target", line("GET /a\x00HTTP/1.1 HTTP/1.1")],
    ["a byte above ASCII in the target", line("GET /caf\xc3\xa9 HTTP/1.1")],
    ["a DEL in the target", line("GET /\x7f HTTP/1.1")],
  ]),
  ...refused(400, "CVE-2013-4547 (nginx)", [["a space and a NUL in the target", line("GET /a \x00.php HTTP/1.1")]]),
  ...refused(505, "RFC 9113 section 3.4", [
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["HTTP/2.0 in the request line", line("GET / HTTP/2.0")],
    ["HTTP/0.9 spelled out", line("GET / HTTP/0.9")],
  ]),
  ...refused(501, "RFC 9110 section 9.3.6", [["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"]]),
  ...refused(414, PROBE, [
    ["a target of 100 kB", line(`GET /${"A".repeat(100_000)} HTTP/1.1`)],
    ["a method of 100 kB", line(`${"A".repeat(100_000)} / HTTP/1.1`)],
  ]),
];

const FIELDS = [
  ...refused(431, PROBE, [
    ["a value of 100 kB", get(`X: ${"B".repeat(100_000)}`)],
    ["a name of 100 kB", get(`${"B".repeat(100_000)}: x`)],
    ["10,000 fields", get(Array.from({ length: 10_000 }, (_unused, n) => `X-${n}: v`).join("\r\n"))],
  ]),
  ...refused(400, GARDEN, [
    ["a NUL and a CR in a value", get("Header: v\x00\ralue")],
    ["a NUL in a Host", "GET / HTTP/1.1\r\nHost: google.com\x00.kallus.org\r\n\r\n"],
    ["a NUL that cuts a value off", get("Test: test\x00THESE BYTES GET DROPPED")],
    ["a NUL behind a value", get("Evil: evil\x00")],
    ["a NUL in a line without a colon", get("a:b\r\nc\x00")],
    ["a CR for a line end", get("Visible: :/\rSmuggled: :)")],
    ["CRs in a value", get("Invalid-Header: this\rvalue\ris\rinvalid")],
    ["a name above ASCII", get("\xefoo: bar")],
    ["a name with 0x85", get("Header\x85: value")],
    ["a name of separators", get('"(),/;<=>?@[/]{}: whatever')],
    ["an empty name and value", get(":\r\nI: am chopped off")],
    ["a name that is cut by an LF", get("Te\nst: test")],
    ["CR and a byte for the blank line", `GET / HTTP/1.1\r\nHost: a\r\n\rZGET /evil: HTTP/1.1\r\nHost: a\r\n\r\n`],
    ["LFs before a value", get("Useless:\n\nGET / HTTP/1.1")],
    ["LFs for all line ends", "GET / HTTP/1.1\nHost: whatever\nConnection: close\n\n"],
  ]),
  ...refused(400, "CVE-2023-25725 (HAProxy)", [["an empty name", `${PLAIN}: ignored\r\nHost: a\r\n\r\n`]]),
  ...refused(400, "RFC 9112 section 5", [
    ["a line without a colon", get("Just text")],
    ["a folded value", get("X: a\r\n b")],
    ["a value folded by a tab", get("X: a\r\n\tb")],
    ["white space before the first field", `${PLAIN} \r\nHost: a\r\n\r\n`],
    ["a bell in a value", get("X: a\x07b")],
    ["an escape in a value", get("X: a\x1bb")],
    ["a DEL in a value", get("X: a\x7fb")],
    ["CR CR LF", get("X: a\r")],
  ]),
];

const HOSTS = [
  ...refused(400, TROUBLES, [
    ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
    ["two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
    ["two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"],
    ["a Host behind a space, first", "GET / HTTP/1.1\r\n Host: b\r\nHost: a\r\n\r\n"],
    ["a Host behind a space, last", "GET / HTTP/1.1\r\nHost: a\r\n Host: b\r\n\r\n"],
    ["a space behind the name", "GET / HTTP/1.1\r\nHost : b\r\nHost: a\r\n\r\n"],
    ["a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"],
    ["an absolute target and two Hosts", "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
    ["an absolute target and no Host", "GET http://a/ HTTP/1.1\r\n\r\n"],
    ["an absolute target with an at sign", line("GET http://a:80@b/ HTTP/1.1")],
    ["an absolute target with a backslash", line("GET http://a\\@b/ HTTP/1.1")],
  ]),
  ...refused(400, "RFC 9112 section 3.2", [
    ["no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n"],
    ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
    ["user and host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"],
    ["a path in the Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    ["a query in the Host", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"],
    ["a space in the Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
    ["a port beyond 65535", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"],
    ["a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"],
    ["two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"],
    ["an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"],
    ["a scheme in the Host", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"],
    ["a backslash in the Host", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n"],
    ["a byte above ASCII in the Host", "GET / HTTP/1.1\r\nHost: \xffa\r\n\r\n"],
    ["a Host named in Connection", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Host\r\n\r\n"],
  ]),
  passed(TROUBLES, "an absolute target wins over another Host", {
    bytes: "GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
    start: "GET /x?y HTTP/1.1",
    host: "b:81",
  }),
  passed(TROUBLES, "an HTTP/1.0 request without Host gets the backend's", {
    bytes: "GET / HTTP/1.0\r\nA: b\r\n\r\n",
    isHostless: true,
    kept: ["A: b"],
  }),
];

const HOPS = [
  passed(HOP, "X-Forwarded-For named in Connection", {
    bytes: get("X-Forwarded-For: 1.1.1.1\r\nConnection: close, X-Forwarded-For"),
  }),
  passed(HOP, "fields named in Connection go", {
    bytes: get("Connection: X-Real-IP, Cookie\r\nX-Real-IP: 1.1.1.1\r\nCookie: a=b\r\nKept: 1"),
    kept: ["Kept: 1"],
  }),
  passed(HOP, "what concerns one connection goes, named or not", {
    bytes: get("Keep-Alive: timeout=5\r\nTE: trailers\r\nProxy-Connection: x\r\nProxy-Authorization: y\r\nUpgrade: z"),
  }),
  passed("RFC 7239 section 4", "an earlier proxy's hop stays before this one's", {
    bytes: get("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2"),
    hops: "1.1.1.1, 2.2.2.2, ",
  }),
  passed("RFC 3875 section 4.1.18", "an underscore does not forge a hop", {
    bytes: get("X_Forwarded_For: 1.1.1.1\r\nX.Forwarded-Proto: https"),
  }),
  passed(H2C, "an upgrade to h2c is not asked for", {
    bytes: get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
  }),
  passed(H2C, "an upgrade with content is not asked for", {
    bytes: post("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5", "hello"),
    start: "POST / HTTP/1.1",
    kept: ["Content-Length: 5"],
    content: "hello",
  }),
  passed("RFC 9110 section 7.6.2", "TRACE and OPTIONS have one hop less", {
    bytes: "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 2\r\n\r\n",
    start: "OPTIONS * HTTP/1.1",
    kept: ["Max-Forwards: 1"],
  }),
  ...refused(501, "RFC 9110 section 7.6.2", [
    ["TRACE without a hop left", "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"],
  ]),
  ...refused(400, "RFC 9110 section 9.3.8", [
    ["TRACE with content", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"],
  ]),
];

const EXPECTATIONS = [
  ...refused(417, MUST_DIE, [
    ["y 100-continue", post("Expect: y 100-continue\r\nContent-Length: 5", "hello")],
    ["100-continue twice", post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5", "hello")],
    ["100-continue in a list", post("Expect: 100-continue, x\r\nContent-Length: 5", "hello")],
    ["an empty expectation", post("Expect:\r\nContent-Length: 5", "hello")],
    ["another number", post("Expect: 100-continued\r\nContent-Length: 5", "hello")],
  ]),
  ...refused(400, MUST_DIE, [
    ["100-continue and a hidden length", post("Expect: 100-continue\r\nContent-Length:\n 5", "hello")],
    ["0.CL: a length with a no-break space", post("Content-Length: \xa05", "hello")],
  ]),
  passed(MUST_DIE, "an expectation without content is not sent", { bytes: get("Expect: 100-continue") }),
  passed("RFC 9110 section 10.1.1", "the expectation of HTTP/1.0 is not sent", {
    bytes: "POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    start: "POST / HTTP/1.1",
    kept: ["Content-Length: 5"],
    content: "hello",
  }),
];

const PASSED = [
  passed("CVE-2023-25690 (httpd)", "an escaped request line in a target stays escaped", {
    bytes: line("GET /a%20HTTP/1.1%0d%0aHost:%20b%0d%0a%0d%0aGET%20/c HTTP/1.1"),
    start: "GET /a%20HTTP/1.1%0d%0aHost:%20b%0d%0a%0d%0aGET%20/c HTTP/1.1",
  }),
  passed("RFC 9110 section 2.5", "a later minor version is HTTP/1.1", { bytes: line("GET / HTTP/1.2") }),
  passed("RFC 9112 section 2.2", "one empty line first is passed over", {
    bytes: `\r\n${get("A: b")}`,
    kept: ["A: b"],
  }),
  passed(GARDEN, "bytes above ASCII at the ends of a value stay", {
    bytes: get("User: \x85admin\xa0"),
    kept: ["User: \x85admin\xa0"],
  }),
  passed("RFC 3986 as browsers have it", "what browsers leave unescaped in a query", {
    bytes: line('GET /a?b={"c"|`d`}\\e^f HTTP/1.1'),
    start: 'GET /a?b={"c"|`d`}\\e^f HTTP/1.1',
  }),
];

/** All about heads but the end of the message. */
export const HEAD_CASES: readonly SmugglingCase[] = [
  ...REQUEST_LINES,
  ...FIELDS,
  ...HOSTS,
  ...HOPS,
  ...EXPECTATIONS,
  ...PASSED,
];
