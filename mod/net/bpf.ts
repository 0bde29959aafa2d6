/**
 * Classic BPF programs for sockets (linux/filter.h), as data. Those for packet sockets let only frames through that claim one of our
 * addresses, so that a busy link does not wake the process.
 *
 * They read frames as SOCK_RAW gives them, Ethernet header first. The kernel has taken a VLAN tag out of the
 * bytes by then and keeps it beside them, so a tagged frame looks like an untagged one: every program asks for the tag
 * and refuses frames of another VLAN. It also refuses frames that are for other hosts or that this host sent itself.
 */
import { assert } from "../base/assert.ts";

/** One instruction, `struct sock_filter`. */
export interface BpfInstruction {
  /** 16 bits: class, size or operation, mode. */
  readonly code: number;
  /** 8 bits: instructions to skip when the comparison holds. */
  readonly jt: number;
  /** 8 bits: instructions to skip when it does not. */
  readonly jf: number;
  /** 32 bits: the constant. */
  readonly k: number;
}

/** A program; the kernel takes at most 4096 instructions (BPF_MAXINSNS). */
export type BpfProgram = readonly BpfInstruction[];

/**
 * Addresses in one filter. 400 IPv6 addresses of 400 networks stay below BPF_MAXINSNS. The kernel also bounds the
 * translated program by net.core.optmem_max. Its default since 6.9 suffices for every list up to this limit; the older
 * one (20480 bytes) was measured to take 400 IPv4 addresses, 300 random ones of one IPv6 /64, 100 of as many IPv6
 * networks, and answers ENOMEM to 200 of the last. A receiver that is refused the filter goes on without it and compares
 * addresses itself.
 */
export const MAX_FILTER_ADDRESSES = 400;

/** Bytes of one encoded instruction. */
const INSTRUCTION_BYTES = 8;

// BPF_LD|BPF_ABS with BPF_W, BPF_H and BPF_B; BPF_LD|BPF_MEM; BPF_ST
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
const LOAD_MEMORY = 0x60;
const STORE_MEMORY = 0x02;
// BPF_ALU|BPF_AND; BPF_JMP with BPF_JA, BPF_JEQ and BPF_JGE; BPF_RET; all with BPF_K
const AND = 0x54;
const JUMP = 0x05;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const RETURN = 0x06;

/** Loads from here upwards ask for facts beside the bytes (SKF_AD_OFF). */
const FACTS = 0xfffff000;
const FACT_PACKET_TYPE = FACTS + 4;
const FACT_VLAN_TAG = FACTS + 44;
const FACT_VLAN_PRESENT = FACTS + 48;
/** PACKET_OTHERHOST; PACKET_OUTGOING and PACKET_LOOPBACK are larger, what is meant for this host is smaller. */
const PACKET_OTHERHOST = 3;

/** Loads from here upwards count from the IP header, wherever the socket's own view begins (SKF_NET_OFF). */
const NETWORK_HEADER = 0xfff00000;
/** The hop count of RFC 791 §3.1 and of RFC 8200 §3, from the IP header. */
const HOP_COUNT = { 4: 8, 6: 7 } as const;
/** More than any frame: keep all of it. */
const WHOLE_FRAME = 0x40000;
const FARTHEST_SHORT_JUMP = 255;

const REJECT: BpfInstruction = { code: RETURN, jt: 0, jf: 0, k: 0 };
const ACCEPT: BpfInstruction = { code: RETURN, jt: 0, jf: 0, k: WHOLE_FRAME };

/**
 * ARP packets (any operation) whose sender address is in `ips4`, 4 bytes each: somebody claims one of our addresses.
 * At most {@link MAX_FILTER_ADDRESSES}; none at all gives a program that lets nothing through.
 */
export function arpSenderFilter(ips4: readonly Uint8Array[]): BpfProgram {
  return program([
    ...ours(),
    ...demand(LOAD_HALF, { at: 12, value: 0x0806 }),
    ...demand(LOAD_WORD, { at: 14, value: 0x00010800 }), // Ethernet, IPv4
    ...demand(LOAD_HALF, { at: 18, value: 0x0604 }), // address lengths
    load(LOAD_WORD, 28),
    ...anyOf(distinct(ips4, 4).map((words) => words[0] ?? 0)),
  ]);
}

/**
 * Neighbour advertisements whose target is in `ips6`, 16 bytes each, and solicitations for such a target from ::,
 * which others send to detect duplicates: in both cases somebody else claims one of our addresses.
 * At most {@link MAX_FILTER_ADDRESSES}; none at all gives a program that lets nothing through.
 */
export function neighbourAdvertFilter(ips6: readonly Uint8Array[]): BpfProgram {
  const fromNobody = [22, 26, 30, 34].flatMap((at) => demand(LOAD_WORD, { at, value: 0 }));
  const targetWords = [62, 66, 70, 74].flatMap((at, i) => [load(LOAD_WORD, at), store(i)]);
  return program([
    ...ours(),
    ...demand(LOAD_HALF, { at: 12, value: 0x86dd }),
    ...demand(LOAD_BYTE, { at: 20, value: 58 }), // ICMPv6 directly after the fixed header
    ...demand(LOAD_BYTE, { at: 21, value: 255 }), // hop limit
    load(LOAD_BYTE, 54),
    { code: JUMP_EQUAL, jt: 2 + fromNobody.length, jf: 0, k: 136 }, // advertisement
    { code: JUMP_EQUAL, jt: 1, jf: 0, k: 135 }, // solicitation
    REJECT,
    ...fromNobody,
    ...targetWords,
    ...anyTarget(distinct(ips6, 16), 0),
  ]);
}

