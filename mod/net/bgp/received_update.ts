/** UPDATE as it is received: read to its last octet, counted, and answered for as RFC 7606 says. */
import {
  attributeName,
  AttributeType,
  checkAttribute,
  EXTENDED_LENGTH,
  type Finding,
  isKnown,
  OPTIONAL,
  type ReceivedAttribute,
} from "./attribute.ts";
import { readU16 } from "./family.ts";
import { mpError, readMpNlri } from "./mp_nlri.ts";
import { countPrefixes } from "./nlri.ts";
import { BgpError, ErrorCode, UpdateSubcode } from "./notification.ts";
import type { Family, ReceivedUpdate, UpdateFault, UpdateTraits } from "./types.ts";

/** More faults than this are not listed: they are for people. */
const FAULTS_MAX = 16;

/** Attributes that destinations need (RFC 4271 §5; RFC 4760 §3: NEXT_HOP is for the NLRI field only). */
const MANDATORY = [AttributeType.origin, AttributeType.asPath] as const;

/**
 * Reads the body of an UPDATE of at least 4 octets. Throws {@link BgpError} 3/x where the session has to end.
 */
export function decodeUpdateBody(body: Uint8Array, traits: UpdateTraits): ReceivedUpdate {
  const attributesAt = 2 + readU16(body, 0) + 2;
  const nlriAt = attributesAt + readU16(body, attributesAt - 2);
  if (attributesAt > body.length || nlriAt > body.length) {
    const fault = { where: "withdrawn and attribute length", got: "beyond the message", wanted: "within" };
    throw updateError(UpdateSubcode.malformedAttributes, fault); // RFC 7606 §3 b
  }
  const withdrawn = countPlain(body, { at: 2, end: attributesAt - 2, where: "withdrawn routes" });
  const announced = countPlain(body, { at: nlriAt, end: body.length, where: "NLRI" });
  const reading = new Reading(body, traits, { withdrawn, announced });
  reading.readAttributes(attributesAt, nlriAt);
  return reading.finish(nlriAt === attributesAt);
}

/** RFC 7606 §3 i, §5.3: nothing of what follows could be trusted. */
function countPlain(bytes: Uint8Array, field: { at: number; end: number; where: string }): number {
  const count = countPrefixes({ bytes, at: field.at, end: field.end }, 4);
  if (count !== null) return count;
  const fault = { where: field.where, got: "a destination too long", wanted: "destinations that fill it" };
  throw updateError(UpdateSubcode.invalidNetwork, fault);
}

interface Place {
  readonly where: string;
  readonly got: string;
  readonly wanted: string;
  readonly data?: ArrayLike<number>;
}

function updateError(subcode: number, place: Place): BgpError {
  return new BgpError(ErrorCode.update, subcode, { unit: "BGP UPDATE", ...place });
}

/** One UPDATE while it is being read; one object for all of its attributes, so that reading makes next to no garbage. */
class Reading implements ReceivedAttribute {
  readonly bytes: Uint8Array;
  readonly traits: UpdateTraits;
  readonly hasPlainNlri: boolean;
  flags = 0;
  type = 0;
  at = 0;
  end = 0;

  /** Start of the attribute, its flags. */
  #start = 0;
  /** One bit for each type. */
  readonly #seen = new Uint8Array(32);
  #attributes = 0;
  #announced: number;
  #withdrawn: number;
  /** There is something that could be reached (RFC 7606 §5.2). */
  #reachable: boolean;
  #emptyUnreach: Family | null = null;
  readonly #faults: UpdateFault[] = [];
  /**
   * The first fault that says treat-as-withdraw, as the session's end, should there be nothing to withdraw. Made an error only then: its
   * stack costs more than all the rest, and a peer may send nothing else.
   */
  #withdrawing: { readonly subcode: number; readonly place: Place } | null = null;

  constructor(bytes: Uint8Array, traits: UpdateTraits, plain: { withdrawn: number; announced: number }) {
    this.bytes = bytes;
    this.traits = traits;
    this.hasPlainNlri = plain.announced > 0;
    this.#reachable = this.hasPlainNlri;
    this.#announced = plain.announced;
    this.#withdrawn = plain.withdrawn;
  }

  /** Goes through the attributes between two offsets. */
  readAttributes(from: number, to: number): void {
    let at = from;
    while (at < to) {
      const next = this.#readHeader(at, to);
      if (next === null) return;
      this.#readAttribute();
      at = next;
    }
  }

