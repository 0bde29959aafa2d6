/** Ethernet hardware addresses as text. */
import { assert } from "../base/assert.ts";

const MAC = /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/;

/** Reads six pairs of hexadecimal digits joined by colons, or gives null. */
export function parseMac(text: string): Uint8Array<ArrayBuffer> | null {
  return MAC.test(text) ? Uint8Array.from(text.split(":"), (pair) => parseInt(pair, 16)) : null;
}

/** Six bytes as "aa:bb:cc:dd:ee:ff", the form Linux prints. */
export function formatMac(mac: Uint8Array): string {
  assert(mac.length === 6, `a hardware address of ${mac.length} bytes`);
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
