/** Requests that two parsers have read in two ways, with the name each is refused by. */

/** A request as text (latin-1) and what is to come of it: a refusal's name, or "accepted". */
export interface RequestCase {
  readonly what: string;
  readonly text: string;
  readonly expected: string;
}

const HOST = "Host: a.example\r\n";

function post(fields: string): string {
  return `POST / HTTP/1.1\r\n${HOST}${fields}\r\n\r\n`;
}

function get(fields: string): string {
  return `GET / HTTP/1.1\r\n${HOST}${fields}\r\n\r\n`;
}

function line(requestLine: string): string {
  return `${requestLine}\r\n${HOST}\r\n`;
}

function table(expected: string, rows: readonly (readonly [string, string])[]): RequestCase[] {
  return rows.map(([what, text]) => ({ what, text, expected }));
}

const LENGTHS: RequestCase[] = [
  ...table("length-and-chunked", [
    ["CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked")],
    ["TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4")],
    ["CL.0 with chunked", post("Content-Length: 0\r\nTransfer-Encoding: chunked")],
  ]),
  ...table("duplicate-content-length", [
    ["two lengths that differ", post("Content-Length: 5\r\nContent-Length: 6")],
    ["two lengths that agree", post("Content-Length: 5\r\ncontent-length: 5")],
  ]),
  ...table("bad-content-length", [
    ["a plus sign", post("Content-Length: +5")],
    ["a minus sign", post("Content-Length: -5")],
    ["a list of different values", post("Content-Length: 5, 6")],
    ["a list of equal values", post("Content-Length: 5,5")],
    ["hexadecimal", post("Content-Length: 0x5")],
    ["a space inside", post("Content-Length: 1 0")],
    ["an empty value", post("Content-Length:")],
    ["an underscore", post("Content-Length: 1_0")],
    ["a leading zero that may be octal", post("Content-Length: 010")],
    ["a fraction", post("Content-Length: 5.0")],
    ["more than 2^53", post("Content-Length: 99999999999999999999")],
    ["2^64 + 5, which wraps around", post("Content-Length: 18446744073709551621")],
    ["a no-break space after the number", post("Content-Length: 5\xa0")],
    ["a superscript digit", post("Content-Length: \xb2")],
  ]),
];

const CODINGS: RequestCase[] = [
  ...table("chunked-not-last", [
    ["identity", post("Transfer-Encoding: identity")],
    ["xchunked", post("Transfer-Encoding: xchunked")],
    ["chunked and then another", post("Transfer-Encoding: chunked, identity")],
    ["chunked, then cow on its own line (TE.TE)", post("Transfer-Encoding: chunked\r\nTransfer-encoding: cow")],
    ["gzip alone", post("Transfer-Encoding: gzip")],
  ]),
  ...table("bad-transfer-encoding", [
    ["chunked with a trailing comma", post("Transfer-Encoding: chunked,")],
    ["a leading comma", post("Transfer-Encoding: ,chunked")],
    ["chunked twice in one line", post("Transfer-Encoding: chunked, chunked")],
    ["chunked twice in two lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")],
    ["quoted", post('Transfer-Encoding: "chunked"')],
    ["with a parameter", post("Transfer-Encoding: chunked;q=1")],
    ["an empty value", post("Transfer-Encoding:")],
    ["two words", post("Transfer-Encoding: x chunked")],
    ["a byte above ASCII", post("Transfer-Encoding: chunked\xff")],
  ]),
  ...table("unknown-transfer-coding", [["gzip before chunked", post("Transfer-Encoding: gzip, chunked")]]),
  ...table("transfer-encoding-in-http10", [
    ["chunked from HTTP/1.0", `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`],
  ]),
  ...table("disguised-framing-field", [
    ["an underscore in the coding's name", post("Transfer_Encoding: chunked")],
    ["an underscore in the length's name", post("Content_Length: 5")],
  ]),
  ...table("connection-names-framing-field", [
    ["a hop-by-hop length", post("Content-Length: 5\r\nConnection: close, Content-Length")],
    ["a hop-by-hop host", get("Connection: host")],
    ["a hop-by-hop coding", post("Transfer-Encoding: chunked\r\nConnection: transfer-encoding")],
  ]),
];