  /** RFC 7606 §4: after a wrong length no further attribute can be found; null then. */
  #readHeader(start: number, limit: number): number | null {
    this.#attributes++;
    this.#start = start;
    this.flags = this.bytes[start] ?? 0;
    this.type = limit - start < 2 ? 0 : this.bytes[start + 1] ?? 0;
    const isExtended = (this.flags & EXTENDED_LENGTH) !== 0;
    this.at = start + (isExtended ? 4 : 3);
    this.end = this.at + (isExtended ? readU16(this.bytes, start + 2) : this.bytes[start + 2] ?? 0);
    if (this.at <= limit && this.end <= limit) return this.end;
    const got = `${limit - start} octets left`;
    if (this.#isMp()) throw mpError(this, got, "a whole attribute"); // RFC 7606 §3 j
    this.#add({
      action: "treat-as-withdraw",
      subcode: UpdateSubcode.malformedAttributes,
      got,
      wanted: "a whole attribute",
      spec: "RFC 7606 §4",
    }, limit);
    return null;
  }

  #isMp(): boolean {
    return this.type === AttributeType.mpReach || this.type === AttributeType.mpUnreach;
  }

  #readAttribute(): void {
    if (this.#isSeen(this.type)) return this.#readRepeated();
    this.#see(this.type);
    if (this.#isMp()) return this.#readMp();
    if (!isKnown(this.type)) return this.#readUnknown();
    const finding = checkAttribute(this);
    if (finding !== null) this.#add(finding, this.end);
  }

  /** RFC 7606 §3 g. */
  #readRepeated(): void {
    if (this.#isMp()) {
      const place = { where: attributeName(this.type), got: "repeated", wanted: "once" };
      throw updateError(UpdateSubcode.malformedAttributes, place);
    }
    this.#discard("been sent twice", "it once, the first counts", "RFC 7606 §3 g");
  }

  /** RFC 4271 §6.3, which RFC 7606 leaves as it is: nobody may go without knowing what is well-known. */
  #readUnknown(): void {
    if ((this.flags & OPTIONAL) !== 0) return;
    const place = { where: attributeName(this.type), got: "well-known", wanted: "optional", data: this.#octets() };
    throw updateError(UpdateSubcode.unrecognizedWellKnown, place);
  }

  #readMp(): void {
    const nlri = readMpNlri(this);
    const isReach = this.type === AttributeType.mpReach;
    if (isReach) this.#reachable ||= nlri.hasNlri;
    if (nlri.family === null) {
      return this.#discard(nlri.name, "a family that was agreed on", "RFC 4760 §7");
    }
    if (isReach) this.#announced += nlri.count;
    else this.#withdrawn += nlri.count;
    if (!isReach && nlri.count === 0) this.#emptyUnreach = nlri.family;
  }

  /** The result; `noAttributes`: the field of attributes is empty. */
  finish(noAttributes: boolean): ReceivedUpdate {
    if (this.#reachable) this.#checkMandatory();
    else if (this.#withdrawing !== null) throw updateError(this.#withdrawing.subcode, this.#withdrawing.place); // RFC 7606 §5.2
    if (this.hasPlainNlri && !this.traits.families.has(4)) this.#refusePlain();
    return {
      is: "update",
      announced: this.#announced,
      withdrawn: this.#withdrawn,
      endOfRib: this.#endOfRib(noAttributes),
      faults: this.#faults,
    };
  }

  /** RFC 4724 §2. */
  #endOfRib(noAttributes: boolean): Family | null {
    if (this.#announced > 0 || this.#withdrawn > 0) return null;
    if (noAttributes) return 4;
    return this.#attributes === 1 ? this.#emptyUnreach : null;
  }

  /** RFC 7606 §3 d; internal peers owe LOCAL_PREF, too (RFC 4271 §5.1.5). */
  #checkMandatory(): void {
    for (const type of MANDATORY) this.#expect(type);
    if (this.hasPlainNlri) this.#expect(AttributeType.nextHop);
    if (!this.traits.isExternal) this.#expect(AttributeType.localPref);
  }

  #expect(type: number): void {
    if (this.#isSeen(type)) return;
    this.#list({ action: "treat-as-withdraw", what: `${attributeName(type)} is missing`, spec: "RFC 7606 §3 d" });
  }

  /** Families have to be agreed on (RFC 4760 §8), and this session has not agreed on IPv4. */
  #refusePlain(): void {
    const what = "IPv4 routes on a session that has not agreed on IPv4";
    this.#list({ action: "treat-as-withdraw", what, spec: "RFC 4760 §8" });
  }

  #discard(got: string, wanted: string, spec: string): void {
    this.#add({ action: "discard-attribute", subcode: UpdateSubcode.optionalAttribute, got, wanted, spec }, this.end);
  }

  /** Notes a fault of the attribute whose octets end at `end`. */
  #add(finding: Finding, end: number): void {
    const { action, got, wanted, spec, subcode } = finding;
    const where = attributeName(this.type);
    this.#list({ action, what: `${where} has ${got}, wanted ${wanted}`, spec });
    if (action === "discard-attribute") return;
    // RFC 4271 §6.3: the attribute is the data, except when its own end is what is wrong.
    const data = subcode === UpdateSubcode.malformedAttributes ? [] : this.bytes.subarray(this.#start, end);
    this.#withdrawing ??= { subcode, place: { where, got, wanted, data } };
  }

  /** The list is short, but never without the strongest action. */
  #list(fault: UpdateFault): void {
    const isStronger = fault.action === "treat-as-withdraw" && !this.#faults.some((one) => one.action === fault.action);
    if (this.#faults.length < FAULTS_MAX || isStronger) this.#faults.push(fault);
  }

  #octets(): Uint8Array {
    return this.bytes.subarray(this.#start, this.end);
  }

  #isSeen(type: number): boolean {
    return ((this.#seen[type >> 3] ?? 0) & (1 << (type & 7))) !== 0;
  }

  #see(type: number): void {
    this.#seen[type >> 3] = (this.#seen[type >> 3] ?? 0) | (1 << (type & 7));
  }
}
