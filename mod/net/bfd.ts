/** BFD control packets (RFC 5880 §4.1) and the checks of §6.8.6 that need no state. */
import { assert } from "../base/assert.ts";
import { expectField, WireError } from "./errors.ts";

/** RFC 5880 §4.1, Sta; the index is what is on the wire. */
const STATES = ["admin-down", "down", "init", "up"] as const;

/** State of the sender. */
export type BfdPacketState = (typeof STATES)[number];

/** Octets of a packet without authentication. */
export const BFD_PACKET_BYTES = 24;

/** Diagnostics (RFC 5880 §4.1). */
export const BfdDiagnostic = {
  none: 0,
  detectionTimeExpired: 1,
  echoFailed: 2,
  neighborSignaledDown: 3,
  forwardingPlaneReset: 4,
  pathDown: 5,
  concatenatedPathDown: 6,
  administrativelyDown: 7,
  reverseConcatenatedPathDown: 8,
} as const;

/** A control packet without authentication. Intervals are microseconds, as on the wire. */
export interface BfdPacket {
  /** Five bits; {@link BfdDiagnostic}. */
  readonly diagnostic: number;
  readonly state: BfdPacketState;
  /** P: an answer with F is wanted. */
  readonly poll: boolean;
  /** F: this is the answer to P. */
  readonly final: boolean;
  /** C: the sender's BFD does not stop with its control plane. */
  readonly controlPlaneIndependent: boolean;
  /** D: the sender works in demand mode. */
  readonly demand: boolean;
  /** Detection time in intervals, 1 to 255. */
  readonly detectMultiplier: number;
  /** Chosen by the sender, not 0. */
  readonly myDiscriminator: number;
  /** The receiver's, 0 as long as it is not known. */
  readonly yourDiscriminator: number;
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number;
  readonly requiredMinEchoRxUs: number;
}

const VERSION = 1;
const POLL = 0x20;
const FINAL = 0x10;
const CONTROL_PLANE_INDEPENDENT = 0x08;
const AUTHENTICATED = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/** Writes a packet of 24 octets. */
export function encodeBfd(packet: BfdPacket): Uint8Array<ArrayBuffer> {
  const { diagnostic, detectMultiplier, myDiscriminator } = packet;
  assert(diagnostic >= 0 && diagnostic <= 31, `the diagnostic ${diagnostic}`);
  assert(detectMultiplier >= 1 && detectMultiplier <= 255, `a multiplier of ${detectMultiplier}`);
  assert(myDiscriminator !== 0, "a discriminator of 0");
  const bytes = new Uint8Array(BFD_PACKET_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, (VERSION << 5) | diagnostic);
  view.setUint8(1, flagsOf(packet));
  view.setUint8(2, detectMultiplier);
  view.setUint8(3, BFD_PACKET_BYTES);
  view.setUint32(4, myDiscriminator);
  view.setUint32(8, packet.yourDiscriminator);
  view.setUint32(12, packet.desiredMinTxUs);
  view.setUint32(16, packet.requiredMinRxUs);
  view.setUint32(20, packet.requiredMinEchoRxUs);
  return bytes;
}

function flagsOf(packet: BfdPacket): number {
  return (STATES.indexOf(packet.state) << 6) |
    (packet.poll ? POLL : 0) |
    (packet.final ? FINAL : 0) |
    (packet.controlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
    (packet.demand ? DEMAND : 0);
}

/**
 * Reads the payload of a UDP datagram, checked in the order of RFC 5880 §6.8.6. Octets after the packet are not looked
 * at. Throws {@link WireError}; a packet with authentication is refused, as nothing here uses any.
 */
export function decodeBfd(bytes: Uint8Array): BfdPacket {
  // The smallest index that is needed to tell what is wrong with a short one.
  if (bytes.length < BFD_PACKET_BYTES) throw refuse("length", bytes.length, `at least ${BFD_PACKET_BYTES}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const flags = view.getUint8(1);
  checkHeader(view, flags);
  const state = STATES[flags >> 6] ?? "admin-down";
  const yourDiscriminator = view.getUint32(8);
  if (yourDiscriminator === 0 && (state === "init" || state === "up")) {
    throw refuse("your discriminator", `0 in state ${state}`, "not 0");
  }
  return {
    diagnostic: view.getUint8(0) & 0x1f,
    state,
    poll: (flags & POLL) !== 0,
    final: (flags & FINAL) !== 0,
    controlPlaneIndependent: (flags & CONTROL_PLANE_INDEPENDENT) !== 0,
    demand: (flags & DEMAND) !== 0,
    detectMultiplier: view.getUint8(2),
    myDiscriminator: view.getUint32(4),
    yourDiscriminator,
    desiredMinTxUs: view.getUint32(12),
    requiredMinRxUs: view.getUint32(16),
    requiredMinEchoRxUs: view.getUint32(20),
  };
}

function checkHeader(view: DataView, flags: number): void {
  expectField("BFD", { where: "version", got: view.getUint8(0) >> 5, wanted: VERSION });
  const length = view.getUint8(3);
  const isAuthenticated = (flags & AUTHENTICATED) !== 0;
  const minBytes = isAuthenticated ? BFD_PACKET_BYTES + 2 : BFD_PACKET_BYTES;
  if (length < minBytes) throw refuse("length field", length, `at least ${minBytes}`);
  if (length > view.byteLength) throw refuse("length field", length, `at most ${view.byteLength}, the payload`);
  if (view.getUint8(2) === 0) throw refuse("multiplier", 0, "not 0");
  if ((flags & MULTIPOINT) !== 0) throw refuse("multipoint bit", 1, 0);
  if (view.getUint32(4) === 0) throw refuse("my discriminator", 0, "not 0");
  if (isAuthenticated) throw refuse("authentication", "present", "none: it is not used here");
}

function refuse(where: string, got: number | string, wanted: number | string): WireError {
  return new WireError("BFD", { where, got, wanted });
}

const DIAGNOSTICS: readonly string[] = [
  "no diagnostic",
  "control detection time expired",
  "echo function failed",
  "neighbor signaled session down",
  "forwarding plane reset",
  "path down",
  "concatenated path down",
  "administratively down",
  "reverse concatenated path down",
];

/** A diagnostic in words (RFC 5880 §4.1); those that are not assigned by their number. */
export function describeDiagnostic(diagnostic: number): string {
  return DIAGNOSTICS[diagnostic] ?? `diagnostic ${diagnostic}`;
}
