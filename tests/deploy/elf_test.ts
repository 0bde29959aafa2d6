import assert from "node:assert/strict";
import { type Arch, ElfError, readElf, sliceRuntime } from "../../deploy/elf.ts";

const MACHINES: readonly (readonly [number, Arch])[] = [[62, "amd64"], [183, "arm64"]];

/** A header, `bodyBytes` of image and two section headers of 64 bytes, then `tail`. */
function program(machine: number, bodyBytes: number, tail: string): Uint8Array {
  const sections = 64 + bodyBytes;
  const appended = new TextEncoder().encode(tail);
  const bytes = new Uint8Array(sections + 128 + appended.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(0x12, machine, true);
  view.setBigUint64(0x28, BigInt(sections), true);
  view.setUint16(0x3a, 64, true);
  view.setUint16(0x3c, 2, true);
  bytes.set(appended, sections + 128);
  return bytes;
}

for (const [machine, arch] of MACHINES) {
  Deno.test(`readElf() tells ${arch} and where the image ends`, () => {
    assert.deepEqual(readElf(program(machine, 100, "appended")), { arch, endBytes: 292 });
  });

  Deno.test(`sliceRuntime() cuts a ${arch} runtime at the marker`, () => {
    const whole = program(machine, 100, "d3n0l4nd and more");
    assert.deepEqual(sliceRuntime(whole, arch), whole.slice(0, 292));
  });
}

Deno.test("sliceRuntime() reads a program that lies inside a larger buffer", () => {
  const whole = program(62, 8, "d3n0l4nd");
  const larger = new Uint8Array(whole.length + 7);
  larger.set(whole, 7);
  assert.deepEqual(sliceRuntime(larger.subarray(7), "amd64"), whole.slice(0, 200));
});

const MALFORMED: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["an empty file", new Uint8Array(0), /0 of 64 bytes/],
  ["a header cut short", program(62, 0, "").slice(0, 63), /63 of 64 bytes/],
  ["a script", new TextEncoder().encode("#!/bin/sh\n".padEnd(80)), /magic number/],
  ["a 32-bit program", program(62, 0, "").fill(1, 4, 5), /not 64-bit/],
  ["a big-endian program", program(62, 0, "").fill(2, 5, 6), /not 64-bit/],
  ["another processor", program(243, 0, ""), /machine 243/],
  ["the other processor", program(183, 0, "d3n0l4nd"), /for arm64: amd64 is needed/],
  ["a program without appended data", program(62, 0, ""), /Cannot find "d3n0l4nd" at byte 192/],
  ["a program with other appended data", program(62, 0, "d3n0l4nc"), /Cannot find "d3n0l4nd"/],
];

for (const [what, bytes, message] of MALFORMED) {
  Deno.test(`sliceRuntime() refuses ${what}`, () => {
    assert.throws(
      () => sliceRuntime(bytes, "amd64"),
      (error) => error instanceof ElfError && message.test(error.message),
    );
  });
}
