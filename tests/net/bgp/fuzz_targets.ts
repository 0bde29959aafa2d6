/** The decoders of BGP and BFD under fire: what they read, and what must come of it. */
import assert from "node:assert/strict";
import { decodeBfd, encodeBfd } from "../../../mod/net/bfd.ts";
import { decodeCapabilities, encodeCapability } from "../../../mod/net/bgp/capability.ts";
import { WireError } from "../../../mod/net/errors.ts";
import {
  decodeMessage,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  MessageReader,
} from "../../../mod/net/bgp/message.ts";
import { BgpError, describeNotification, notification, shutdownData } from "../../../mod/net/bgp/notification.ts";
import { decodeOpenBody, encodeOpenBody } from "../../../mod/net/bgp/open.ts";
import { decodeUpdateBody } from "../../../mod/net/bgp/received_update.ts";
import type { Capability, OpenMessage, ReceivedMessage, UpdateTraits } from "../../../mod/net/bgp/types.ts";
import { fuzz } from "../wire_fuzz.ts";
import { EXTERNAL, INTERNAL } from "./octets.ts";
import { CASES, sentinel } from "./rfc7606_cases.ts";

const HEADER_BYTES = 19;

const CAPABILITIES: readonly Capability[] = [
  { is: "multiprotocol", family: 4 },
  { is: "multiprotocol", family: 6 },
  { is: "route-refresh" },
  { is: "extended-next-hop", pairs: [{ family: 4, nextHopFamily: 6 }] },
  {
    is: "graceful-restart",
    restarting: true,
    notification: true,
    restartTimeS: 120,
    families: [{ family: 4, forwarding: true }, { family: 6, forwarding: false }],
  },
  { is: "four-octet-as", as: 70000 },
  { is: "enhanced-route-refresh" },
  { is: "other", code: 73, value: Uint8Array.of(1, 2, 3) },
];

function open(...capabilities: Capability[]): OpenMessage {
  return { is: "open", version: 4, as: 65001, holdTimeS: 9, identifier: "192.0.2.1", capabilities };
}

const OPENS = [open(), open(...CAPABILITIES), open({ is: "other", code: 9, value: new Uint8Array(255) })];
const UPDATES = [sentinel(EXTERNAL), sentinel(INTERNAL), ...CASES.map((one) => one.bytes)];
const OTHERS = [
  encodeKeepalive(),
  encodeRouteRefresh(6, 1),
  encodeNotification(notification(6, 2, shutdownData("maintenance"))),
  encodeNotification(notification(6, 9, Uint8Array.of(6, 2, 2, 65, 66))),
];

/** Whatever is refused is refused by a BgpError whose NOTIFICATION can be sent and told; it goes on as the plain one. */
function bgp<T>(decode: (bytes: Uint8Array) => T): (bytes: Uint8Array) => T {
  return (bytes) => {
    try {
      return decode(bytes);
    } catch (error) {
      if (!(error instanceof BgpError)) throw new Error(`${error}`, { cause: error });
      const answer = notification(error.code, error.subcode, error.data);
      assert(encodeNotification(answer).length <= 4096);
      assert.notEqual(describeNotification(answer), "");
      throw error;
    }
  };
}

/** A body that is long enough for its type, as the reader sees to. */
function body<T>(minBytes: number, decode: (bytes: Uint8Array) => T): (bytes: Uint8Array) => T {
  return (bytes) => {
    if (bytes.length >= minBytes && bytes.length <= 4096 - HEADER_BYTES) return bgp(decode)(bytes);
    throw new WireError("fuzz", { where: "length", got: bytes.length, wanted: minBytes });
  };
}

function bodies(messages: readonly Uint8Array[]): Uint8Array[] {
  return messages.map((message) => message.subarray(HEADER_BYTES));
}

function readStream(bytes: Uint8Array): ReceivedMessage[] {
  const messages: ReceivedMessage[] = [];
  const reader = new MessageReader();
  // In two pieces, so that messages come whole and in parts.
  const middle = bytes.length >> 1;
  for (const piece of [bytes.subarray(0, middle), bytes.subarray(middle)]) {
    reader.push(piece);
    for (let raw = reader.next(); raw !== null; raw = reader.next()) {
      const message = decodeMessage(raw, EXTERNAL);
      if (message.is === "notification") assert.notEqual(describeNotification(message), "");
      messages.push(message);
    }
  }
  return messages;
}

/** Puts the marker, a length that fits and a known type back. */
function repairHeader(bytes: Uint8Array): void {
  if (bytes.length < HEADER_BYTES) return;
  bytes.fill(0xff, 0, 16);
  const type = bytes[18] ?? 0;
  bytes.set([bytes.length >> 8, bytes.length & 0xff, type >= 1 && type <= 5 ? type : (type % 5) + 1], 16);
}

/** Makes the two lengths of an UPDATE fit its body, so that what lies behind them is reached. */
function repairLengths(bytes: Uint8Array): void {
  if (bytes.length < 4) return;
  const withdrawn = ((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)) % (bytes.length - 3);
  bytes.set([withdrawn >> 8, withdrawn & 0xff]);
  const at = 2 + withdrawn;
  const attributes = ((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)) % (bytes.length - at - 1);
  bytes.set([attributes >> 8, attributes & 0xff], at);
}

function update(traits: UpdateTraits): (rounds: number) => void {
  const decode = body(4, (bytes) => {
    const got = decodeUpdateBody(bytes, traits);
    assert(got.announced + got.withdrawn <= bytes.length && got.faults.length <= 20);
    return got;
  });
  return (rounds) => fuzz({ decode, samples: bodies(UPDATES), repair: repairLengths }, rounds);
}

/** Runs so many inputs through one decoder each. */
export const TARGETS: readonly (readonly [string, (rounds: number) => void])[] = [
  ["capabilities", (rounds) =>
    fuzz({
      decode: bgp(decodeCapabilities),
      encode: (list: readonly Capability[]) => Uint8Array.from(list.flatMap(encodeCapability)),
      samples: [CAPABILITIES, ...CAPABILITIES.map((one) => [one])].map((list) =>
        Uint8Array.from(list.flatMap(encodeCapability))
      ),
    }, rounds)],
  ["OPEN", (rounds) =>
    fuzz({
      decode: body(10, decodeOpenBody),
      encode: (message: OpenMessage) => Uint8Array.from(encodeOpenBody(message)),
      samples: bodies(OPENS.map(encodeOpen)),
    }, rounds)],
  ["UPDATE from an external peer", update(EXTERNAL)],
  ["UPDATE from an internal peer with AS numbers of two octets", update({ ...INTERNAL, fourOctetAs: false })],
  ["UPDATE with IPv4 over IPv6 next hops", update({ ...EXTERNAL, extendedNextHop: true })],
  ["a stream of messages", (rounds) =>
    fuzz({
      decode: bgp(readStream),
      samples: [...OPENS.map(encodeOpen), ...UPDATES, ...OTHERS],
      repair: repairHeader,
    }, rounds)],
  ["BFD", (rounds) => fuzz({ decode: decodeBfd, encode: encodeBfd, samples: [bfdSample(0), bfdSample(5)] }, rounds)],
];

function bfdSample(yourDiscriminator: number): Uint8Array {
  return encodeBfd({
    diagnostic: 1,
    state: yourDiscriminator === 0 ? "down" : "up",
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    demand: false,
    detectMultiplier: 3,
    myDiscriminator: 7,
    yourDiscriminator,
    desiredMinTxUs: 50_000,
    requiredMinRxUs: 50_000,
    requiredMinEchoRxUs: 0,
  });
}
