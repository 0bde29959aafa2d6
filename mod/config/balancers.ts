/** Load balancers: from what was given to what runs, and what has to hold among them. */

import { parseIp } from "../net/ip.ts";
import { BALANCER, BALANCER_FIELDS, type BalancerType, HTTP_LIMITS } from "./balancer_settings.ts";
import type { GivenBackend } from "./backends.ts";
import type { GivenBackendTls } from "./balancer_tls.ts";
import { checkKernelBackends, type EngineWishes, isLoopback, type ListenSettings, readEngine } from "./engines.ts";
import type { Place } from "./findings.ts";
import { toHealth } from "./health.ts";
import type { GivenPeer } from "./peers.ts";
import type { Given, Section } from "./section.ts";
import type { Setting } from "./setting.ts";
import { START } from "./settings.ts";
import type { BalancerConfig, HttpBackend, TcpBackend } from "./types.ts";
import type { GivenVip } from "./vips.ts";

export const MOST_BALANCERS = 64;

/** A balancer as given. */
interface Draft {
  readonly place: Place;
  readonly name: string;
  readonly type: BalancerType;
  readonly port: Given<number | null>;
  readonly bindToVip: boolean;
  readonly backendPort: number;
  readonly backends: Given<readonly GivenBackend[]>;
  readonly settings: Settled;
  readonly wishes: EngineWishes;
  readonly backendTls: Given<GivenBackendTls>;
}

type Settled =
  & Pick<
    BalancerConfig,
    "policy" | "connectTimeoutMs" | "idleTimeoutMs" | "maxConnections" | "drainMs" | "health" | "ejection"
  >
  & {
    readonly [Name in keyof typeof HTTP_LIMITS as `${Name}`]: number;
  };

/** What balancers are checked against. */
export interface Surroundings {
  readonly members: readonly GivenPeer[];
  readonly vips: readonly GivenVip[];
  readonly local: GivenPeer | null;
  readonly addPeers: Given<boolean>;
}

/** Reads and checks every load balancer. Entries with problems are left out of what is given back. */
export function readBalancers(top: Section, around: Surroundings): BalancerConfig[] {
  const sections = top.members(START.loadBalancers);
  if (sections.length > MOST_BALANCERS) {
    top.place.below("loadBalancers").problem(`has ${sections.length} items, at most ${MOST_BALANCERS} are accepted`);
    return [];
  }
  const drafts = uniqueNames(sections.map(readDraft));
  checkPorts(drafts, around);
  if (around.addPeers.value && drafts.length === 0) {
    around.addPeers.place.warning("has no effect: there are no load balancers");
  }
  return drafts.flatMap((draft, i) => finishDraft(i === 0 ? withPeers(draft, around) : draft, around));
}

function readDraft(section: Section): Draft {
  const name = section.read(BALANCER.name);
  const type = section.read(BALANCER.type);
  const port = section.read(BALANCER.port);
  const bindToVip = section.read(BALANCER.bindToVip);
  const backendPort = section.read(BALANCER.backendPort);
  const backends = section.read(BALANCER.backends);
  const given = {
    policy: section.read(BALANCER.policy),
    connectTimeout: section.read(BALANCER.connectTimeout),
    idleTimeout: section.read(BALANCER.idleTimeout),
    maxConnections: section.read(BALANCER.maxConnections),
    ejection: section.read(BALANCER.ejection),
  };
  const settings = readSettled(section, type.value, given);
  const wishes = readEngine(section, type.value, given);
  const backendTls = section.read(BALANCER.backendTls);
  section.finish(BALANCER_FIELDS);
  if (port.origin === "default") port.place.problem("is missing: must be a port from 1 to 65535");
  return {
    place: section.place,
    name: name.value === "" ? `${type.value}-${port.value}` : name.value,
    type: type.value,
    port,
    bindToVip: bindToVip.value,
    backendPort: backendPort.value,
    backends,
    settings,
    wishes,
    backendTls,
  };
}

