/** UPDATEs with faults, as bytes, from a router of AS 65001 at 10.98.0.1. */

import { bgpMessage, MessageType, updateMessage } from "./fake_router.ts";

const ORIGIN = [0x40, 1, 1, 0];
const AS_PATH = [0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
const NEXT_HOP = [0x40, 3, 4, 10, 98, 0, 1];
const PREFIX = [32, 10, 5, 0, 1];
const GOOD = [...ORIGIN, ...AS_PATH, ...NEXT_HOP];

/** As it should be. */
export const SOUND = updateMessage(GOOD, PREFIX);

/** What a session survives (RFC 7606), by the section that says so. */
export const SURVIVED: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "§3 c: ORIGIN with the flags of an optional attribute": updateMessage(
    [0xc0, 1, 1, 0, ...AS_PATH, ...NEXT_HOP],
    PREFIX,
  ),
  "§3 d: no ORIGIN": updateMessage([...AS_PATH, ...NEXT_HOP], PREFIX),
  "§3 d: no NEXT_HOP": updateMessage([...ORIGIN, ...AS_PATH], PREFIX),
  "§3 g: ORIGIN twice": updateMessage([...GOOD, ...ORIGIN], PREFIX),
  "§4: an attribute longer than all of them": updateMessage([...GOOD, 0xc0, 8, 200, 0], PREFIX),
  "§4: half an attribute's head at the end": updateMessage([...GOOD, 0xc0], PREFIX),
  "§7.1: an ORIGIN that is none": updateMessage([0x40, 1, 1, 9, ...AS_PATH, ...NEXT_HOP], PREFIX),
  "§7.1: ORIGIN of two octets": updateMessage([0x40, 1, 2, 0, 0, ...AS_PATH, ...NEXT_HOP], PREFIX),
  "§7.2: AS_PATH segment of an unknown sort": updateMessage(
    [...ORIGIN, 0x40, 2, 6, 9, 1, 0, 0, 0xfd, 0xe9, ...NEXT_HOP],
    PREFIX,
  ),
  "§7.2: AS_PATH segment longer than the attribute": updateMessage(
    [...ORIGIN, 0x40, 2, 6, 2, 7, 0, 0, 0xfd, 0xe9, ...NEXT_HOP],
    PREFIX,
  ),
  "§7.3: NEXT_HOP of three octets": updateMessage([...ORIGIN, ...AS_PATH, 0x40, 3, 3, 10, 98, 0], PREFIX),
  "§7.4: MED of three octets": updateMessage([...GOOD, 0x80, 4, 3, 0, 0, 1], PREFIX),
  "§7.6: ATOMIC_AGGREGATE with a value": updateMessage([...GOOD, 0x40, 6, 1, 0], PREFIX),
  "§7.7: AGGREGATOR of one octet": updateMessage([...GOOD, 0xc0, 7, 1, 0], PREFIX),
  "§7.8: COMMUNITIES of three octets": updateMessage([...GOOD, 0xc0, 8, 3, 1, 2, 3], PREFIX),
  "RFC 8092 §5: large communities of five octets": updateMessage([...GOOD, 0xc0, 32, 5, 1, 2, 3, 4, 5], PREFIX),
};

/** What ends a session, and the NOTIFICATION's code and subcode. */
export const FATAL: Readonly<
  Record<string, { readonly bytes: Uint8Array<ArrayBuffer>; readonly code: readonly number[] }>
> = {
  "RFC 4271 §6.3: a prefix of 33 bits": { bytes: updateMessage(GOOD, [33, 10, 5, 0, 1, 0]), code: [3, 10] },
  "RFC 4271 §6.1: a message of unknown sort": { bytes: bgpMessage(9, []), code: [1, 3] },
};

/** An end in order: Cease, administrative reset (RFC 4486). */
export const RESET = bgpMessage(MessageType.notification, [6, 4]);
