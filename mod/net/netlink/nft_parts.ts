/** Pieces that the expressions of nftables are put together from. Numbers are big endian. */
import { WireError } from "../errors.ts";
import { attribute, type Attributes } from "./attribute.ts";
import { be32, readBe32 } from "./bytes.ts";

/** An expression on its way to the wire: its name and its attributes. */
export interface ExpressionBody {
  readonly name: string;
  readonly body: readonly Uint8Array[];
}

/** The body of the expression with this name. */
export function expressionBody(name: string, body: readonly Uint8Array[]): ExpressionBody {
  return { name, body };
}

/** An attribute of 32 bits. */
export function number(type: number, value: number): Uint8Array {
  return attribute(type, be32(value));
}

/** The same, or nothing where there is no value. */
export function numberIf(type: number, value: number | undefined): Uint8Array[] {
  return value === undefined ? [] : [number(type, value)];
}

/** Reads an attribute of 32 bits; throws WireError if it is absent or short. */
export function int(attributes: Attributes, type: number): number {
  const value = attributes.get(type);
  if (value !== undefined) return readBe32(value);
  throw new WireError("nftables expression", { where: `attribute ${type}`, got: "nothing", wanted: "a number" });
}

/** The same with 0 for an absent one. */
export function intOrZero(attributes: Attributes, type: number): number {
  return attributes.has(type) ? int(attributes, type) : 0;
}
