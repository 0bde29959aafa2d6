/** The election's heartbeats as they pass on the wire. Pure. */

import type { BpfProgram } from "../../../mod/net/bpf.ts";
import { WireError } from "../../../mod/net/errors.ts";
import { type PeerKeys, readFrame } from "../../../mod/election/raft/frame.ts";
import { RAFT_CHANNEL } from "../../../mod/election/raft/mux.ts";
import { decodeMessage } from "../../../mod/election/raft/wire.ts";

const ETHERNET_BYTES = 14;
const UDP_HEADER_BYTES = 8;
const IPV4 = 0x0800;
const UDP = 17;
// BPF_LD|BPF_ABS with BPF_W, BPF_H and BPF_B; BPF_LDX|BPF_MSH; BPF_LD|BPF_IND|BPF_H; BPF_JMP|BPF_JEQ; BPF_RET
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
const LOAD_HEADER_LENGTH = 0xb1;
const LOAD_HALF_AFTER_HEADER = 0x48;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
const WHOLE_FRAME = 0x40000;

/** Lets in the datagrams that `sender`, 4 bytes, sends from this port: the kernel drops the rest before anybody is woken. */
export function senderFilter(sender: Uint8Array, port: number): BpfProgram {
  const word = new DataView(Uint8Array.from(sender).buffer).getUint32(0);
  const load = (code: number, k: number): BpfProgram[number] => ({ code, jt: 0, jf: 0, k });
  const tests = [
    [load(LOAD_HALF, 12), IPV4],
    [load(LOAD_BYTE, ETHERNET_BYTES + 9), UDP],
    [load(LOAD_WORD, ETHERNET_BYTES + 12), word],
  ] as const;
  const reject = load(RETURN, 0);
  const demand = (value: number): BpfProgram => [{ code: JUMP_EQUAL, jt: 1, jf: 0, k: value }, reject];
  return [
    ...tests.flatMap(([instruction, value]) => [instruction, ...demand(value)]),
    load(LOAD_HEADER_LENGTH, ETHERNET_BYTES),
    load(LOAD_HALF_AFTER_HEADER, ETHERNET_BYTES),
    ...demand(port),
    load(RETURN, WHOLE_FRAME),
  ];
}

/** Whom a frame with a heartbeat is for; null: it is another message of the election, or none. */
export function beatReceiver(frame: Uint8Array, keys: PeerKeys): string | null {
  const headerBytes = 4 * ((frame[ETHERNET_BYTES] ?? 0) & 0x0f);
  const udpBytes = (frame[ETHERNET_BYTES + headerBytes + 4] ?? 0) << 8 | (frame[ETHERNET_BYTES + headerBytes + 5] ?? 0);
  const from = ETHERNET_BYTES + headerBytes + UDP_HEADER_BYTES;
  const read = readFrame(keys, frame.subarray(from, from + udpBytes - UDP_HEADER_BYTES));
  if (read.outcome !== "read" || read.content.kind !== "data") return null;
  const [channel] = read.content.payload;
  if (channel !== RAFT_CHANNEL) return null;
  try {
    return decodeMessage(read.content.payload.subarray(1)).type === "beat" ? read.envelope.to : null;
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

/** The times of the heartbeats to each receiver, from lines `b <receiver> <at ms>`; other lines are left out. */
export function beatTimes(lines: readonly string[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const line of lines) {
    const [kind, receiver = "", at = ""] = line.split(" ");
    if (kind !== "b") continue;
    const known = times.get(receiver);
    if (known === undefined) times.set(receiver, [Number(at)]);
    else known.push(Number(at));
  }
  return times;
}