function readSettled(section: Section, type: BalancerType, known: ListenSettings): Settled {
  const limit = (setting: Setting<number>): number => {
    const given = section.read(setting);
    if (type !== "http" && given.origin === "file") {
      given.place.warning("has no effect: only load balancers of type http use it");
    }
    return given.value;
  };
  const ejection = known.ejection.value;
  const health = section.read(BALANCER.healthCheck);
  return {
    policy: known.policy.value,
    connectTimeoutMs: known.connectTimeout.value,
    idleTimeoutMs: known.idleTimeout.value,
    maxConnections: known.maxConnections.value,
    drainMs: section.read(BALANCER.drain).value,
    // Datagrams are not acknowledged: whoever wants checks of a udp balancer names what else the backends speak.
    health: type === "udp" && health.origin === "default" ? null : toHealth(health.value),
    ejection: ejection.failures === 0 ? null : { failures: ejection.failures, restMs: ejection.restMs },
    maxHeadBytes: limit(HTTP_LIMITS.maxHeadBytes),
    maxHeaders: limit(HTTP_LIMITS.maxHeaders),
    headTimeout: limit(HTTP_LIMITS.headTimeout),
    responseTimeout: limit(HTTP_LIMITS.responseTimeout),
    maxRequestBytes: limit(HTTP_LIMITS.maxRequestBytes),
    maxResponseBytes: limit(HTTP_LIMITS.maxResponseBytes),
  };
}

/** A name is a label in the status: the second balancer of one name is called `name#2`. */
function uniqueNames(drafts: readonly Draft[]): Draft[] {
  const taken = new Set<string>();
  return drafts.map((draft) => {
    let name = draft.name;
    for (let n = 2; taken.has(name); n++) name = `${draft.name}#${n}`;
    taken.add(name);
    if (name === draft.name) return draft;
    draft.place.below("name").warning(`is the name of another load balancer; this one is called ${name}`, draft.name);
    return { ...draft, name };
  });
}

/** Two TCP listeners on one port clash, also when one of them is on the VIPs only. The election's port is UDP. */
function checkPorts(drafts: readonly Draft[], around: Surroundings): void {
  const owners = new Map<string, Draft>();
  for (const draft of drafts) {
    const { value, place } = draft.port;
    if (value === null) continue;
    const transport = draft.type === "udp" ? "udp" : "tcp";
    const owner = owners.get(`${transport} ${value}`);
    if (owner === undefined) owners.set(`${transport} ${value}`, draft);
    else {place.problem(
        `is the port of ${owner.place.key} (${owner.name}); every load balancer needs its own`,
        `${value}`,
      );}
    if (transport === "udp" && !draft.bindToVip && value === around.local?.port) {
      place.problem("is where this member talks to its peers; must be another port, or set bindToVip", `${value}`);
    }
  }
}

/** The first balancer with every member appended that is not a backend yet. */
function withPeers(draft: Draft, around: Surroundings): Draft {
  if (!around.addPeers.value) return draft;
  const port = draft.backendPort !== 0
    ? draft.backendPort
    : draft.backends.value.find((one) => one.port !== null)?.port;
  if (port === undefined || port === null) {
    draft.place.below("backendPort").problem(
      "is missing: addPeersAsBackends needs the port at which peers are backends",
    );
    return draft;
  }
  const listed = new Set(draft.backends.value.map((one) => `${one.ip?.text} ${one.port ?? port}`));
  const added = around.members.filter((peer) => !listed.has(`${peer.ip.text} ${port}`)).map((peer): GivenBackend => ({
    ip: peer.ip,
    port,
    url: null,
    weight: 1,
    place: around.addPeers.place,
    shown: `${peer.ip.text}:${port}`,
  }));
  return { ...draft, backends: { ...draft.backends, value: [...draft.backends.value, ...added] } };
}

function finishDraft(draft: Draft, around: Surroundings): BalancerConfig[] {
  const { name, bindToVip, backends } = draft;
  const port = draft.port.value;
  if (backends.value.length === 0 && backends.origin !== "invalid") {
    backends.place.problem("is missing: must list at least one backend, {address, port} or {url}");
  }
  if (bindToVip && around.vips.length === 0) {
    draft.place.below("bindToVip").warning(
      "has no effect: there is no VIP to listen on, so this load balancer never does",
    );
  }
  if (port === null) return [];
  const { headTimeout, responseTimeout, maxHeadBytes, maxHeaders, maxRequestBytes, maxResponseBytes, ...common } =
    draft.settings;
  const { engine, threads, tls, acceptProxyProtocol, ...wishes } = draft.wishes;
  const front = { name, port, bindToVip, ...common, engine, threads, tls, acceptProxyProtocol };
  if (draft.type !== "http") {
    if (engine === "kernel") {
      checkKernelBackends(backends.value, { place: draft.place, vips: bindToVip ? around.vips : [] });
    }
    if (draft.backendTls.origin === "file") {
      draft.backendTls.place.warning("has no effect: only load balancers of type http use it");
    }
    const list = eachOnce(backends.value, (one) => tcpBackend(one, draft, around));
    return [{ ...front, type: draft.type, backends: list, ...wishes }];
  }
  const list = eachOnce(backends.value, (one) => httpBackend(one, draft, around));
  checkHttps(list, draft);
  const limits = {
    maxHeadBytes,
    maxHeaders,
    headTimeoutMs: headTimeout,
    responseTimeoutMs: responseTimeout,
    maxRequestBytes: maxRequestBytes === 0 ? null : maxRequestBytes,
    maxResponseBytes: maxResponseBytes === 0 ? null : maxResponseBytes,
  };
  const { shown: _shown, ...backendTls } = draft.backendTls.value;
  return [{ ...front, type: "http", backends: list, ...limits, backendTls }];
}

