/**
 * The little of ELF64 that is needed to find where a compiled program ends and what `deno compile` appended begins.
 *
 * Field offsets are those of `Elf64_Ehdr` (System V ABI, chapter 4): machine at 0x12, section header table offset at
 * 0x28, size and number of its entries at 0x3a and 0x3c.
 */

/** The processors a program is built for, named as Debian names them. */
export type Arch = "amd64" | "arm64";

/** Deno's name of the platform that each processor is compiled for. */
export const TARGET_TRIPLES: Readonly<Record<Arch, string>> = {
  amd64: "x86_64-unknown-linux-gnu",
  arm64: "aarch64-unknown-linux-gnu",
};

/** `e_machine` of each processor: EM_X86_64 and EM_AARCH64. */
const MACHINES: ReadonlyMap<number, Arch> = new Map([[62, "amd64"], [183, "arm64"]]);

/** The eight bytes `deno compile` puts right behind the runtime. */
const MARKER = "d3n0l4nd";

const HEADER_BYTES = 64;

/** Thrown when bytes are not the program they were taken for. */
export class ElfError extends Error {
  override readonly name = "ElfError";
}

/** What the header of a program says about itself. */
export interface ElfImage {
  readonly arch: Arch;
  /** Where the image ends, counted from its first byte; whatever follows was appended. */
  readonly endBytes: number;
}

/**
 * Reads the header of a 64-bit little-endian Linux program.
 *
 * @throws {ElfError} if it is anything else, or is for a processor that is not built for
 */
export function readElf(bytes: Uint8Array): ElfImage {
  if (bytes.length < HEADER_BYTES) throw new ElfError(`Cannot read ELF header: ${bytes.length} of 64 bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (view.getUint32(0) !== 0x7f454c46) throw new ElfError("Cannot read ELF header: magic number is missing");
  if (view.getUint8(4) !== 2 || view.getUint8(5) !== 1) {
    throw new ElfError("Cannot read ELF header: not 64-bit little-endian");
  }
  const machine = view.getUint16(0x12, true);
  const arch = MACHINES.get(machine);
  if (arch === undefined) {
    throw new ElfError(`Cannot use ELF machine ${machine}: 62 (amd64) or 183 (arm64) is accepted`);
  }
  const endBytes = Number(view.getBigUint64(0x28, true)) + view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
  return { arch, endBytes };
}

/**
 * Cuts the bare runtime out of a program that `deno compile` made.
 *
 * @returns a view of the first bytes of `program`, up to the end of the image
 * @throws {ElfError} if the program is for another processor, or the marker does not follow the image
 */
export function sliceRuntime(program: Uint8Array, arch: Arch): Uint8Array {
  const image = readElf(program);
  if (image.arch !== arch) throw new ElfError(`Cannot use program for ${image.arch}: ${arch} is needed`);
  const marker = new TextDecoder("latin1").decode(program.subarray(image.endBytes, image.endBytes + MARKER.length));
  if (marker !== MARKER) {
    throw new ElfError(`Cannot find "${MARKER}" at byte ${image.endBytes}: not a program made by deno compile`);
  }
  return program.subarray(0, image.endBytes);
}
