/** What a decoder expected, what it found and where. */
export interface WireFault {
  /** Byte offset from the start of what was decoded, or the name of a field. */
  readonly where: number | string;
  /** What stands there. */
  readonly got: number | string;
  /** What may stand there. */
  readonly wanted: number | string;
}

/** Bytes from outside that are not what they claim to be. The only thing a decoder in this room ever throws. */
export class WireError extends Error implements WireFault {
  override readonly name = "WireError";
  /** The protocol unit that was being decoded, such as "ARP" or "IPv6 header". */
  readonly what: string;
  readonly where: number | string;
  readonly got: number | string;
  readonly wanted: number | string;

  /** `what` names the protocol unit, `fault` the place and the two values. */
  constructor(what: string, fault: WireFault) {
    const place = typeof fault.where === "number" ? `offset ${fault.where}` : fault.where;
    super(`${what}: ${place} is ${fault.got}, wanted ${fault.wanted}`);
    this.what = what;
    this.where = fault.where;
    this.got = fault.got;
    this.wanted = fault.wanted;
  }
}

/** Throws a {@link WireError} unless `got` equals `wanted`. */
export function expectField(what: string, fault: WireFault): void {
  if (fault.got !== fault.wanted) throw new WireError(what, fault);
}

/** Throws a {@link WireError} unless `bytes` holds at least `wantedBytes`. */
export function expectLength(what: string, bytes: Uint8Array, wantedBytes: number): void {
  if (bytes.length >= wantedBytes) return;
  throw new WireError(what, { where: "length", got: bytes.length, wanted: `at least ${wantedBytes}` });
}
