/** Published cases about where a message ends: Content-Length and Transfer-Encoding, in all disguises. */
import { get, passed, post, refused, type SmugglingCase } from "./http1_smuggling_kit.ts";

const DESYNC = "HTTP Desync Attacks: Request Smuggling Reborn (PortSwigger, 2019)";
const SMUGGLER = "http-request-smuggler (PortSwigger)";
const KLEIN = "HTTP Request Smuggling in 2020 (Amit Klein)";
const DEFPARAM = "smuggler, exhaustive (defparam)";
const GARDEN = "HTTP Garden (Narf Industries), its list of bugs";
const RFC = "RFC 9112 section 6";
const PROBE = "Http11Probe";

/** Chunks for one reader, five bytes for the other. */
const BOTH = "0\r\n\r\n";

/** A coding in disguise beside a plain length: a reader that passes over the disguise reads another message. */
function disguised(lines: string): string {
  return post(`${lines}\r\nContent-Length: 5`, BOTH);
}

const CLASSIC = [
  ...refused(400, DESYNC, [
    ["CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\nG")],
    [
      "TE.CL",
      post("Transfer-Encoding: chunked\r\nContent-Length: 4", "12\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n"),
    ],
    ["TE.TE, xchunked", disguised("Transfer-Encoding: xchunked")],
    ["TE.TE, a space before the colon", disguised("Transfer-Encoding : chunked")],
    ["TE.TE, a second line with x", disguised("Transfer-Encoding: chunked\r\nTransfer-Encoding: x")],
    ["TE.TE, a tab after the colon", disguised("Transfer-Encoding:\tchunked")],
    ["TE.TE, a first line that is folded", `GET / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\n\r\n${BOTH}`],
    ["TE.TE, behind a bare LF", disguised("X: X\nTransfer-Encoding: chunked")],
    ["TE.TE, the colon on the next line", disguised("Transfer-Encoding\r\n : chunked")],
  ]),
  ...refused(400, SMUGGLER, [
    ["underjoin1", disguised("Transfer_Encoding: chunked")],
    ["spacejoin1", disguised("Transfer Encoding: chunked")],
    ["nameprefix1", disguised("Foo: bar\r\n Transfer-Encoding: chunked")],
    ["nameprefix2", disguised("Foo: bar\r\n\tTransfer-Encoding: chunked")],
    ["valueprefix1", disguised("Transfer-Encoding:  chunked")],
    ["nospace1", disguised("Transfer-Encoding:chunked")],
    ["linewrapped1", disguised("Transfer-Encoding:\n chunked")],
    ["gareth1", disguised("Transfer-Encoding\n : chunked")],
    ["badsetupCR", disguised("Foo: bar\rTransfer-Encoding: chunked")],
    ["badsetupLF", disguised("Foo: bar\nTransfer-Encoding: chunked")],
    ["vertwrap", disguised("Transfer-Encoding: \n\x0bchunked")],
    ["tabwrap", disguised("Transfer-Encoding: \r\n\tchunked")],
    ["multiCase", disguised("tRANSFER-ENCODING: chunked")],
    ["UPPERCASE", disguised("TRANSFER-ENCODING: CHUNKED")],
    ["0dwrap", disguised("Foo: bar\r\n\rTransfer-Encoding: chunked")],
    ["0dspam", disguised("Tra\rnsfer-Encoding: chunked")],
    ["connection", disguised("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked")],
    ["badwrap", `POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\nContent-Length: 5\r\n\r\n${BOTH}`],
    ["spaceFF", disguised("Transfer-Encoding:\xffchunked")],
    ["unispace", disguised("Transfer-Encoding:\xa0chunked")],
    ["commaCow", disguised("Transfer-Encoding: chunked, identity")],
    ["cowComma", disguised("Transfer-Encoding: identity, chunked")],
    ["quoted", disguised('Transfer-Encoding: "chunked"')],
    ["aposed", disguised("Transfer-Encoding: 'chunked'")],
    ["dualchunk", disguised("Transfer-Encoding: chunked\r\nTransfer-encoding: identity")],
    ["lazygrep", disguised("Transfer-Encoding: chunk")],
    ["0dsuffix", disguised("Transfer-Encoding: chunked\r")],
    ["tabsuffix", disguised("Transfer-Encoding: chunked\t")],
    ["revdualchunk", disguised("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked")],
    ["bodysplit", disguised("Foo: barn\n\nTransfer-Encoding: chunked")],
    ["nested", disguised("Transfer-Encoding: identity, chunked, identity")],
    ["accentTE", disguised("Transf\x82r-Encoding: chunked")],
    ["accentCH", disguised("Transfer-Encoding: ch\x96nked")],
    ["h2space", disguised("Transfer-Encoding chunked : chunked")],
    ...[0x00, 0x0b, 0x0c, 0x0d, 0x7f].flatMap((code): [string, string][] => {
      const char = String.fromCharCode(code);
      return [
        [`spacefix1:${code}`, disguised(`Transfer-Encoding:${char}chunked`)],
        [`prefix1:${code}`, disguised(`Transfer-Encoding: ${char}chunked`)],
        [`suffix1:${code}`, disguised(`Transfer-Encoding: chunked${char}`)],
      ];
    }),
  ]),
  ...refused(400, KLEIN, [
    ["spjunk", disguised("Transfer-Encoding x: chunked")],
    ["backslash", disguised("Transfer\\Encoding: chunked")],
    ["Content-Length with junk behind its name", post("Content-Length abcde: 20\r\nContent-Length: 5", BOTH)],
    ["a length behind CR SP", post("Bogus: x\r Content-Length: 20\r\nContent-Length: 5", BOTH)],
  ]),
];

