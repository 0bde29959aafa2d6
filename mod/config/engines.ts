/** Which engine a load balancer gets, and what no engine can do. */

import type { Ip } from "../net/ip.ts";
import { BALANCER, type BalancerType } from "./balancer_settings.ts";
import type { GivenBackend } from "./backends.ts";
import type { GivenFrontTls } from "./balancer_tls.ts";
import type { Place } from "./findings.ts";
import type { GivenEjection } from "./health.ts";
import type { Given, Section } from "./section.ts";
import type { Engine, Policy, ProxyVersion, TcpBalancerConfig } from "./types.ts";

/** What a load balancer asks of its engine. */
export type EngineWishes = Pick<
  TcpBalancerConfig,
  | "engine"
  | "affinity"
  | "preserveClientAddress"
  | "listenOnly"
  | "threads"
  | "tls"
  | "acceptProxyProtocol"
  | "sendProxyProtocol"
>;

/** The settings that the kernel has no means for, as given. */
export interface ListenSettings {
  readonly policy: Given<Policy>;
  readonly connectTimeout: Given<number>;
  readonly idleTimeout: Given<number>;
  readonly maxConnections: Given<number>;
  readonly ejection: Given<GivenEjection>;
}

/** The settings that only the engine `user` has means for, as given. */
interface UserSettings {
  readonly threads: Given<number>;
  readonly tls: Given<GivenFrontTls | null>;
  readonly acceptProxyProtocol: Given<boolean>;
  readonly sendProxyProtocol: Given<ProxyVersion | null>;
}

/** A setting that asks for something. */
interface Wish {
  readonly key: string;
  readonly place: Place;
}

/** Reads what the engine depends on and notes what contradicts itself. */
export function readEngine(section: Section, type: BalancerType, settings: ListenSettings): EngineWishes {
  const engine = section.read(BALANCER.engine);
  const affinity = section.read(BALANCER.affinity);
  const preserve = section.read(BALANCER.preserveClientAddress);
  const user: UserSettings = {
    threads: section.read(BALANCER.threads),
    tls: section.read(BALANCER.tls),
    acceptProxyProtocol: section.read(BALANCER.acceptProxyProtocol),
    sendProxyProtocol: section.read(BALANCER.sendProxyProtocol),
  };
  checkTogether(user, type);
  const wishes = userWishes(user);
  const given = {
    threads: user.threads.value,
    tls: frontTls(user.tls.value),
    acceptProxyProtocol: user.acceptProxyProtocol.value,
    sendProxyProtocol: user.sendProxyProtocol.value,
  };
  if (type === "http") {
    refuseKernelWishes(engine, [affinity, preserve]);
    const chosen = plainChoice(engine, wishes);
    return { engine: chosen, affinity: "none", preserveClientAddress: false, listenOnly: [], ...given };
  }
  const kernelFor = kernelReason(type, affinity.value, preserve.value);
  const beyondKernel = [...listenOnlySettings(settings), ...wishes];
  if (kernelFor !== null && (engine.value === "listen" || engine.value === "user")) {
    engine.place.problem(`cannot do ${kernelFor}; must be kernel, or auto`, engine.value);
  }
  const chosen = kernelFor !== null ? "kernel" : plainChoice(engine, wishes);
  if (chosen === "kernel") refuseBeyondKernel(beyondKernel);
  return {
    engine: chosen,
    affinity: affinity.value,
    preserveClientAddress: preserve.value,
    listenOnly: beyondKernel.map(({ key }) => key),
    ...given,
  };
}

/** Where nothing needs the kernel: as named, and without a name in threads of this program, where load delays no heartbeat. */
function plainChoice(engine: Given<Engine | null>, wishes: readonly Wish[]): Engine {
  if (engine.value === "listen") {
    for (const { place } of wishes) {
      place.problem("is more than the engine listen can do; remove it, or use engine user or auto");
    }
  }
  return engine.value ?? "user";
}

function refuseBeyondKernel(wishes: readonly Wish[]): void {
  for (const { place } of wishes) {
    place.problem(
      "is more than the kernel can do; remove it, or use engine user or listen without what only the kernel does",
    );
  }
}

function refuseKernelWishes(engine: Given<Engine | null>, kernelOnly: readonly Given<unknown>[]): void {
  if (engine.value === "kernel") {
    engine.place.problem(
      "cannot balance http requests; must be user, listen or auto for load balancers of type http",
      "kernel",
    );
  }
  for (const { origin, place, value } of kernelOnly) {
    if (origin === "file" && value !== false && value !== "none") {
      place.problem("needs the engine kernel, which cannot balance http requests", String(value));
    }
  }
}

function frontTls(given: GivenFrontTls | null): EngineWishes["tls"] {
  return given === null ? null : { certificateFile: given.certificateFile, keyFile: given.keyFile };
}

function userWishes(given: UserSettings): Wish[] {
  const asks: Readonly<Record<keyof UserSettings, boolean>> = {
    threads: given.threads.value > 1,
    tls: given.tls.value !== null,
    acceptProxyProtocol: given.acceptProxyProtocol.value,
    sendProxyProtocol: given.sendProxyProtocol.value !== null,
  };
  const keys = ["threads", "tls", "acceptProxyProtocol", "sendProxyProtocol"] as const;
  return keys.filter((key) => asks[key]).map((key) => ({ key, place: given[key].place }));
}

/** TLS is the runtime's own: it has neither a way to read what comes before the handshake, nor threads. */
function checkTogether(given: UserSettings, type: BalancerType): void {
  const { threads, tls, acceptProxyProtocol, sendProxyProtocol } = given;
  if (tls.value !== null) {
    for (const other of [acceptProxyProtocol, sendProxyProtocol]) {
      if (other.value !== null && other.value !== false) {
        other.place.problem("does not go together with tls; remove one of them", String(other.value));
      }
    }
    if (threads.value > 1) threads.place.warning("has no effect: a load balancer with tls has one thread");
  }
  if (sendProxyProtocol.value !== null && type === "http") {
    sendProxyProtocol.place.problem(
      "is for load balancers of type tcp; backends of type http are told the client in X-Forwarded-For",
      sendProxyProtocol.value,
    );
  }
}

function kernelReason(type: "tcp" | "udp", affinity: "none" | "source", preserve: boolean): string | null {
  if (type === "udp") return "type udp";
  if (affinity === "source") return "affinity source";
  return preserve ? "preserveClientAddress" : null;
}

function listenOnlySettings(given: ListenSettings): Wish[] {
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
