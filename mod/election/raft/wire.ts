/**
 * Messages between members as bytes: a version, a type, then the fields in the order of `types.ts`. Numbers are in the
 * shortest of one form, so equal messages have equal bytes and the decoder accepts nothing else.
 */
import { assert, assertNever } from "../../base/assert.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Append, Beat, Entry, Message, Snapshot, VoteReply, VoteRequest } from "./types.ts";

const VERSION = 1;

/** No message is longer: it has to fit one datagram (65,507 bytes over IPv4) together with its frame. */
export const MAX_MESSAGE_BYTES = 60_000;
/** Entries in one append. */
export const MAX_APPEND_ENTRIES = 256;
/** Addresses in one beat. */
export const MAX_BEAT_HOLDS = 512;
/**
 * Terms, indices and rounds count up from here for as long as anybody likes: one a microsecond would take nine years. A greater one is a
 * fault of whoever sent it, and must not be taken over: what follows it could not be encoded any more.
 */
export const MAX_COUNTER = 2 ** 48;
/** Data of one entry or snapshot. */
export const MAX_DATA_BYTES = 56_000;

const TYPES = [
  "preVote",
  "vote",
  "preVoteReply",
  "voteReply",
  "beat",
  "beatReply",
  "resign",
  "timeoutNow",
  "append",
  "appendReply",
  "snapshot",
  "hello",
  "helloReply",
] as const satisfies readonly Message["type"][];

/** The bytes of a message. Throws an AssertionError for one that exceeds the limits above: its maker has to keep them. */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter().u8(VERSION).u8(TYPES.indexOf(message.type));
  writeBody(out, message);
  const bytes = out.finish();
  assert(bytes.length <= MAX_MESSAGE_BYTES, `a ${message.type} of ${bytes.length} bytes`);
  return bytes;
}

/** Reads one message; throws {@link WireError} for anything that {@link encodeMessage} does not write. */
export function decodeMessage(bytes: Uint8Array): Message {
  const input: ByteReader = new ByteReader("raft message", bytes);
  if (bytes.length > MAX_MESSAGE_BYTES) {
    input.fail(0, `${bytes.length} bytes long`, `at most ${MAX_MESSAGE_BYTES} bytes`);
  }
  const version = input.u8();
  if (version !== VERSION) input.fail(0, version, `version ${VERSION}`);
  const code = input.u8();
  const type = TYPES[code];
  if (type === undefined) input.fail(1, code, `a type from 0 to ${TYPES.length - 1}`);
  const message = readBody(input, type);
  input.end();
  return message;
}

function writeBody(out: ByteWriter, message: Message): void {
  switch (message.type) {
    case "preVote":
    case "vote":
      out.count(message.term).count(message.lastIndex).count(message.lastTerm).flag(message.transfer);
      return;
    case "preVoteReply":
    case "voteReply":
      out.count(message.term).flag(message.granted);
      return;
    case "beat":
      return writeBeat(out, message);
    case "beatReply":
      out.count(message.term).count(message.round).double(message.clockMs).count(message.graceMs);
      return;
    case "resign":
    case "timeoutNow":
      out.count(message.term);
      return;
    case "append":
      return writeAppend(out, message);
    case "appendReply":
      out.count(message.term).flag(message.ok).count(message.match);
      return;
    case "snapshot":
      out.count(message.term);
      return writeSnapshot(out, message.snapshot);
    case "hello":
      out.flag(message.fresh).u32(message.nonce);
      return;
    case "helloReply":
      out.count(message.term).flag(message.fresh).u32(message.nonce);
      return;
    default:
      assertNever(message);
  }
}

