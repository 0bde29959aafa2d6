/**
 * Reads one member of a zip file (a Python wheel is one), so that no `unzip` is needed on the building machine.
 *
 * Layout from PKWARE's APPNOTE 6.3: end record §4.3.16, central directory §4.3.12, local header §4.3.7. Stored and
 * deflated members are read; zip64, encryption and split archives are refused. The checksum of a member is not looked
 * at, because callers compare the whole file with a pinned digest first.
 */

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_BYTES = 22;
/** The comment behind the end record is at most this long (a 16-bit length). */
const COMMENT_BYTES_MAX = 0xffff;

/** Thrown when bytes are not a zip file that can be read here. */
export class ZipError extends Error {
  override readonly name = "ZipError";
}

interface Member {
  readonly method: number;
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  readonly localOffset: number;
}

/**
 * Unpacks the member called `name`.
 *
 * @throws {ZipError} if the archive is damaged, has no such member, or uses a feature that is not supported
 */
export async function readZipMember(zip: Uint8Array<ArrayBuffer>, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.length);
  const member = findMember(view, name);
  const local = member.localOffset;
  requireBytes(view, local, 30);
  if (view.getUint32(local, true) !== LOCAL_SIGNATURE) throw new ZipError(`Cannot find local header of "${name}"`);
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  requireBytes(view, start, member.packedBytes);
  const packed = zip.subarray(start, start + member.packedBytes);
  const unpacked = member.method === 0 ? packed : await inflate(packed, member.unpackedBytes);
  if (unpacked.length !== member.unpackedBytes) {
    throw new ZipError(`Cannot unpack "${name}": got ${unpacked.length} of ${member.unpackedBytes} bytes`);
  }
  return unpacked;
}

function findMember(view: DataView, name: string): Member {
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    requireBytes(view, at, 46);
    if (view.getUint32(at, true) !== CENTRAL_SIGNATURE) throw new ZipError(`Cannot read directory entry ${i}`);
    const nameBytes = view.getUint16(at + 28, true);
    requireBytes(view, at + 46, nameBytes);
    const found = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 46, nameBytes));
    if (found === name) return readMember(view, at, name);
    at += 46 + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  throw new ZipError(`Cannot find "${name}" among ${count} members`);
}

function readMember(view: DataView, at: number, name: string): Member {
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  if ((flags & 1) !== 0) throw new ZipError(`Cannot unpack "${name}": it is encrypted`);
  if (method !== 0 && method !== 8) throw new ZipError(`Cannot unpack "${name}": method ${method}, 0 or 8 is accepted`);
  const packedBytes = view.getUint32(at + 20, true);
  const unpackedBytes = view.getUint32(at + 24, true);
  if (packedBytes === 0xffffffff || unpackedBytes === 0xffffffff) {
    throw new ZipError(`Cannot unpack "${name}": zip64 is not supported`);
  }
  return { method, packedBytes, unpackedBytes, localOffset: view.getUint32(at + 42, true) };
}

function findEnd(view: DataView): number {
  const lowest = Math.max(0, view.byteLength - END_BYTES - COMMENT_BYTES_MAX);
  for (let at = view.byteLength - END_BYTES; at >= lowest; at--) {
    if (view.getUint32(at, true) === END_SIGNATURE) return at;
  }
  throw new ZipError("Cannot find end of directory: not a zip file");
}

function requireBytes(view: DataView, at: number, length: number): void {
  if (at + length > view.byteLength) {
    throw new ZipError(`Cannot read ${length} bytes at ${at}: file ends at ${view.byteLength}`);
  }
}

/** Fills a buffer of the announced size, so that a lying size costs no more memory than it announced. */
async function inflate(packed: Uint8Array<ArrayBuffer>, unpackedBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const out = new Uint8Array(unpackedBytes);
  let filled = 0;
  try {
    for await (const part of new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"))) {
      if (filled + part.length > unpackedBytes) throw new ZipError(`Cannot unpack: more than ${unpackedBytes} bytes`);
      out.set(part, filled);
      filled += part.length;
    }
  } catch (cause) {
    if (cause instanceof ZipError) throw cause;
    throw new ZipError("Cannot unpack: compressed data is damaged", { cause });
  }
  return out.subarray(0, filled);
}
