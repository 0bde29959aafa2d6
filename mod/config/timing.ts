/** How fast an election goes: profiles by name, or four durations that have to be safe together. */

import { CLOCK_RATE_TOLERANCE, type Timing } from "../election/raft/types.ts";
import type { Place } from "./findings.ts";
import { duration, parseDuration, showDuration } from "./kinds.ts";
import { FILE_ONLY, Section } from "./section.ts";
import { INVALID, type Invalid, type Kind, type Setting, setting, type Shown } from "./setting.ts";
import { showTree, type Tree } from "./tree.ts";

/** `default` for a local network, `fast` for a quiet one, `relaxed` for long or busy links. */
export const PROFILES: Readonly<Record<string, Timing>> = {
  default: { beatMs: 50, leaseMs: 200, electionMinMs: 255, electionMaxMs: 350 },
  fast: { beatMs: 10, leaseMs: 30, electionMinMs: 41, electionMaxMs: 60 },
  relaxed: { beatMs: 250, leaseMs: 1000, electionMinMs: 1300, electionMaxMs: 1800 },
};

const LEAST_BEAT_MS = 5;
const LONGEST_MS = 60_000;

const part = duration(1, LONGEST_MS);

export const TIMING = {
  beat: setting({ key: "beat", kind: part, fallback: 0, fallbackText: "", help: "The leader sends a beat this often" }),
  lease: setting({
    key: "lease",
    kind: part,
    fallback: 0,
    fallbackText: "",
    help: "The leader leads this long after a beat that a majority answered",
  }),
  electionMin: setting({
    key: "electionMin",
    kind: part,
    fallback: 0,
    fallbackText: "",
    help: "A member that hears no leader for a random time from this",
  }),
  electionMax: setting({
    key: "electionMax",
    kind: part,
    fallback: 0,
    fallbackText: "",
    help: "to this stands for election",
  }),
};

export const TIMING_FIELDS: readonly Setting<unknown>[] = Object.values(TIMING);

/** A timing with its name or numbers for the dump. */
export type GivenTiming = Timing & Shown;

/** The profile of that name. */
export function profile(name: "default" | "fast" | "relaxed"): GivenTiming {
  const timing = PROFILES[name] ?? { beatMs: 0, leaseMs: 0, electionMinMs: 0, electionMaxMs: 0 };
  return { ...timing, shown: name };
}

/** A profile's name, or {beat, lease, electionMin, electionMax}; as text `beat,lease,electionMin,electionMax`. */
export const timingKind: Kind<GivenTiming> = {
  accepts: "default, fast, relaxed, or {beat, lease, electionMin, electionMax} in milliseconds",
  fromTree(tree: Tree, place: Place): GivenTiming | Invalid {
    if (tree.is === "scalar") return this.fromText(tree.text, place);
    if (tree.is === "list") {
      place.problem(`must be ${this.accepts}`, showTree(tree));
      return INVALID;
    }
    const section = new Section(place, tree, FILE_ONLY);
    const given = Object.values(TIMING).map((one) => section.read(one));
    section.finish(TIMING_FIELDS);
    for (const one of given) {
      if (one.origin === "default") one.place.problem("is missing: give all of beat, lease, electionMin, electionMax");
    }
    return given.some((one) => one.origin !== "file") ? INVALID : safeTiming(given.map((one) => one.value), place);
  },
  fromText(given: string, place: Place): GivenTiming | Invalid {
    const named = given.toLowerCase();
    if (named === "default" || named === "fast" || named === "relaxed") return profile(named);
    const parts = given.split(",").map((one) => parseDuration(one.trim()));
    if (parts.length === 4 && parts.every((ms) => ms !== null && ms >= 1 && ms <= LONGEST_MS)) {
      return safeTiming(parts.map((ms) => ms ?? 0), place);
    }
    place.problem("must be default, fast, relaxed, or beat,lease,electionMin,electionMax in milliseconds", given);
    return INVALID;
  },
};

function safeTiming(parts: readonly number[], place: Place): GivenTiming | Invalid {
  const [beatMs = 0, leaseMs = 0, electionMinMs = 0, electionMaxMs = 0] = parts;
  const timing = { beatMs, leaseMs, electionMinMs, electionMaxMs };
  const reasons = unsafeReasons(timing);
  for (const { key, value, message } of reasons) place.below(key).problem(message, showDuration(value));
  return reasons.length > 0 ? INVALID : { ...timing, shown: parts.map(showDuration).join(",") };
}

interface Unsafe {
  readonly key: string;
  readonly value: number;
  readonly message: string;
}

/**
 * Why these durations cannot be used together; empty if they can. The leader's lease has to end, also on a clock that runs
 * 2 % slow, at least one beat before anybody may stand for election.
 */
export function unsafeReasons(timing: Timing): readonly Unsafe[] {
  const { beatMs, leaseMs, electionMinMs, electionMaxMs } = timing;
  const reasons: Unsafe[] = [];
  if (beatMs < LEAST_BEAT_MS) {
    reasons.push({ key: "beat", value: beatMs, message: `must be at least ${LEAST_BEAT_MS}ms` });
  }
  if (leaseMs < 2 * beatMs) {
    const message = `must be at least twice the beat (${2 * beatMs}ms), so that one lost beat does not end it`;
    reasons.push({ key: "lease", value: leaseMs, message });
  }
  const least = leaseMs * CLOCK_RATE_TOLERANCE + beatMs;
  if (electionMinMs <= least) {
    const message = `must be more than lease × ${CLOCK_RATE_TOLERANCE} + beat (${round(least)}ms), ` +
      "or two members could lead at one time";
    reasons.push({ key: "electionMin", value: electionMinMs, message });
  }
  if (electionMaxMs <= electionMinMs) {
    const message = `must be more than electionMin (${electionMinMs}ms), or members would stand at one moment for ever`;
    reasons.push({ key: "electionMax", value: electionMaxMs, message });
  }
  return reasons;
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
