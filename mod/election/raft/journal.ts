/**
 * The form of the state file: eight bytes of magic, then records `[length u32][checksum of the body u32][checksum of the two u32][body]`.
 *
 * The first record names the owner and carries the whole state of that moment; it reaches the disk before the file gets its name, so a
 * crash cannot tear it. Each later record is one group of batches, written and synchronised before the next begins, so a crash can
 * tear only the last one. Everything else that does not read back is damage.
 */
import { assert } from "../../base/assert.ts";
import { WireError } from "../../net/errors.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { crc32 } from "./crc32.ts";
import type { Batch } from "./storage.ts";
import type { HardState, MemberId, Stored } from "./types.ts";
import { list, readEntry, readSnapshot, writeEntry, writeSnapshot } from "./wire.ts";

/** "kvipraf" and the version of the format. */
const MAGIC = Uint8Array.of(0x6b, 0x76, 0x69, 0x70, 0x72, 0x61, 0x66, 1);
const RECORD_HEAD_BYTES = 12;
const MAX_ENTRIES = 1 << 20;

/** Batches in one record. */
export const MAX_GROUP = 64;
/** A file beyond this is not one of ours: the log is compacted long before. */
export const MAX_JOURNAL_BYTES = 64 * 1024 * 1024;

/** Whose state a file holds. */
export interface Owner {
  readonly member: MemberId;
  readonly cluster: string;
}

/** What a file holds. `goodBytes` of it are whole records; what follows is the torn rest of a write that never finished. */
export type Replayed =
  | { readonly outcome: "whole"; readonly stored: Stored; readonly goodBytes: number; readonly cutBytes: number }
  | { readonly outcome: "damaged"; readonly detail: string };

/** The state after a batch, or why the batch does not follow from the state. */
export type Applied =
  | { readonly outcome: "applied"; readonly stored: Stored }
  | { readonly outcome: "refused"; readonly detail: string };

/** The state of a member that has never written any. */
export const NOTHING_STORED: Stored = { hard: { term: 0, vote: null, joining: false }, snapshot: null, entries: [] };

/** True if a member with this state has never voted, seen a term or kept an entry. */
export function isNothing(stored: Stored): boolean {
  const { term, vote, joining } = stored.hard;
  return term === 0 && vote === null && !joining && stored.snapshot === null && stored.entries.length === 0;
}

/** A new file with the whole state in it. */
export function encodeJournal(owner: Owner, stored: Stored): Uint8Array<ArrayBuffer> {
  const body = new ByteWriter().text(owner.member).text(owner.cluster);
  writeBatch(body, { ...stored, truncateFrom: null });
  return new ByteWriter().raw(MAGIC).raw(record(body.finish())).finish();
}

/** One record with batches in order, to be appended to a file. */
export function encodeGroup(batches: readonly Batch[]): Uint8Array<ArrayBuffer> {
  assert(batches.length > 0 && batches.length <= MAX_GROUP, `a group of ${batches.length} batches`);
  const body = new ByteWriter().count(batches.length);
  for (const batch of batches) writeBatch(body, batch);
  return record(body.finish());
}

/** What `batch` makes of `stored`; see {@link Batch} for the meaning of its parts. */
export function applyBatch(stored: Stored, batch: Batch): Applied {
  const hard = batch.hard ?? stored.hard;
  if (hard.term < stored.hard.term) return refused(`term ${hard.term} after term ${stored.hard.term}`);
  const snapshot = batch.snapshot ?? stored.snapshot;
  const base = snapshot?.index ?? 0;
  if (base < (stored.snapshot?.index ?? 0)) {
    return refused(`a snapshot at ${base} after one at ${stored.snapshot?.index}`);
  }
  const end = batch.truncateFrom ?? Infinity;
  const entries = stored.entries.filter((entry) => entry.index > base && entry.index < end);
  for (const entry of batch.entries) {
    const expected = base + entries.length + 1;
    if (entry.index !== expected) return refused(`entry ${entry.index} where ${expected} is next`);
    entries.push(entry);
  }
  return { outcome: "applied", stored: { hard, snapshot, entries } };
}

/** Reads a file that has to belong to `owner`. */
export function replay(bytes: Uint8Array, owner: Owner): Replayed {
  if (bytes.length > MAX_JOURNAL_BYTES) {
    return damaged(`it is ${bytes.length} bytes long, more than ${MAX_JOURNAL_BYTES}`);
  }
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) return damaged("it is not a kube-vip state file of version 1");
  const first = nextRecord(bytes, MAGIC.length);
  if (first.outcome !== "record") return damaged(`its first record does not read back (offset ${MAGIC.length})`);
  const head = decode(first.body, readHead);
  if (typeof head === "string") return damaged(head);
  if (head.owner.member !== owner.member || head.owner.cluster !== owner.cluster) {
    const [theirs, ours] = [describe(head.owner), describe(owner)];
    return damaged(`it belongs to ${theirs}; this is ${ours}`);
  }
  const start = applyBatch(NOTHING_STORED, { ...head.base, truncateFrom: null });
  if (start.outcome === "refused") return damaged(`its first record has ${start.detail}`);
  return replayGroups(bytes, first.end, start.stored);
}

