/**
 * The PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy, revision 2020/03/05): what a balancer says first on a connection that
 * it makes for somebody else.
 */
import { assertNever } from "../base/assert.ts";
import { formatIp, type Ip, parseIp, parseIp4, parseIp6 } from "./ip.ts";

/** One end of a TCP connection. */
export interface ProxyEnd {
  /** IP text. */
  readonly ip: string;
  readonly port: number;
}

/** Who speaks to whom. */
export interface ProxyEnds {
  readonly source: ProxyEnd;
  readonly target: ProxyEnd;
}

/** How far a header has come. */
export type ProxyProgress =
  /** `ends`: null where the sender names nobody (UNKNOWN, LOCAL, not TCP over IP): the connection speaks for itself then. */
  | { readonly outcome: "complete"; readonly lengthBytes: number; readonly ends: ProxyEnds | null }
  | { readonly outcome: "incomplete" }
  | { readonly outcome: "malformed"; readonly reason: string };

/** §2.1: the longest line of version 1 with its end. */
const MAX_LINE = 107;
/** §2.2: the signature of version 2. */
const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
/** Signature, version and command, family and protocol, length. */
const V2_HEAD = 16;
/** What follows is refused beyond this: nobody needs more, and a client may not make us keep 64 kB. */
const MAX_V2_BODY = 4096;
/** Version 2, command LOCAL. */
const LOCAL = 0x20;
const NOBODY: ProxyEnd = { ip: "", port: 0 };
const LINE_START = new TextEncoder().encode("PROXY ");
const [CR, LF] = [0x0d, 0x0a];
const PORT = /^(0|[1-9][0-9]{0,4})$/;

/** The most that {@link decodeProxyHeader} needs to see. */
export const MAX_PROXY_HEADER = V2_HEAD + MAX_V2_BODY;

function malformed(reason: string): ProxyProgress {
  return { outcome: "malformed", reason };
}

/** Reads the header at the start of `bytes`; what comes after it belongs to the connection. */
export function decodeProxyHeader(bytes: Uint8Array): ProxyProgress {
  if (startsLike(bytes, SIGNATURE)) return bytes.length < V2_HEAD ? { outcome: "incomplete" } : decodeV2(bytes);
  if (!startsLike(bytes, LINE_START)) return malformed("no header of the PROXY protocol");
  const end = bytes.subarray(0, MAX_LINE).indexOf(LF);
  if (end >= 0) return decodeLine(bytes, end);
  return bytes.length < MAX_LINE ? { outcome: "incomplete" } : malformed(`no line end within ${MAX_LINE} bytes`);
}

/** As far as there are bytes. */
function startsLike(bytes: Uint8Array, start: Uint8Array): boolean {
  for (let at = 0; at < Math.min(bytes.length, start.length); at++) if (bytes[at] !== start[at]) return false;
  return true;
}

function decodeLine(bytes: Uint8Array, end: number): ProxyProgress {
  if (bytes[end - 1] !== CR) return malformed("a line end without CR");
  const lengthBytes = end + 1;
  const line = String.fromCharCode(...bytes.subarray(0, end - 1));
  const [, family = "", ...fields] = line.split(" ");
  // "the receiver must ignore anything presented before the CRLF"
  if (family === "UNKNOWN") return { outcome: "complete", lengthBytes, ends: null };
  if (family !== "TCP4" && family !== "TCP6") return malformed("neither TCP4, TCP6 nor UNKNOWN");
  if (fields.length !== 4) return malformed(`${fields.length} fields where addresses and ports are wanted`);
  const [from = "", to = "", fromPort = "", toPort = ""] = fields;
  const parse = family === "TCP4" ? parseIp4 : parseIp6;
  const [source, target] = [endOf(parse(from), fromPort), endOf(parse(to), toPort)];
  if (source === null || target === null) return malformed("no address or no port");
  return { outcome: "complete", lengthBytes, ends: { source, target } };
}

function endOf(ip: Ip | null, port: string): ProxyEnd | null {
  return ip === null || !PORT.test(port) || Number(port) > 65_535 ? null : { ip: ip.text, port: Number(port) };
}