const SYNTAX: RequestCase[] = [
  ...table("whitespace-before-colon", [
    ["a space before the colon", post("Transfer-Encoding : chunked")],
    ["a tab before the colon", post("Content-Length\t: 5")],
  ]),
  ...table("obs-fold", [
    ["a value folded onto a new line", post("Transfer-Encoding:\r\n chunked")],
    ["a tab that begins a line", post("X: a\r\n\tTransfer-Encoding: chunked")],
    ["a first field line that begins with a space", `GET / HTTP/1.1\r\n ${HOST}\r\n`],
  ]),
  ...table("bare-lf", [
    ["a line that ends in LF", post("X: y\nTransfer-Encoding: chunked")],
    ["a head of LFs", `GET / HTTP/1.1\nHost: a\n\n`],
    ["an LF for the blank line", `GET / HTTP/1.1\r\n${HOST}\n`],
  ]),
  ...table("bare-cr", [
    ["a CR inside a value", post("X: y\rTransfer-Encoding: chunked")],
    ["CR CR LF", post("Transfer-Encoding: chunked\r")],
    ["a CR in the request line", line("GET /\r HTTP/1.1")],
  ]),
  ...table("control-character", [
    ["a NUL in a value", post("X: a\x00b")],
    ["a NUL in a name", post("Transfer-Encoding\x00: chunked")],
    ["a vertical tab before chunked", post("Transfer-Encoding: \x0bchunked")],
    ["a form feed", post("Transfer-Encoding: chunked\x0c")],
    ["a DEL", post("X: \x7f")],
    ["an escape in the target", line("GET /\x1b HTTP/1.1")],
    ["a TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ]),
  ...table("bad-field-name", [
    ["an empty name", post(": chunked")],
    ["a space in the name", post("Transfer Encoding: chunked")],
    ["a parenthesis", post("X(y): z")],
    ["a byte above ASCII in the name", post("Transfer-Encoding\xa0: chunked")],
  ]),
  ...table("missing-colon", [["a line without a colon", get("X")]]),
  ...table("empty-line", [["two empty lines first", `\r\n\r\n${get("A: b")}`]]),
];

const TARGETS: RequestCase[] = [
  ...table("bad-request-line", [
    ["HTTP/0.9", line("GET /")],
    ["two spaces", line("GET  / HTTP/1.1")],
    ["a space in the target", line("GET /a b HTTP/1.1")],
    ["a trailing space", line("GET / HTTP/1.1 ")],
    ["tabs for spaces", line("GET\t/\tHTTP/1.1")],
    ["a method with a colon", line("GET: / HTTP/1.1")],
    ["a space first", line(" GET / HTTP/1.1")],
  ]),
  ...table("bad-version", [
    ["lower case", line("GET / http/1.1")],
    ["two digits", line("GET / HTTP/1.10")],
    ["a leading zero", line("GET / HTTP/01.1")],
    ["a tab inside", line("GET / HTTP/1.1\t")],
  ]),
  ...table("unsupported-version", [
    ["HTTP/2", line("GET / HTTP/2.0")],
    ["the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["HTTP/0.9 spelled out", line("GET / HTTP/0.9")],
  ]),
  ...table("bad-target", [
    ["a fragment", line("GET /a#b HTTP/1.1")],
    ["no leading slash", line("GET a HTTP/1.1")],
    ["an asterisk for GET", line("GET * HTTP/1.1")],
    ["another scheme", line("GET gopher://a/ HTTP/1.1")],
    ["user and password", line("GET http://u:p@a/ HTTP/1.1")],
    ["no authority", line("GET http:/// HTTP/1.1")],
    ["a byte above ASCII", line("GET /\xff HTTP/1.1")],
  ]),
  ...table("connect-unsupported", [["CONNECT", line("CONNECT a:443 HTTP/1.1")]]),
];

const HOSTS: RequestCase[] = [
  ...table("missing-host", [["no Host", "GET / HTTP/1.1\r\n\r\n"]]),
  ...table("duplicate-host", [["two Hosts", get("host: b.example")]]),
  ...table("disguised-framing-field", [[
    "capitals in a disguised name",
    get("HOST_: x").replace("HOST_", "Transfer_encoding"),
  ]]),
  ...table("invalid-host", [
    ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
    ["a comma", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"],
    ["a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
    ["a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    ["user and host", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"],
    ["a port that is none", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"],
    ["a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"],
    ["half an escape", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n"],
    ["an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"],
  ]),
];

const ACCEPTED: RequestCase[] = table("accepted", [
  ["a plain request", get("A: b")],
  ["one empty line first", `\r\n${get("A: b")}`],
  ["chunked in capitals", post("Transfer-Encoding: CHUNKED")],
  ["spaces and tabs around a value", post("Content-Length: \t 5 \t ")],
  ["an empty value", get("X:")],
  ["bytes above ASCII in a value", get("X: caf\xc3\xa9")],
  ["HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n"],
  ["a later minor version", line("GET / HTTP/1.2")],
  ["OPTIONS *", line("OPTIONS * HTTP/1.1")],
  ["the absolute form", line("GET http://b.example:81/x?y HTTP/1.1")],
  ["an IPv6 Host", "GET / HTTP/1.1\r\nHost: [fd00::1]:8080\r\n\r\n"],
  ["a length of zero", post("Content-Length: 0")],
  ["an unknown method", line("BREW /pot HTTP/1.1")],
]);

/** All of them. */
export const REQUEST_CASES: readonly RequestCase[] = [
  ...LENGTHS,
  ...CODINGS,
  ...SYNTAX,
  ...TARGETS,
  ...HOSTS,
  ...ACCEPTED,
];

/** Text as bytes, one for each character. */
export function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