/** Checks, counters and the kernel know a backend by its name: one that is listed twice is one with the weight of both. */
function eachOnce<B extends TcpBackend | HttpBackend>(
  given: readonly GivenBackend[],
  read: (one: GivenBackend) => readonly B[],
): B[] {
  const known = new Map<string, B>();
  for (const one of given) {
    for (const backend of read(one)) {
      const name = "url" in backend ? backend.url.href : `${backend.address} ${backend.port}`;
      const before = known.get(name);
      if (before !== undefined) {
        one.place.warning("is listed twice: it is one backend, with the weight of both", one.shown);
      }
      known.set(name, before === undefined ? backend : { ...before, weight: before.weight + backend.weight });
    }
  }
  return [...known.values()];
}

/** TLS with backends is the business of one engine, and of https alone. */
function checkHttps(backends: readonly HttpBackend[], draft: Draft): void {
  const https = backends.find(({ url }) => url.protocol === "https:");
  if (https === undefined && draft.backendTls.origin === "file") {
    draft.backendTls.place.warning("has no effect: no backend has an https URL");
  }
  if (https === undefined) return;
  if (draft.wishes.engine === "listen") {
    draft.backends.place.problem(
      "has an https URL, which is more than the engine listen can do; use engine user or auto",
      https.url.href,
    );
  }
  if (draft.wishes.threads > 1) {
    draft.place.below("threads").warning("has no effect: a load balancer with https backends has one thread");
  }
  if (draft.wishes.acceptProxyProtocol) {
    draft.place.below("acceptProxyProtocol").problem("does not go together with https backends; remove one of them");
  }
}

function tcpBackend(given: GivenBackend, draft: Draft, around: Surroundings): TcpBackend[] {
  if (given.ip === null) {
    given.place.problem("is a URL, which only load balancers of type http use; must be {address, port}", given.shown);
    return [];
  }
  const port = portOf(given, draft);
  if (port === null) return [];
  checkLoop({ host: given.ip.text, port, given }, draft, around);
  return [{ address: given.ip.text, port, weight: given.weight }];
}

function httpBackend(given: GivenBackend, draft: Draft, around: Surroundings): HttpBackend[] {
  if (given.ip === null) {
    if (given.url === null) return [];
    const host = given.url.hostname.replace(/^\[(.*)\]$/, "$1");
    checkLoop({ host, port: portOfUrl(given.url), given }, draft, around);
    return [{ url: given.url, weight: given.weight }];
  }
  const port = portOf(given, draft);
  if (port === null) return [];
  checkLoop({ host: given.ip.text, port, given }, draft, around);
  const host = given.ip.family === 6 ? `[${given.ip.text}]` : given.ip.text;
  return [{ url: new URL(`http://${host}:${port}`), weight: given.weight }];
}

function portOfUrl(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "https:" ? 443 : 80;
}

function portOf(given: GivenBackend, draft: Draft): number | null {
  if (given.port !== null) return given.port;
  if (draft.backendPort !== 0) return draft.backendPort;
  given.place.below("port").problem("is missing: give the backend a port, or the load balancer a backendPort");
  return null;
}

/** A backend that is the balancer itself would pass every connection round for ever. */
function checkLoop(
  backend: { host: string; port: number; given: GivenBackend },
  draft: Draft,
  around: Surroundings,
): void {
  if (backend.port !== draft.port.value) return;
  const shown = backend.given.shown;
  if (around.vips.some((vip) => vip.ip.text === backend.host)) {
    backend.given.place.problem("is this load balancer itself; must be another port or a machine behind it", shown);
  } else if (!draft.bindToVip && (around.local?.ip.text === backend.host || isOwnHost(backend.host))) {
    backend.given.place.problem(
      "is this load balancer itself, which listens on every address; set bindToVip or use another port",
      shown,
    );
  }
}

/** A host that is this machine, whatever its addresses are. */
function isOwnHost(host: string): boolean {
  const ip = parseIp(host);
  return ip === null ? /^(.*\.)?localhost\.?$/i.test(host) : isLoopback(ip);
}
