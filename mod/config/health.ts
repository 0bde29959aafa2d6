/** Health checks and ejection of a load balancer's backends: reading them. */

import type { Place } from "./findings.ts";
import { bool, choice, duration, int, matching, scalar, showDuration } from "./kinds.ts";
import { FILE_ONLY, Section } from "./section.ts";
import { INVALID, type Invalid, type Kind, type Setting, setting, type Shown } from "./setting.ts";
import type { Mapping, Tree } from "./tree.ts";
import type { HealthCheckConfig } from "./types.ts";

interface StatusRange extends Shown {
  readonly min: number;
  readonly max: number;
}

const statusRange: Kind<StatusRange> = scalar("an HTTP status like 200, or a range like 200-399", (given) => {
  const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(given);
  const min = Number(match?.[1]);
  const max = Number(match?.[2] ?? match?.[1]);
  return match === null || max < min ? null : { min, max, shown: given };
});

export const HEALTH = {
  type: setting<"tcp" | "http">({
    key: "type",
    kind: choice("tcp", "http"),
    fallback: "tcp",
    help: "tcp: the backend accepts a connection; http: it answers a GET",
  }),
  path: setting({
    key: "path",
    kind: matching(/^\/[\x21-\x7e]{0,1000}$/, "a path that begins with / and has no spaces"),
    fallback: "/",
    help: "What an http check asks for",
  }),
  expect: setting({
    key: "expect",
    kind: statusRange,
    fallback: { min: 200, max: 399, shown: "200-399" },
    help: "Status of a healthy answer to an http check",
  }),
  interval: setting({
    key: "interval",
    kind: duration(100, 3_600_000),
    fallback: 2000,
    fallbackText: "2s",
    help: "Time from one check to the next",
  }),
  timeout: setting({
    key: "timeout",
    kind: duration(10, 600_000),
    fallback: 1000,
    fallbackText: "1s",
    help: "A check that takes longer has failed; at most the interval",
  }),
  rise: setting({
    key: "rise",
    kind: int(1, 100),
    fallback: 2,
    help: "Successes in a row until a backend is up again",
  }),
  fall: setting({ key: "fall", kind: int(1, 100), fallback: 3, help: "Failures in a row until a backend is down" }),
};

export const HEALTH_FIELDS: readonly Setting<unknown>[] = Object.values(HEALTH);

type GivenHealth = (HealthCheckConfig & Shown) | Off;
interface Off extends Shown {
  readonly type: "off";
}

const OFF: Off = { type: "off", shown: "false" };
const NOTHING: Mapping = { is: "map", entries: [], line: 1 };

/** A mapping, or true (with every default) or false. */
export const healthKind: Kind<GivenHealth> = {
  accepts: "{type, path, expect, interval, timeout, rise, fall}, or false",
  fromTree(tree: Tree, place: Place): GivenHealth | Invalid {
    return switchOr(tree, place, { accepts: this.accepts, off: OFF, read: readHealth });
  },
  fromText: () => INVALID,
};

function readHealth(map: Mapping, place: Place): GivenHealth | Invalid {
  const section = new Section(place, map, FILE_ONLY);
  const type = section.read(HEALTH.type);
  const path = section.read(HEALTH.path);
  const expect = section.read(HEALTH.expect);
  const interval = section.read(HEALTH.interval);
  const timeout = section.read(HEALTH.timeout);
  const rise = section.read(HEALTH.rise);
  const fall = section.read(HEALTH.fall);
  section.finish(HEALTH_FIELDS);
  if ([type, path, expect, interval, timeout, rise, fall].some((one) => one.origin === "invalid")) return INVALID;
  if (timeout.value > interval.value) {
    timeout.place.problem(
      `must be at most the interval, ${showDuration(interval.value)}`,
      showDuration(timeout.value),
    );
    return INVALID;
  }
  for (const one of [path, expect]) {
    if (type.value === "tcp" && one.origin === "file") {
      one.place.warning("has no effect: only checks of type http use it");
    }
  }
  return {
    type: type.value,
    path: path.value,
    expectMin: expect.value.min,
    expectMax: expect.value.max,
    intervalMs: interval.value,
    timeoutMs: timeout.value,
    rise: rise.value,
    fall: fall.value,
    shown: type.value,
  };
}

/** The checks of a balancer that says nothing about them. */
export const DEFAULT_HEALTH: GivenHealth = {
  type: "tcp",
  path: "/",
  expectMin: 200,
  expectMax: 399,
  intervalMs: 2000,
  timeoutMs: 1000,
  rise: 2,
  fall: 3,
  shown: "tcp every 2s",
};

/** The checks for the configuration. */
export function toHealth(given: GivenHealth): HealthCheckConfig | null {
  if (given.type === "off") return null;
  const { shown: _shown, ...health } = given;
  return health;
}

export const EJECTION = {
  failures: setting({
    key: "failures",
    kind: int(1, 1000),
    fallback: 3,
    help: "Failed connects in a row until a backend rests",
  }),
  rest: setting({
    key: "rest",
    kind: duration(100, 3_600_000),
    fallback: 5000,
    fallbackText: "5s",
    help: "How long it rests",
  }),
};

export const EJECTION_FIELDS: readonly Setting<unknown>[] = Object.values(EJECTION);

/** When a backend rests; `failures` 0: never. */
export interface GivenEjection extends Shown {
  readonly failures: number;
  readonly restMs: number;
}

export const DEFAULT_EJECTION: GivenEjection = { failures: 3, restMs: 5000, shown: "3 failures, 5s" };

/** A mapping, or true (with every default) or false. */
export const ejectionKind: Kind<GivenEjection> = {
  accepts: "{failures, rest}, or false",
  fromTree(tree: Tree, place: Place): GivenEjection | Invalid {
    const off = { failures: 0, restMs: 0, shown: "false" };
    return switchOr(tree, place, { accepts: this.accepts, off, read: readEjection });
  },
  fromText: () => INVALID,
};

function readEjection(map: Mapping, place: Place): GivenEjection | Invalid {
  const section = new Section(place, map, FILE_ONLY);
  const failures = section.read(EJECTION.failures);
  const rest = section.read(EJECTION.rest);
  section.finish(EJECTION_FIELDS);
  if (failures.origin === "invalid" || rest.origin === "invalid") return INVALID;
  return {
    failures: failures.value,
    restMs: rest.value,
    shown: `${failures.value} failures, ${showDuration(rest.value)}`,
  };
}

/** A group that `false` turns off and `true` turns on with its defaults. */
function switchOr<T>(
  tree: Tree,
  place: Place,
  group: { accepts: string; off: T; read: (map: Mapping, place: Place) => T | Invalid },
): T | Invalid {
  if (tree.is === "map") return group.read(tree, place);
  if (tree.is === "list") {
    place.problem(`must be ${group.accepts}`);
    return INVALID;
  }
  const on = bool.fromTree(tree, place);
  if (on === INVALID) return INVALID;
  return on ? group.read(NOTHING, place) : group.off;
}
