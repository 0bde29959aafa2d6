/** A TCP segment without data, as a whole IP packet (RFC 9293 §3.1, RFC 791 §3.1, RFC 8200 §3). */
import { assert } from "../base/assert.ts";
import { checksum6 } from "./checksum.ts";
import type { Ip } from "./ip.ts";

const TCP = 6;
const TCP_BYTES = 20;
const ACK = 0x10;
const HOPS = 64;
const DONT_FRAGMENT = 0x4000;

/** One end of a TCP connection. */
export interface TcpEnd {
  readonly ip: Ip;
  readonly port: number;
}

/**
 * An acknowledgement without data and with a window of zero. `sequence` should be nothing the receiver waits for: an established connection
 * answers an unacceptable segment with an acknowledgement that says where it is (RFC 9293 §3.10.7.4), and whoever knows of no such
 * connection answers that with a reset which the receiver believes. Both ends have the same family.
 */
export function bareAcknowledgement(from: TcpEnd, to: TcpEnd, sequence: number): Uint8Array<ArrayBuffer> {
  assert(from.ip.family === to.ip.family, "both ends have one family");
  const segment = new Uint8Array(TCP_BYTES);
  const view = new DataView(segment.buffer);
  view.setUint16(0, from.port);
  view.setUint16(2, to.port);
  view.setUint32(4, sequence);
  segment[12] = (TCP_BYTES / 4) << 4;
  segment[13] = ACK;
  // The pseudo-header of IPv4 has the same numbers in it as that of IPv6.
  view.setUint16(16, checksum6(segment, { source: from.ip, destination: to.ip, nextHeader: TCP }));
  const header = from.ip.family === 4 ? header4(from.ip, to.ip) : header6(from.ip, to.ip);
  const packet = new Uint8Array(header.length + TCP_BYTES);
  packet.set(header);
  packet.set(segment, header.length);
  return packet;
}

/** The kernel writes the length and the checksum of a raw IPv4 packet (raw(7)). */
function header4(source: Ip, destination: Ip): Uint8Array {
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  header[0] = 0x45;
  view.setUint16(2, header.length + TCP_BYTES);
  view.setUint16(6, DONT_FRAGMENT);
  header[8] = HOPS;
  header[9] = TCP;
  header.set(source.bytes, 12);
  header.set(destination.bytes, 16);
  return header;
}

function header6(source: Ip, destination: Ip): Uint8Array {
  const header = new Uint8Array(40);
  header[0] = 0x60;
  new DataView(header.buffer).setUint16(4, TCP_BYTES);
  header[6] = TCP;
  header[7] = HOPS;
  header.set(source.bytes, 8);
  header.set(destination.bytes, 24);
  return header;
}
