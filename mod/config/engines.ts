/** Which engine a load balancer gets, and what no engine can do. */

import type { Ip } from "../net/ip.ts";
import { BALANCER, type BalancerType } from "./balancer_settings.ts";
import type { GivenBackend } from "./backends.ts";
import type { Place } from "./findings.ts";
import type { GivenEjection } from "./health.ts";
import type { Given, Section } from "./section.ts";
import type { Engine, Policy, TcpBalancerConfig } from "./types.ts";

/** What a load balancer asks of its engine. */
export type EngineWishes = Pick<
  TcpBalancerConfig,
  "engine" | "affinity" | "preserveClientAddress" | "listenOnly"
>;

/** The settings that the kernel has no means for, as given. */
export interface ListenSettings {
  readonly policy: Given<Policy>;
  readonly connectTimeout: Given<number>;
  readonly idleTimeout: Given<number>;
  readonly maxConnections: Given<number>;
  readonly ejection: Given<GivenEjection>;
}

/** Reads what the engine depends on and notes what contradicts itself. */
export function readEngine(section: Section, type: BalancerType, settings: ListenSettings): EngineWishes {
  const engine = section.read(BALANCER.engine);
  const affinity = section.read(BALANCER.affinity);
  const preserve = section.read(BALANCER.preserveClientAddress);
  if (type === "http") return httpWishes(engine, [affinity, preserve]);
  const kernelFor = kernelReason(type, affinity.value, preserve.value);
  const listenOnly = listenOnlySettings(settings);
  if (engine.value === "listen" && kernelFor !== null) {
    engine.place.problem(`cannot do ${kernelFor}; must be kernel, or auto`, "listen");
  }
  const chosen = kernelFor !== null ? "kernel" : engine.value ?? "listen";
  if (chosen === "kernel") {
    for (const { place } of listenOnly) {
      place.problem(
        "is more than the kernel can do; remove it, or use engine listen without what only the kernel does",
      );
    }
  }
  return {
    engine: chosen,
    affinity: affinity.value,
    preserveClientAddress: preserve.value,
    listenOnly: listenOnly.map(({ key }) => key),
  };
}

function httpWishes(engine: Given<Engine | null>, kernelOnly: readonly Given<unknown>[]): EngineWishes {
  if (engine.value === "kernel") {
    engine.place.problem(
      "cannot balance http requests; must be listen or auto for load balancers of type http",
      "kernel",
    );
  }
  for (const { origin, place, value } of kernelOnly) {
    if (origin === "file" && value !== false && value !== "none") {
      place.problem("needs the engine kernel, which cannot balance http requests", String(value));
    }
  }
  return { engine: "listen", affinity: "none", preserveClientAddress: false, listenOnly: [] };
}

function kernelReason(type: "tcp" | "udp", affinity: "none" | "source", preserve: boolean): string | null {
  if (type === "udp") return "type udp";
  if (affinity === "source") return "affinity source";
  return preserve ? "preserveClientAddress" : null;
}

function listenOnlySettings(given: ListenSettings): { readonly key: string; readonly place: Place }[] {
  const asks: Readonly<Record<keyof ListenSettings, boolean>> = {
    policy: given.policy.value === "least-connections",
    connectTimeout: isGiven(given.connectTimeout),
    idleTimeout: isGiven(given.idleTimeout),
    maxConnections: isGiven(given.maxConnections),
    ejection: isGiven(given.ejection) && given.ejection.value.failures > 0,
  };
  const keys = ["policy", "connectTimeout", "idleTimeout", "maxConnections", "ejection"] as const;
  return keys.filter((key) => asks[key]).map((key) => ({ key, place: given[key].place }));
}

function isGiven({ origin }: Given<unknown>): boolean {
  return origin !== "default" && origin !== "invalid";
}

/** Notes which backends the kernel cannot reach, and which addresses it has no backends for. */
export function checkKernelBackends(
  backends: readonly GivenBackend[],
  about: { readonly place: Place; readonly vips: readonly { readonly ip: Ip }[] },
): void {
  for (const { ip, place, shown } of backends) {
    if (ip !== null && isLoopback(ip)) {
      place.problem(
        "is a loopback address, which the engine kernel cannot reach; must be an address of a network card",
        shown,
      );
    }
  }
  const families = new Set(backends.map(({ ip }) => ip?.family));
  for (const { ip } of about.vips) {
    if (backends.length > 0 && !families.has(ip.family)) {
      about.place.below("backends").warning(
        `have no IPv${ip.family} address, so nothing is balanced for the VIP ${ip.text}: the engine kernel does not translate between families`,
      );
    }
  }
}

/** Whether the address is of this machine's loopback: 127.0.0.0/8 or ::1. */
export function isLoopback(ip: Ip): boolean {
  return ip.family === 4 ? ip.bytes[0] === 127 : ip.text === "::1";
}
