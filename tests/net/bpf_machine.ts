import assert from "node:assert/strict";
import type { BpfProgram } from "../../mod/net/bpf.ts";

/** A received frame with what the kernel keeps beside its bytes. */
export interface Received {
  readonly bytes: Uint8Array;
  /** PACKET_HOST 0, PACKET_BROADCAST 1, PACKET_MULTICAST 2, PACKET_OTHERHOST 3, PACKET_OUTGOING 4. */
  readonly packetType: number;
  /** The stripped tag's control information, null when there was none. */
  readonly vlan: number | null;
}

const MAX_INSTRUCTIONS = 4096;

/**
 * Runs a classic BPF program as net/core/filter.c does, for the instructions our programs may use, and gives how many
 * bytes it keeps: 0 refuses the frame. Like the kernel's checker it insists on forward jumps inside the program, on
 * memory that was written before it is read, and on a return at the end.
 */
export function runBpf(program: BpfProgram, frame: Received): number {
  assert(program.length > 0 && program.length <= MAX_INSTRUCTIONS, `${program.length} instructions`);
  assert.equal(program.at(-1)?.code, 0x06, "the last instruction is a return");
  const memory = new Map<number, number>();
  let accumulator = 0;
  let at = 0;
  while (true) {
    const instruction = program[at];
    assert(instruction !== undefined, `jump to ${at} of ${program.length}`);
    const { code, jt, jf, k } = instruction;
    assert([jt, jf].every((jump) => Number.isInteger(jump) && jump >= 0 && jump <= 255), `jumps ${jt} ${jf} at ${at}`);
    assert(Number.isInteger(k) && k >= 0 && k <= 0xffffffff, `constant ${k} at ${at}`);
    at++;
    if (code === 0x06) return k;
    else if (code === 0x20 || code === 0x28 || code === 0x30) {
      const value = load(frame, { at: k, size: code === 0x20 ? 4 : code === 0x28 ? 2 : 1 });
      if (value === null) return 0;
      accumulator = value;
    } else if (code === 0x60) {
      const value = memory.get(k);
      assert(value !== undefined, `memory ${k} is read before it is written`);
      accumulator = value;
    } else if (code === 0x02) {
      assert(k < 16, `memory ${k}`);
      memory.set(k, accumulator);
    } else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x05) at += k;
    else if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x35) at += accumulator >= k ? jt : jf;
    else assert.fail(`unknown instruction ${code}`);
  }
}

/** A field of the frame or a fact beside it; null outside the frame, which ends the program. */
function load(frame: Received, { at, size }: { at: number; size: number }): number | null {
  if (at === 0xfffff004) return frame.packetType;
  if (at === 0xfffff02c) return frame.vlan ?? 0xabcd; // stale without a tag, so it must not be looked at
  if (at === 0xfffff030) return frame.vlan === null ? 0 : 1;
  // SKF_NET_OFF: counted from the IP header, here after an Ethernet header.
  if (at >= 0xfff00000 && at < 0xfffff000) return load(frame, { at: at - 0xfff00000 + 14, size });
  assert(at < 0xffff, `unknown fact ${at}`);
  if (at + size > frame.bytes.length) return null;
  return frame.bytes.subarray(at, at + size).reduce((value, byte) => value * 256 + byte, 0);
}
