/** A router as the far end sees our messages: reads real bytes by the letter of the RFCs, independently of the codec under test. */
import assert from "node:assert/strict";
import { formatIp } from "../../mod/net/ip.ts";

/** A path as it arrived; attributes that were not there are null or empty. */
export interface ModelPath {
  readonly nextHop: string;
  readonly linkLocal: string | null;
  readonly asPath: readonly number[];
  readonly med: number | null;
  readonly localPref: number | null;
  readonly communities: readonly number[];
}

interface Update {
  readonly withdrawn: readonly string[];
  readonly announced: readonly string[];
  readonly path: ModelPath;
  readonly endOfRib: 4 | 6 | null;
}

type Draft = { -readonly [Key in keyof ModelPath]: ModelPath[Key] };

/** The Adj-RIB-In of a router for one session. */
export class ModelPeer {
  readonly routes = new Map<string, ModelPath>();
  /** In the order of arrival: "announce", "withdraw", "end-of-rib 4", "begin 6" and so on. */
  readonly log: string[] = [];
  messages = 0;
  /** During an enhanced refresh: what has not been sent again. */
  readonly #stale = new Map<string, Set<string>>();

  constructor(readonly as4 = true) {}

  /** Takes whole messages. */
  receive(messages: readonly Uint8Array[]): void {
    for (const message of messages) this.#receive(message);
  }

  #receive(message: Uint8Array): void {
    this.messages++;
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    assert.ok(message.subarray(0, 16).every((octet) => octet === 0xff), "marker");
    assert.equal(view.getUint16(16), message.length, "length field");
    assert.ok(message.length <= 4096);
    const type = view.getUint8(18);
    if (type === 5) return this.#refresh(view.getUint16(19) === 1 ? "4" : "6", view.getUint8(21));
    assert.equal(type, 2, "UPDATE");
    this.#apply(readUpdate(message.subarray(19), this.as4));
  }

  #apply(update: Update): void {
    if (update.endOfRib !== null) this.log.push(`end-of-rib ${update.endOfRib}`);
    for (const ip of update.withdrawn) {
      assert.ok(this.routes.delete(ip), `${ip} withdrawn, which was never announced`);
      this.log.push("withdraw");
    }
    for (const ip of update.announced) {
      this.routes.set(ip, update.path);
      this.#stale.get(familyName(ip))?.delete(ip);
      this.log.push("announce");
    }
  }

  /** RFC 7313 §4. */
  #refresh(family: string, subtype: number): void {
    this.log.push(`${subtype === 1 ? "begin" : "end"} ${family}`);
    if (subtype === 1) {
      this.#stale.set(family, new Set([...this.routes.keys()].filter((ip) => familyName(ip) === family)));
      return;
    }
    assert.equal(subtype, 2);
    for (const ip of this.#stale.get(family) ?? []) this.routes.delete(ip);
    this.#stale.delete(family);
  }
}

function familyName(ip: string): string {
  return ip.includes(":") ? "6" : "4";
}

/** RFC 4271 §4.3. */
function readUpdate(body: Uint8Array, as4: boolean): Update {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const withdrawnLength = view.getUint16(0);
  const attributesAt = 4 + withdrawnLength;
  const attributesLength = view.getUint16(2 + withdrawnLength);
  const nlriAt = attributesAt + attributesLength;
  const path: Draft = { nextHop: "", linkLocal: null, asPath: [], med: null, localPref: null, communities: [] };
  const withdrawn = readPrefixes(body.subarray(2, 2 + withdrawnLength), 4);
  const announced = readPrefixes(body.subarray(nlriAt), 4);
  const before = withdrawn.length + announced.length;
  const sink = { path, withdrawn, announced, as4, endOfRib: body.length === 4 ? 4 as const : null };
  const rest: { endOfRib: 4 | 6 | null } = sink;
  readAttributes(body.subarray(attributesAt, nlriAt), sink);
  if (attributesLength === 6 && before === 0 && withdrawn.length === 0) rest.endOfRib = 6;
  return { withdrawn, announced, path, endOfRib: rest.endOfRib };
}

interface Sink {
  readonly path: Draft;
  readonly withdrawn: string[];
  readonly announced: string[];
  readonly as4: boolean;
}

function readAttributes(bytes: Uint8Array, sink: Sink): void {
  let at = 0;
  while (at < bytes.length) {
    const flags = bytes[at] ?? 0;
    const type = bytes[at + 1] ?? 0;
    const isLong = (flags & 0x10) !== 0;
    const length = isLong ? ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0) : bytes[at + 2] ?? 0;
    const start = at + (isLong ? 4 : 3);
    readAttribute(type, bytes.subarray(start, start + length), sink);
    at = start + length;
  }
  assert.equal(at, bytes.length, "attributes fill their field");
}

function readAttribute(type: number, value: Uint8Array, { path, withdrawn, announced, as4 }: Sink): void {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (type === 2) path.asPath = readAsPath(view, as4);
  else if (type === 3) path.nextHop = formatIp(value);
  else if (type === 4) path.med = view.getUint32(0);
  else if (type === 5) path.localPref = view.getUint32(0);
  else if (type === 8) path.communities = Array.from({ length: value.length / 4 }, (_, i) => view.getUint32(4 * i));
  else if (type === 14) {
    const hopLength = view.getUint8(3);
    path.nextHop = formatIp(value.slice(4, 4 + Math.min(16, hopLength)));
    path.linkLocal = hopLength === 32 ? formatIp(value.slice(20, 36)) : null;
    announced.push(...readPrefixes(value.subarray(5 + hopLength), view.getUint16(0) === 1 ? 4 : 6));
  } else if (type === 15) withdrawn.push(...readPrefixes(value.subarray(3), view.getUint16(0) === 1 ? 4 : 6));
}

function readAsPath(view: DataView, as4: boolean): number[] {
  if (view.byteLength === 0) return [];
  assert.equal(view.getUint8(0), 2, "AS_SEQUENCE");
  const size = as4 ? 4 : 2;
  assert.equal(view.byteLength, 2 + view.getUint8(1) * size);
  return Array.from(
    { length: view.getUint8(1) },
    (_, i) => as4 ? view.getUint32(2 + 4 * i) : view.getUint16(2 + 2 * i),
  );
}

function readPrefixes(bytes: Uint8Array, family: 4 | 6): string[] {
  const size = family === 4 ? 4 : 16;
  const ips: string[] = [];
  for (let at = 0; at < bytes.length; at += 1 + size) {
    assert.equal(bytes[at], size * 8, "a host route");
    ips.push(formatIp(bytes.slice(at + 1, at + 1 + size)));
  }
  return ips;
}
