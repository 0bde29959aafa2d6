import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { readZipMember, ZipError } from "../../deploy/zip.ts";

interface Entry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly method: number;
  readonly flags?: number;
  readonly unpackedBytes?: number;
}

/** Writes an archive the way APPNOTE 6.3 lays it out, with room for lies about methods, flags and sizes. */
function zip(entries: readonly Entry[], comment = ""): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const entry of entries) {
    const packed = entry.method === 8 ? deflateRawSync(entry.data) : entry.data;
    const name = new TextEncoder().encode(entry.name);
    const unpacked = entry.unpackedBytes ?? entry.data.length;
    const flags = entry.flags ?? 0;
    const local = words([[4, 0x04034b50], [2, 20], [2, flags], [2, entry.method], [8, 0], [4, packed.length]]);
    const localRest = words([[4, unpacked], [2, name.length], [2, 3]]);
    parts.push(local, localRest, name, new Uint8Array(3), packed);
    const central = words([[4, 0x02014b50], [4, 0], [2, flags], [2, entry.method], [8, 0], [4, packed.length]]);
    const centralRest = words([[4, unpacked], [2, name.length], [2, 5], [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]);
    directory.push(central, centralRest, name, new Uint8Array(5));
    offset += 30 + name.length + 3 + packed.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const note = new TextEncoder().encode(comment);
  const end = words([[4, 0x06054b50], [4, 0], [2, entries.length], [2, entries.length], [4, size], [4, offset]]);
  return join([...parts, ...directory, end, words([[2, note.length]]), note]);
}

function words(fields: readonly (readonly [number, number])[]): Uint8Array {
  return join(
    fields.map(([bytes, value]) => Uint8Array.from({ length: bytes }, (_, i) => (value / 2 ** (8 * i)) & 255)),
  );
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const TEXT = new TextEncoder().encode("a virtual address ".repeat(5000));
const STORED: Entry = { name: "dir/stored", data: TEXT.slice(0, 10), method: 0 };
const DEFLATED: Entry = { name: "dir/deflated", data: TEXT, method: 8 };

Deno.test("readZipMember() unpacks stored and deflated members wherever they stand", async () => {
  const archive = zip([STORED, DEFLATED, { ...STORED, name: "last" }]);
  assert.deepEqual(await readZipMember(archive, "dir/stored"), STORED.data);
  assert.deepEqual(await readZipMember(archive, "dir/deflated"), TEXT);
  assert.deepEqual(await readZipMember(archive, "last"), STORED.data);
});

Deno.test("readZipMember() finds the directory behind a comment", async () => {
  assert.deepEqual(await readZipMember(zip([DEFLATED], "made for a test"), "dir/deflated"), TEXT);
});

Deno.test("readZipMember() reads an archive that lies inside a larger buffer", async () => {
  const archive = zip([DEFLATED]);
  const larger = join([new Uint8Array(11), archive]);
  assert.deepEqual(await readZipMember(larger.subarray(11), "dir/deflated"), TEXT);
});

const MALFORMED: readonly (readonly [string, Uint8Array<ArrayBuffer>, RegExp])[] = [
  ["an empty file", new Uint8Array(0), /not a zip file/],
  ["text", join([TEXT]), /not a zip file/],
  ["a name that is absent", zip([STORED]), /Cannot find "dir\/deflated" among 1 members/],
  ["an encrypted member", zip([{ ...DEFLATED, flags: 1 }]), /encrypted/],
  ["an unknown method", zip([{ ...DEFLATED, method: 12 }]), /method 12/],
  ["zip64 sizes", zip([{ ...DEFLATED, unpackedBytes: 0xffffffff }]), /zip64/],
  ["more data than announced", zip([{ ...DEFLATED, unpackedBytes: TEXT.length - 1 }]), /more than 89999 bytes/],
  ["less data than announced", zip([{ ...DEFLATED, unpackedBytes: TEXT.length + 1 }]), /got 90000 of 90001/],
  ["a directory cut away", zip([DEFLATED]).slice(60), /Cannot read/],
];

for (const [what, archive, message] of MALFORMED) {
  Deno.test(`readZipMember() refuses ${what}`, async () => {
    await assert.rejects(
      readZipMember(archive, "dir/deflated"),
      (error) => error instanceof ZipError && message.test(error.message),
    );
  });
}

Deno.test("readZipMember() reports damaged compressed data as such", async () => {
  const archive = zip([DEFLATED]);
  archive.fill(0xff, 60, 120);
  await assert.rejects(readZipMember(archive, "dir/deflated"), ZipError);
});