/**
 * For a UDP socket: datagrams whose TTL or hop limit is still 255, which only a neighbour on the link can send (RFC 5082). Unlike a check
 * by the receiver it keeps others from filling the queue.
 */
export function neighbourFilter(family: 4 | 6): BpfProgram {
  return program([...demand(LOAD_BYTE, { at: NETWORK_HEADER + HOP_COUNT[family], value: 255 }), ACCEPT]);
}

/** The bytes of `struct sock_filter[]` on the little-endian machines we run on. */
export function encodeBpf(instructions: BpfProgram): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  instructions.forEach((instruction, i) => {
    const at = i * INSTRUCTION_BYTES;
    view.setUint16(at, instruction.code, true);
    view.setUint8(at + 2, instruction.jt);
    view.setUint8(at + 3, instruction.jf);
    view.setUint32(at + 4, instruction.k, true);
  });
  return bytes;
}

function program(body: BpfProgram): BpfProgram {
  return [...body, REJECT];
}

/** Falls through for a frame of this link that came from outside, without a tag or with a mere priority tag (VLAN 0). */
function ours(): BpfProgram {
  return [
    load(LOAD_WORD, FACT_PACKET_TYPE),
    { code: JUMP_AT_LEAST, jt: 0, jf: 1, k: PACKET_OTHERHOST },
    REJECT,
    load(LOAD_WORD, FACT_VLAN_PRESENT),
    { code: JUMP_EQUAL, jt: 4, jf: 0, k: 0 },
    load(LOAD_WORD, FACT_VLAN_TAG),
    { code: AND, jt: 0, jf: 0, k: 0x0fff },
    { code: JUMP_EQUAL, jt: 1, jf: 0, k: 0 },
    REJECT,
  ];
}

function load(code: number, at: number): BpfInstruction {
  return { code, jt: 0, jf: 0, k: at };
}

function store(slot: number): BpfInstruction {
  return { code: STORE_MEMORY, jt: 0, jf: 0, k: slot };
}

/** Falls through when the field has this value, else ends the program. A field outside the frame ends it too. */
function demand(code: number, field: { at: number; value: number }): BpfProgram {
  return [load(code, field.at), { code: JUMP_EQUAL, jt: 1, jf: 0, k: field.value }, REJECT];
}

/** Accepts when the accumulator is one of `values`, else falls through. In chunks, since a jump spans 8 bits. */
function anyOf(values: readonly number[]): BpfProgram {
  const instructions: BpfInstruction[] = [];
  for (let start = 0; start < values.length; start += FARTHEST_SHORT_JUMP) {
    const chunk = values.slice(start, start + FARTHEST_SHORT_JUMP);
    chunk.forEach((k, i) => {
      const after = chunk.length - 1 - i;
      instructions.push({ code: JUMP_EQUAL, jt: after, jf: after === 0 ? 1 : 0, k });
    });
    instructions.push(ACCEPT);
  }
  return instructions;
}

/**
 * Accepts when the words in memory from `level` on are those of one of `targets`, else falls through. Targets that
 * begin alike share the comparison of what they share: addresses of one network differ in the last word only.
 */
function anyTarget(targets: readonly Words[], level: number): BpfProgram {
  if (targets.length === 0) return [];
  if (level === 3) return [load(LOAD_MEMORY, level), ...anyOf(targets.map((words) => words[level] ?? 0))];
  const byWord = Map.groupBy(targets, (words) => words[level] ?? 0);
  return [...byWord].flatMap(([word, group]) => [
    load(LOAD_MEMORY, level),
    ...onlyIf(word, anyTarget(group, level + 1)),
  ]);
}

/** Runs `body` when the accumulator is `value`, else skips it. */
function onlyIf(value: number, body: BpfProgram): BpfProgram {
  if (body.length <= FARTHEST_SHORT_JUMP) return [{ code: JUMP_EQUAL, jt: 0, jf: body.length, k: value }, ...body];
  return [{ code: JUMP_EQUAL, jt: 1, jf: 0, k: value }, { code: JUMP, jt: 0, jf: 0, k: body.length }, ...body];
}

type Words = readonly number[];

/** The addresses as 32-bit words, each address once. */
function distinct(ips: readonly Uint8Array[], sizeBytes: number): Words[] {
  const words = new Map<string, Words>();
  for (const ip of ips) {
    assert(ip.length === sizeBytes, `an address of ${ip.length} bytes in a filter for ${sizeBytes}`);
    const view = new DataView(ip.buffer, ip.byteOffset);
    const split = Array.from({ length: sizeBytes / 4 }, (_, i) => view.getUint32(4 * i));
    words.set(split.join(), split);
  }
  assert(words.size <= MAX_FILTER_ADDRESSES, `${words.size} addresses in one filter`);
  return [...words.values()];
}
