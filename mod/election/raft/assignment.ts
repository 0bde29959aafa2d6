/**
 * The replicated state machine: which member holds which address, as far as the leader has decided. It only informs (status, and
 * stickiness of the next placement); the right to hold comes with the leader's beats.
 */
import { WireError } from "../../net/errors.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { MemberId } from "./types.ts";
import { list } from "./wire.ts";

const VERSION = 1;
/** A log entry has to fit one datagram with others ({@link RaftCore.propose}). */
const MAX_ENTRY_BYTES = 1000;
const MAX_ADDRESSES = 1024;
const MAX_MEMBERS = 64;

/** An address and its member; null: the address is not assigned any more. */
type Change = readonly [ip: string, member: MemberId | null];

/** The assignment as of the entries that were applied. */
export class Assignment {
  #holders = new Map<string, MemberId>();
  #ignored = 0;

  get holders(): ReadonlyMap<string, MemberId> {
    return this.#holders;
  }

  /** Entries that could not be read: a leader of a later version. */
  get ignored(): number {
    return this.#ignored;
  }

  /** Applies a committed entry's data. */
  apply(data: Uint8Array): void {
    const changes = decode(data);
    if (changes === null) {
      this.#ignored++;
      return;
    }
    for (const [ip, member] of changes) {
      if (member === null) this.#holders.delete(ip);
      else if (this.#holders.size < MAX_ADDRESSES || this.#holders.has(ip)) this.#holders.set(ip, member);
    }
  }

  /** The data of a log entry that brings the assignment closer to `wanted`; null if they are equal. */
  entryTowards(wanted: ReadonlyMap<string, MemberId>): Uint8Array | null {
    const changes: Change[] = [];
    for (const [ip, member] of wanted) if (this.#holders.get(ip) !== member) changes.push([ip, member]);
    for (const ip of this.#holders.keys()) if (!wanted.has(ip)) changes.push([ip, null]);
    if (changes.length === 0) return null;
    for (let count = changes.length;; count = Math.ceil(count / 2)) {
      const data = encode(changes.slice(0, count));
      if (data.length <= MAX_ENTRY_BYTES || count === 1) return data;
    }
  }

  /** All of it, for a snapshot. */
  snapshot(): Uint8Array {
    return encode([...this.#holders]);
  }

  /** Takes the place of all that was applied. */
  restore(data: Uint8Array): void {
    this.#holders = new Map();
    if (data.length > 0) this.apply(data);
  }
}

function encode(changes: readonly Change[]): Uint8Array {
  const members = [...new Set(changes.flatMap(([, member]) => member === null ? [] : [member]))];
  const out = new ByteWriter().u8(VERSION).count(members.length);
  for (const member of members) out.text(member);
  out.count(changes.length);
  for (const [ip, member] of changes) out.text(ip).count(member === null ? 0 : members.indexOf(member) + 1);
  return out.finish();
}

function decode(data: Uint8Array): Change[] | null {
  try {
    const input: ByteReader = new ByteReader("assignment", data);
    const version = input.u8();
    if (version !== VERSION) return null;
    const members = list(input, MAX_MEMBERS, (each) => each.text());
    const changes = list(input, MAX_ADDRESSES, (each): Change => {
      const ip = each.text();
      return [ip, members[each.count(members.length) - 1] ?? null];
    });
    input.end();
    return changes;
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}