/** Each byte outside visible ASCII at each of four places, beside a length. */
const EXHAUSTIVE = refused(
  400,
  DEFPARAM,
  Array.from({ length: 0x100 }, (_unused, code) => code)
    .filter((code) => code < 0x20 || code >= 0x7f)
    .flatMap((code): [string, string][] => {
      const char = String.fromCharCode(code);
      const hex = code.toString(16).padStart(2, "0");
      return [
        [`midspace-${hex}`, disguised(`Transfer-Encoding:${char}chunked`)],
        [`postspace-${hex}`, disguised(`Transfer-Encoding${char}: chunked`)],
        [`prespace-${hex}`, disguised(`${char}Transfer-Encoding: chunked`)],
        [`endspace-${hex}`, disguised(`Transfer-Encoding: chunked${char}`)],
      ];
    }),
);

const LENGTHS = [
  ...refused(400, GARDEN, [
    ["a length of +1_0", post("Content-Length: +1_0", "0123456789")],
    ["a length that is a number at first", post("Content-Length: 1Z", "Z")],
    ["a length in base 16", post("Content-Length: 0x10", "Z")],
    ["a length with a leading zero", post("Content-Length: 010", "01234567")],
    ["a negative length", get("Content-Length: -48")],
    ["two lengths, the larger first", post("Content-Length: 1\r\nContent-Length: 0", "Z")],
    [
      "two lengths, the larger last",
      post("Content-Length: 0\r\nContent-Length: 31", "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"),
    ],
    ["a length without a colon", get("Content-Length 10")],
    ["a length with 0x85 behind its name", post("Content-Length\x85: 10", "0123456789")],
    ["a length as the first line, behind a tab", "GET / HTTP/1.1\r\n\tContent-Length: 1\r\nHost: a\r\n\r\nX"],
    ["chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "1\r\nZ\r\n0\r\n\r\n")],
    ["chunked between no-break spaces", post("Transfer-Encoding: \xa0chunked\xa0", BOTH)],
    ["chunked between bytes of 0xff", post("Transfer-Encoding: \xffchunked\xff", "1\r\nZ\r\n0\r\n\r\n")],
    ["an empty coding before chunked", post("Transfer-Encoding: ,chunked", BOTH)],
    ["an empty coding before chunked, and a length", disguised("Transfer-Encoding: ,chunked")],
    ["an unknown coding", post("Transfer-Encoding: blegh", "1\r\nZ\r\n0\r\n\r\n")],
    ["a coding whose name is continued", disguised("Transfer-\r\nEncoding: chunked")],
  ]),
  ...refused(400, PROBE, [
    ["a length of -0", post("Content-Length: -0")],
    ["a length of 0o5", post("Content-Length: 0o5", "hello")],
    ["a length with a space inside", post("Content-Length: 1 0", "hello12345")],
    ["a list of equal lengths", post("Content-Length: 5, 5", "hello")],
    ["a list of lengths that differ", post("Content-Length: 5, 10", "hello")],
    ["a list with an empty member", post("Content-Length: 5,", "hello")],
    ["two equal lengths", post("Content-Length: 5\r\nContent-Length: 5", "hello")],
    ["a length as a fraction", post("Content-Length: 5.0", "hello")],
    ["a length with an exponent", post("Content-Length: 5e0", "hello")],
    ["a length beyond 64 bits", post("Content-Length: 99999999999999999999", "hello")],
    ["a length of 2^64 + 5", post("Content-Length: 18446744073709551621", "hello")],
    ["a length of 2^53", post("Content-Length: 9007199254740992", "hello")],
    ["a quoted length", post('Content-Length: "5"', "hello")],
    ["a length with a semicolon", post("Content-Length: 5;q=1", "hello")],
    ["an empty coding", disguised("Transfer-Encoding:")],
    ["a coding with parameters", disguised("Transfer-Encoding: chunked;ext=val")],
    ["chunked twice in a list", disguised("Transfer-Encoding: chunked, chunked")],
    ["chunked before gzip", post("Transfer-Encoding: chunked, gzip", BOTH)],
    ["identity", disguised("Transfer-Encoding: identity")],
    ["a length named in Connection", post("Connection: close, Content-Length\r\nContent-Length: 5", "hello")],
    ["a length spelt with an underscore", post("Content_Length: 5", "hello")],
  ]),
  ...refused(501, RFC, [["gzip before chunked", post("Transfer-Encoding: gzip, chunked", BOTH)]]),
  ...refused(400, RFC, [["chunked with a comma behind it", post("Transfer-Encoding: chunked,", BOTH)]]),
];

const CVES: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ["CVE-2023-40225 (HAProxy)", [
    ["an empty length", post("Content-Length:")],
    ["an empty length before another", post("Content-Length:\r\nContent-Length: 5", "hello")],
    ["an empty length behind another", post("Content-Length: 5\r\nContent-Length:", "hello")],
  ]],
  ["CVE-2019-18277 (HAProxy)", [["a vertical tab before chunked", disguised("Transfer-Encoding: \x0bchunked")]]],
  ["CVE-2022-32213 (node)", [["chunkedchunked", post("Transfer-Encoding: chunkedchunked", BOTH)]]],
  ["CVE-2022-32214 (node)", [["a length behind a bare LF", post("X: y\nContent-Length: 5", "hello")]]],
  ["CVE-2022-32215 (node)", [
    ["a coding on two lines", post("Transfer-Encoding: chunked\r\n , identity", BOTH)],
    ["a coding on the second line", post("Transfer-Encoding:\r\n chunked", BOTH)],
  ]],
  ["CVE-2023-30589 (node)", [["an empty value, CR and a coding", disguised("X:\rTransfer-Encoding: chunked")]]],
  ["CVE-2020-8287 (node)", [["chunked and eee", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: eee", BOTH)]]],
  ["CVE-2019-16869 (netty), CVE-2021-22959 (node), CVE-2019-16276 (Go)", [
    ["a coding with a space before the colon", post("Transfer-Encoding : chunked", BOTH)],
    ["a length with a space before the colon", post("Content-Length : 5", "hello")],
  ]],
  ["CVE-2020-7238 (netty)", [
    ["a space before the name of a coding", post("A: b\r\n Transfer-Encoding:chunked\r\nContent-Length: 5", BOTH)],
  ]],
  ["CVE-2019-20444 (netty)", [["a coding without a colon", disguised("Transfer-Encoding chunked")]]],
  ["CVE-2019-20445 (netty), CVE-2020-10108 and 10109 (Twisted)", [
    [
      "a length, a coding and a length",
      post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 6", BOTH),
    ],
  ]],
  ["CVE-2021-33037 (Tomcat)", [
    ["a coding in HTTP/1.0", `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${BOTH}`],
    [
      "a coding and a length in HTTP/1.0",
      `POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n${BOTH}`,
    ],
  ]],
  ["CVE-2022-1705 (Go)", [["a form feed behind chunked", disguised("Transfer-Encoding: chunked\x0c")]]],
  ["CVE-2022-42252 (Tomcat)", [["a length with letters", post("Content-Length: 5abc", "hello")]]],
];

const LONG_NAME = `Content-Length0${"a".repeat(255)}`;

/** What turns names into variables makes one of these and the real one: httpd did so for CGI with all that is no letter. */
const VARIABLES = refused(400, "RFC 3875 section 4.1.18", [
  ["a dot in the length's name", post("Content.Length: 5", "hello")],
  ["an exclamation mark in the length's name", post("Content!Length: 5\r\nContent-Length: 0")],
  ["an underscore in the coding's name", disguised("TRANSFER_ENCODING: chunked")],
  ["a tilde in the coding's name", disguised("Transfer~Encoding: chunked")],
]);

const PASSED: readonly SmugglingCase[] = [
  passed("CVE-2021-40346 (HAProxy)", "a name of 270 characters that begins as Content-Length", {
    bytes: post(`${LONG_NAME}:\r\nContent-Length: 5`, "hello"),
    start: "POST / HTTP/1.1",
    kept: [`${LONG_NAME}: `, "Content-Length: 5"],
    content: "hello",
  }),
  passed("Browser-Powered Desync Attacks (PortSwigger, 2022)", "CL.0: content that looks like a request", {
    bytes: post("Content-Length: 25", "GET /404 HTTP/1.1\r\nFoo: x"),
    start: "POST / HTTP/1.1",
    kept: ["Content-Length: 25"],
    content: "GET /404 HTTP/1.1\r\nFoo: x",
  }),
  passed(GARDEN, "content of a GET with a length", {
    bytes: get("Content-Length: 10") + "1234567890",
    kept: ["Content-Length: 10"],
    content: "1234567890",
  }),
  passed(SMUGGLER, "contentEnc: chunked as a content coding is none", {
    bytes: disguised("Content-Encoding: chunked"),
    start: "POST / HTTP/1.1",
    kept: ["Content-Encoding: chunked", "Content-Length: 5"],
    content: BOTH,
  }),
  passed(SMUGGLER, "encode: an escape in a name is no hyphen", {
    bytes: disguised("Transfer-%45ncoding: chunked"),
    start: "POST / HTTP/1.1",
    kept: ["Transfer-%45ncoding: chunked", "Content-Length: 5"],
    content: BOTH,
  }),
  passed(PROBE, "tabs and spaces around a length", {
    bytes: post("Content-Length:\t 5 \t", "hello"),
    start: "POST / HTTP/1.1",
    kept: ["Content-Length: 5"],
    content: "hello",
  }),
  passed(DEFPARAM, "chunked in mixed case becomes chunked", {
    bytes: post("TrAnSFer-EnCODinG: cHuNkeD", BOTH),
    start: "POST / HTTP/1.1",
    after: ["Transfer-Encoding: chunked"],
    content: BOTH,
  }),
];

/** All about the end of a message that the head decides. */
export const FRAMING_CASES: readonly SmugglingCase[] = [
  ...CLASSIC,
  ...EXHAUSTIVE,
  ...LENGTHS,
  ...CVES.flatMap(([source, rows]) => refused(400, source, rows)),
  ...VARIABLES,
  ...PASSED,
];
