/** CRC-32 as in IEEE 802.3 and zlib (reflected polynomial 0xedb88320): guards records against torn and flipped bytes. */

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** The checksum of `bytes`, an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array): number {
  let state = 0xffffffff;
  for (const byte of bytes) state = (TABLE[(state ^ byte) & 255] ?? 0) ^ (state >>> 8);
  return (state ^ 0xffffffff) >>> 0;
}
