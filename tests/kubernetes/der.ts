/** Just enough of DER (ITU-T X.690) to write a certificate. */

/** Tags of universal types, and of context-specific ones as functions. */
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: tag, length, content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = join(content);
  return join([Uint8Array.of(tag), lengthOf(body.length), body]);
}

/** SEQUENCE of elements. */
export function sequence(...items: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return element(TAG.sequence, ...items);
}

/** SET of one element. */
export function setOf(item: Uint8Array): Uint8Array<ArrayBuffer> {
  return element(TAG.set, item);
}

/** INTEGER of an unsigned number given as bytes, the most significant first. */
export function unsigned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const first = bytes.findIndex((byte) => byte !== 0);
  const short = first < 0 ? Uint8Array.of(0) : bytes.subarray(first);
  return element(TAG.integer, (short[0] ?? 0) > 0x7f ? Uint8Array.of(0) : new Uint8Array(), short);
}

/** BOOLEAN true. */
export function yes(): Uint8Array<ArrayBuffer> {
  return element(TAG.boolean, Uint8Array.of(0xff));
}

/** BIT STRING of whole bytes, or with so many bits of the last byte unused. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array<ArrayBuffer> {
  return element(TAG.bitString, Uint8Array.of(unusedBits), bytes);
}

/** OCTET STRING. */
export function octetString(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return element(TAG.octetString, bytes);
}

/** UTF8String. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return element(TAG.utf8, new TextEncoder().encode(text));
}

/** UTCTime, `YYMMDDHHMMSSZ`, for the years 1950 to 2049 (RFC 5280 §4.1.2.5.1). */
export function time(text: string): Uint8Array<ArrayBuffer> {
  return element(TAG.utcTime, new TextEncoder().encode(text));
}

/** OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Uint8Array<ArrayBuffer> {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(TAG.oid, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

/** A context-specific element: `[number]`, constructed or primitive. */
export function tagged(
  number: number,
  content: Uint8Array,
  form: "constructed" | "primitive",
): Uint8Array<ArrayBuffer> {
  return element((form === "constructed" ? 0xa0 : 0x80) + number, content);
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift(rest % 128 + 128);
  return digits;
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  if (length < 0x100) return Uint8Array.of(0x81, length);
  return Uint8Array.of(0x82, length >> 8, length & 0xff);
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