function decodeV2(bytes: Uint8Array): ProxyProgress {
  const [versionAndCommand = 0, familyAndProtocol = 0] = bytes.subarray(12);
  const command = versionAndCommand & 0xf;
  if (versionAndCommand >> 4 !== 2) return malformed(`version ${versionAndCommand >> 4}`);
  if (command > 1) return malformed(`command ${command}`);
  if (familyAndProtocol >> 4 > 3 || (familyAndProtocol & 0xf) > 2) return malformed(`family ${familyAndProtocol}`);
  const bodyBytes = u16(bytes, 14);
  if (bodyBytes > MAX_V2_BODY) return malformed(`${bodyBytes} bytes, ${MAX_V2_BODY} at most`);
  const lengthBytes = V2_HEAD + bodyBytes;
  if (bytes.length < lengthBytes) return { outcome: "incomplete" };
  const size = familyAndProtocol === 0x11 ? 4 : familyAndProtocol === 0x21 ? 16 : 0;
  if (command === 0 || size === 0) return { outcome: "complete", lengthBytes, ends: null };
  if (bodyBytes < 2 * size + 4) return malformed(`${bodyBytes} bytes are too few for the addresses`);
  const [first, second, ports] = [V2_HEAD, V2_HEAD + size, V2_HEAD + 2 * size];
  const source = { ip: formatIp(bytes.subarray(first, second)), port: u16(bytes, ports) };
  const target = { ip: formatIp(bytes.subarray(second, ports)), port: u16(bytes, ports + 2) };
  return { outcome: "complete", lengthBytes, ends: { source, target } };
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
}

/** The header that says who speaks to whom; without two addresses it says that nobody is named. */
export function encodeProxyHeader(version: "v1" | "v2", ends: ProxyEnds): Uint8Array<ArrayBuffer> {
  const pair = sameFamily(parseIp(ends.source.ip), parseIp(ends.target.ip));
  switch (version) {
    case "v1":
      return encodeLine(pair, ends);
    case "v2":
      return encodeV2(pair, ends);
    default:
      return assertNever(version);
  }
}

/** The header of a connection that a balancer makes for nobody but itself, as to see whether a server is well (§2.1, §2.2). */
export function ownProxyHeader(version: "v1" | "v2"): Uint8Array<ArrayBuffer> {
  const bytes = encodeProxyHeader(version, { source: NOBODY, target: NOBODY });
  if (version === "v2") bytes[SIGNATURE.length] = LOCAL;
  return bytes;
}

type Pair = readonly [Ip, Ip] | null;

/** The header has one family for both: an IPv4 address beside an IPv6 one is given in its mapped form. */
function sameFamily(source: Ip | null, target: Ip | null): Pair {
  if (source === null || target === null) return null;
  return source.family === target.family ? [source, target] : [inIpv6(source), inIpv6(target)];
}

function inIpv6(ip: Ip): Ip {
  return ip.family === 6 ? ip : parseIp6(`::ffff:${ip.text}`) ?? ip;
}

function encodeLine(pair: Pair, { source, target }: ProxyEnds): Uint8Array<ArrayBuffer> {
  const text = pair === null
    ? "PROXY UNKNOWN\r\n"
    : `PROXY TCP${pair[0].family} ${pair[0].text} ${pair[1].text} ${source.port} ${target.port}\r\n`;
  return new TextEncoder().encode(text);
}

function encodeV2(pair: Pair, { source, target }: ProxyEnds): Uint8Array<ArrayBuffer> {
  const size = pair === null ? 0 : pair[0].bytes.length;
  const bodyBytes = pair === null ? 0 : 2 * size + 4;
  const header = new Uint8Array(V2_HEAD + bodyBytes);
  header.set(SIGNATURE);
  header.set([0x21, pair === null ? 0 : size === 4 ? 0x11 : 0x21, bodyBytes >> 8, bodyBytes & 0xff], SIGNATURE.length);
  if (pair === null) return header;
  header.set(pair[0].bytes, V2_HEAD);
  header.set(pair[1].bytes, V2_HEAD + size);
  header.set([source.port >> 8, source.port & 0xff, target.port >> 8, target.port & 0xff], V2_HEAD + 2 * size);
  return header;
}