function replayGroups(bytes: Uint8Array, from: number, base: Stored): Replayed {
  let stored = base;
  let at = from;
  while (at < bytes.length) {
    const next = nextRecord(bytes, at);
    if (next.outcome === "torn") break;
    if (next.outcome === "bad") return damaged(`the record at offset ${at} does not read back, with others after it`);
    const batches = decode(next.body, (input) => list(input, MAX_GROUP, readBatch));
    if (typeof batches === "string") return damaged(`the record at offset ${at}: ${batches}`);
    for (const batch of batches) {
      const applied = applyBatch(stored, batch);
      if (applied.outcome === "refused") return damaged(`the record at offset ${at} has ${applied.detail}`);
      stored = applied.stored;
    }
    at = next.end;
  }
  return { outcome: "whole", stored, goodBytes: at, cutBytes: bytes.length - at };
}

type Next =
  | { readonly outcome: "record"; readonly body: Uint8Array; readonly end: number }
  | { readonly outcome: "torn" }
  | { readonly outcome: "bad" };

/** The record at `at`; "torn" if it can be the unfinished last one, "bad" if whole records follow, which a crash cannot cause. */
function nextRecord(bytes: Uint8Array, at: number): Next {
  const head = recordHead(bytes, at);
  if (head === null) return recordFollows(bytes, at + 1) ? { outcome: "bad" } : { outcome: "torn" };
  const bodyAt = at + RECORD_HEAD_BYTES;
  const end = bodyAt + head.length;
  const body = bytes.subarray(bodyAt, end);
  if (body.length === head.length && crc32(body) === head.checksum) return { outcome: "record", body, end };
  return end < bytes.length ? { outcome: "bad" } : { outcome: "torn" };
}

function recordFollows(bytes: Uint8Array, from: number): boolean {
  for (let at = from; at + RECORD_HEAD_BYTES <= bytes.length; at++) {
    const head = recordHead(bytes, at);
    if (head === null) continue;
    const bodyAt = at + RECORD_HEAD_BYTES;
    const body = bytes.subarray(bodyAt, bodyAt + head.length);
    if (body.length === head.length && crc32(body) === head.checksum) return true;
  }
  return false;
}

function recordHead(bytes: Uint8Array, at: number): { length: number; checksum: number } | null {
  const head = bytes.subarray(at, at + RECORD_HEAD_BYTES);
  if (head.length < RECORD_HEAD_BYTES) return null;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const length = view.getUint32(0);
  if (length === 0 || crc32(head.subarray(0, 8)) !== view.getUint32(8)) return null;
  return { length, checksum: view.getUint32(4) };
}

function record(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new ByteWriter().u32(body.length).u32(crc32(body)).finish();
  return new ByteWriter().raw(head).u32(crc32(head)).raw(body).finish();
}

function writeBatch(out: ByteWriter, batch: Batch): void {
  out.flag(batch.hard !== null);
  if (batch.hard !== null) writeHard(out, batch.hard);
  out.flag(batch.snapshot !== null);
  if (batch.snapshot !== null) writeSnapshot(out, batch.snapshot);
  out.flag(batch.truncateFrom !== null);
  if (batch.truncateFrom !== null) out.count(batch.truncateFrom);
  out.count(batch.entries.length);
  for (const entry of batch.entries) writeEntry(out, entry);
}

function readBatch(input: ByteReader): Batch {
  return {
    hard: input.flag() ? readHard(input) : null,
    snapshot: input.flag() ? readSnapshot(input) : null,
    truncateFrom: input.flag() ? input.count() : null,
    entries: list(input, MAX_ENTRIES, readEntry),
  };
}

function writeHard(out: ByteWriter, hard: HardState): void {
  out.count(hard.term).flag(hard.joining).flag(hard.vote !== null);
  if (hard.vote !== null) out.text(hard.vote);
}

function readHard(input: ByteReader): HardState {
  return { term: input.count(), joining: input.flag(), vote: input.flag() ? input.text() : null };
}

function readHead(input: ByteReader): { owner: Owner; base: Batch } {
  return { owner: { member: input.text(), cluster: input.text() }, base: readBatch(input) };
}

/** What `read` makes of all of `body`, or a sentence about the first fault. */
function decode<T extends object>(body: Uint8Array, read: (input: ByteReader) => T): T | string {
  try {
    const input: ByteReader = new ByteReader("state record", body);
    const value = read(input);
    input.end();
    return value;
  } catch (error) {
    if (error instanceof WireError) return error.message;
    throw error;
  }
}

function describe(owner: Owner): string {
  return `member "${owner.member}" of cluster "${owner.cluster}"`;
}

function damaged(detail: string): Replayed {
  return { outcome: "damaged", detail };
}

function refused(detail: string): Applied {
  return { outcome: "refused", detail };
}
