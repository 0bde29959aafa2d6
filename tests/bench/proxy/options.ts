/** What a run of `deno task bench proxy` was asked to do. Pure. */

import { option } from "../report.ts";

/** What can be measured, in this order. */
export const PARTS = ["speed", "latency", "memory", "million", "heartbeat"] as const;
export type Part = typeof PARTS[number];

/** Our engines, in the order of the tables. */
export const ENGINES = ["kernel", "user", "listen"] as const;
export type BenchedEngine = typeof ENGINES[number];

/** How the product is started: as everywhere, a program, or from its sources with flags of V8. */
export type Launch =
  | { readonly kind: "default" }
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "v8"; readonly flags: readonly string[] };

export interface Program {
  readonly launch: Launch;
  /** For tables: empty for the default, else its place among the programs, since flags are long. */
  readonly label: string;
  /** As it was given. */
  readonly text: string;
}

export interface BenchOptions {
  readonly parts: readonly Part[];
  readonly engines: readonly BenchedEngine[];
  /** More than one: each engine runs once with each of them; the parts `million` and `heartbeat` take the first. */
  readonly programs: readonly Program[];
  readonly rounds: number;
  /** Of one measurement. */
  readonly seconds: number;
  /** Of the part `million`. */
  readonly requests: number;
  /** Idle connections of the part `memory`. */
  readonly connections: number;
}

/** How it is called, for the usage. */
export const PROXY_USAGE = `deno task bench proxy [--only ${PARTS.join(",")}] [--engines ${
  ENGINES.join(",")
}] [--runs 5] [--seconds 3]
    [--requests 1000000] [--connections 10000] [--programs "default|<path>|v8:<flag>,<flag>"]`;

/** The product as it is started everywhere. */
export const DEFAULT_PROGRAM: Program = { launch: { kind: "default" }, label: "", text: "default" };

/** Reads the arguments. Throws an Error that names the option, the value and what is accepted. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  return {
    parts: several(args, "only", PARTS),
    engines: several(args, "engines", ENGINES),
    programs: (option(args, "programs") ?? "default").split("|").map(parseProgram),
    rounds: positive(args, "runs", 5),
    seconds: positive(args, "seconds", 3),
    requests: positive(args, "requests", 1_000_000),
    connections: positive(args, "connections", 10_000),
  };
}

function parseProgram(text: string, index: number): Program {
  return { launch: parseLaunch(text), label: text === "default" ? "" : `#${index + 1}`, text };
}

function parseLaunch(text: string): Launch {
  if (text === "default") return { kind: "default" };
  if (!text.startsWith("v8:")) return { kind: "path", path: text };
  return { kind: "v8", flags: text.slice("v8:".length).split(",").filter((flag) => flag !== "") };
}

function several<const Name extends string>(
  args: readonly string[],
  name: string,
  known: readonly Name[],
): readonly Name[] {
  const given = option(args, name);
  if (given === null) return known;
  const wanted = given.split(",");
  const strange = wanted.find((one) => !known.some((other) => other === one));
  if (strange !== undefined) {
    throw new Error(`Cannot use --${name} "${strange}": any of ${known.join(", ")} is accepted, separated by commas`);
  }
  return known.filter((one) => wanted.includes(one));
}

function positive(args: readonly string[], name: string, fallback: number): number {
  const given = option(args, name);
  const value = Number(given ?? fallback);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`Cannot use --${name} "${given}": a whole number from 1 is accepted`);
}
