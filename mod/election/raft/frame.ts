/**
 * The datagrams members exchange: `[magic, version][kind][cluster, 8][from][to][sender session, 8][receiver session, 8][sequence, 8]
 * [body][HMAC-SHA256 over all of it, first 16 bytes]`. Naming the receiver under the code makes a datagram useless anywhere else.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { WireError } from "../../net/errors.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { HmacSha256 } from "./hmac.ts";
import type { MemberId } from "./types.ts";

/** "KVP". */
const MAGIC = Uint8Array.of(0x4b, 0x56, 0x50);
const VERSION = 1;
/** Truncation as RFC 2104 §5 allows: half of the output. */
const CODE_BYTES = 16;
const CLUSTER_BYTES = 8;
/** Bytes of a challenge. */
export const NONCE_BYTES = 16;
/** What one datagram carries at most; with the longest ids it stays under the 65,507 bytes of UDP over IPv4. */
export const MAX_PAYLOAD_BYTES = 60_001;

/** What all members of a cluster share. */
export interface PeerKeys {
  readonly cluster: Uint8Array;
  readonly mac: Uint8Array;
  /** Makes codes with {@link mac}. */
  readonly hmac: HmacSha256;
}

/** The fields of every datagram. Session 0 as the receiver's: not known yet. */
export interface Envelope {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly senderSession: bigint;
  readonly receiverSession: bigint;
  readonly sequence: number;
}

/** What a datagram says: three steps of the handshake, or data. */
export type Content =
  | { readonly kind: "hello"; readonly nonce: Uint8Array }
  | { readonly kind: "welcome"; readonly echo: Uint8Array; readonly nonce: Uint8Array }
  | { readonly kind: "confirm"; readonly echo: Uint8Array }
  | { readonly kind: "data"; readonly payload: Uint8Array };

const KINDS = ["hello", "welcome", "confirm", "data"] as const satisfies readonly Content["kind"][];

/** A datagram that was read; `genuine` says whether its code is right. */
export type ReadFrame =
  | { readonly outcome: "read"; readonly genuine: boolean; readonly envelope: Envelope; readonly content: Content }
  | { readonly outcome: "wrong-cluster" }
  | { readonly outcome: "malformed" };

/**
 * The keys of a cluster. Without a secret the key is made from the empty string: everybody can compute it, so the codes then guard
 * against accidents, not against people.
 */
export function deriveKeys(secret: string | null, clusterId: string): PeerKeys {
  const cluster = createHash("sha256").update(`kube-vip cluster v1 ${clusterId}`).digest().subarray(0, CLUSTER_BYTES);
  const mac = createHmac("sha256", secret ?? "").update(`kube-vip peers v1 ${clusterId}`).digest();
  return { cluster: Uint8Array.from(cluster), mac: Uint8Array.from(mac), hmac: new HmacSha256(mac) };
}

/** The bytes of a datagram. */
export function encodeFrame(
  keys: PeerKeys,
  envelope: Envelope,
  { content }: { content: Content },
): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter().raw(MAGIC).u8(VERSION).u8(KINDS.indexOf(content.kind)).raw(keys.cluster);
  out.text(envelope.from).text(envelope.to).u64(envelope.senderSession).u64(envelope.receiverSession);
  out.u64(BigInt(envelope.sequence));
  if (content.kind === "data") {
    assert(content.payload.length <= MAX_PAYLOAD_BYTES, `a payload of ${content.payload.length} bytes`);
    out.raw(content.payload);
  } else {
    if (content.kind !== "hello") out.raw(content.echo);
    if (content.kind !== "confirm") out.raw(content.nonce);
  }
  return out.raw(code(keys, out.written)).finish();
}

/** Reads a datagram; never throws for bytes from outside. */
export function readFrame(keys: PeerKeys, datagram: Uint8Array): ReadFrame {
  const signedBytes = datagram.length - CODE_BYTES;
  if (signedBytes < 0) return { outcome: "malformed" };
  const signed = datagram.subarray(0, signedBytes);
  try {
    const input: ByteReader = new ByteReader("peer datagram", signed);
    if (!equal(input.raw(MAGIC.length), MAGIC) || input.u8() !== VERSION) return { outcome: "malformed" };
    const kind = KINDS[input.u8()];
    if (kind === undefined) return { outcome: "malformed" };
    if (!equal(input.raw(CLUSTER_BYTES), keys.cluster)) return { outcome: "wrong-cluster" };
    const envelope = readEnvelope(input);
    const content = readContent(input, kind);
    input.end();
    const genuine = timingSafeEqual(code(keys, signed), datagram.subarray(signedBytes));
    return { outcome: "read", genuine, envelope, content };
  } catch (error) {
    if (error instanceof WireError) return { outcome: "malformed" };
    throw error;
  }
}

/** True if both are the same bytes; in constant time for equal lengths. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function readEnvelope(input: ByteReader): Envelope {
  const from = input.text();
  const to = input.text();
  const senderSession = input.u64();
  const receiverSession = input.u64();
  const at = input.at;
  const sequence = input.u64();
  if (senderSession === 0n) input.fail(at, "session 0", "a session");
  if (sequence > BigInt(Number.MAX_SAFE_INTEGER)) input.fail(at, String(sequence), "at most 2^53 - 1");
  return { from, to, senderSession, receiverSession, sequence: Number(sequence) };
}

function readContent(input: ByteReader, kind: Content["kind"]): Content {
  switch (kind) {
    case "hello":
      return { kind, nonce: input.raw(NONCE_BYTES) };
    case "welcome":
      return { kind, echo: input.raw(NONCE_BYTES), nonce: input.raw(NONCE_BYTES) };
    case "confirm":
      return { kind, echo: input.raw(NONCE_BYTES) };
    case "data":
      if (input.left > MAX_PAYLOAD_BYTES) input.fail(input.at, `${input.left} bytes`, `at most ${MAX_PAYLOAD_BYTES}`);
      return { kind, payload: input.raw(input.left) };
  }
}

function code(keys: PeerKeys, signed: Uint8Array): Uint8Array {
  return keys.hmac.code(signed).subarray(0, CODE_BYTES);
}