function readBody(input: ByteReader, type: Message["type"]): Message {
  switch (type) {
    case "preVote":
    case "vote":
      return readVote(input, type);
    case "preVoteReply":
    case "voteReply":
      return { type, term: counter(input), granted: input.flag() } satisfies VoteReply;
    case "beat":
      return readBeat(input);
    case "beatReply":
      return { type, term: counter(input), round: counter(input), clockMs: input.double(), graceMs: counter(input) };
    case "resign":
    case "timeoutNow":
      return { type, term: counter(input) };
    case "append":
      return readAppend(input);
    case "appendReply":
      return { type, term: counter(input), ok: input.flag(), match: counter(input) };
    case "snapshot":
      return { type, term: counter(input), snapshot: readSnapshot(input) };
    case "hello":
      return { type, fresh: input.flag(), nonce: input.u32() };
    case "helloReply":
      return { type, term: counter(input), fresh: input.flag(), nonce: input.u32() };
    default:
      return assertNever(type);
  }
}

function readVote(input: ByteReader, type: VoteRequest["type"]): VoteRequest {
  return { type, term: counter(input), lastIndex: counter(input), lastTerm: counter(input), transfer: input.flag() };
}

function writeBeat(out: ByteWriter, beat: Beat): void {
  assert(beat.holds.length <= MAX_BEAT_HOLDS, `a beat with ${beat.holds.length} addresses`);
  out.count(beat.term).count(beat.round).count(beat.commit).count(beat.lastIndex).flag(beat.echoMs !== null);
  if (beat.echoMs !== null) out.double(beat.echoMs);
  out.double(beat.leaseLeftMs).count(beat.graceMs).count(beat.holds.length);
  for (const ip of beat.holds) out.text(ip);
}

function readBeat(input: ByteReader): Beat {
  return {
    type: "beat",
    term: counter(input),
    round: counter(input),
    commit: counter(input),
    lastIndex: counter(input),
    echoMs: input.flag() ? input.double() : null,
    leaseLeftMs: input.double(),
    graceMs: counter(input),
    holds: list(input, MAX_BEAT_HOLDS, (each) => each.text()),
  };
}

function writeAppend(out: ByteWriter, append: Append): void {
  assert(append.entries.length <= MAX_APPEND_ENTRIES, `an append with ${append.entries.length} entries`);
  out.count(append.term).count(append.prevIndex).count(append.prevTerm).count(append.commit);
  out.count(append.entries.length);
  for (const entry of append.entries) writeEntry(out, entry);
}

function readAppend(input: ByteReader): Append {
  const term = counter(input);
  const prevIndex = counter(input);
  const prevTerm = counter(input);
  const commit = counter(input);
  let expected = prevIndex + 1;
  const entries = list(input, MAX_APPEND_ENTRIES, (each) => {
    const at = each.at;
    const entry = readEntry(each);
    if (entry.index !== expected) each.fail(at, `entry ${entry.index}`, `entry ${expected}`);
    expected++;
    return entry;
  });
  return { type: "append", term, prevIndex, prevTerm, commit, entries };
}

/** An entry, as it stands in messages and in the log file. */
export function writeEntry(out: ByteWriter, entry: Entry): void {
  assert(entry.data.length <= MAX_DATA_BYTES, `an entry of ${entry.data.length} bytes`);
  out.count(entry.index).count(entry.term).block(entry.data);
}

/** Reads what {@link writeEntry} wrote; throws {@link WireError}. */
export function readEntry(input: ByteReader): Entry {
  return { index: counter(input), term: counter(input), data: input.block(MAX_DATA_BYTES) };
}

/** A snapshot, as it stands in messages and in the log file. */
export function writeSnapshot(out: ByteWriter, snapshot: Snapshot): void {
  assert(snapshot.data.length <= MAX_DATA_BYTES, `a snapshot of ${snapshot.data.length} bytes`);
  out.count(snapshot.index).count(snapshot.term).block(snapshot.data);
}

/** Reads what {@link writeSnapshot} wrote; throws {@link WireError}. */
export function readSnapshot(input: ByteReader): Snapshot {
  return { index: counter(input), term: counter(input), data: input.block(MAX_DATA_BYTES) };
}

function counter(input: ByteReader): number {
  return input.count(MAX_COUNTER);
}

/** A list after its length, at most `max` long. */
export function list<T>(input: ByteReader, max: number, read: (input: ByteReader) => T): T[] {
  const length = input.count(max);
  return Array.from({ length }, () => read(input));
}
