import assert from "node:assert/strict";
import { Session } from "../../mod/bgp/session.ts";
import type { LinkPeers, Lookup } from "../../mod/bgp/session_options.ts";
import type { SessionEnd } from "../../mod/bgp/session_types.ts";
import type { Connection, ConnectionEvents, Transport } from "../../mod/bgp/transport.ts";
import type { BgpPeerConfig, Negotiated } from "../../mod/bgp/types.ts";
import {
  decodeMessage,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  MessageReader,
} from "../../mod/net/bgp/message.ts";
import type { Capability, OpenMessage, ReceivedMessage, UpdateTraits } from "../../mod/net/bgp/types.ts";
import { BgpNetwork } from "../fakes/bgp_transport.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { seededRandom, seedFromEnv } from "../fakes/random.ts";

export const SEED = seedFromEnv(4271);

/** Our side and the router's, in most tests. */
export const NODE = "192.0.2.1";
export const ROUTER = "192.0.2.254";

/** A peer with usual settings. */
export function peerConfig(changes: Partial<BgpPeerConfig> = {}): BgpPeerConfig {
  return {
    name: `${ROUTER}:179`,
    address: { is: "ip", ip: ROUTER },
    port: 179,
    as: 65001,
    password: null,
    multihopTtl: null,
    ttlSecurityHops: null,
    sourceIp: null,
    sourceInterface: null,
    families: new Set([4]),
    nextHop: { is: "self" },
    holdTimeMs: 9000,
    keepaliveMs: 3000,
    passive: false,
    bfd: null,
    policy: { communities: [], largeCommunities: [], localPref: null, med: null, prepend: 0 },
    ...changes,
  };
}

/** Where a session runs and what differs from usual. */
export interface Setting {
  readonly network: BgpNetwork;
  readonly clock: VirtualClock;
  readonly ip?: string;
  readonly as?: number;
  readonly routerId?: string;
  readonly gracefulRestartMs?: number | null;
  readonly peer?: Partial<BgpPeerConfig>;
  readonly seed?: number;
  readonly listens?: boolean;
  readonly lookup?: Lookup;
  readonly linkPeers?: LinkPeers;
}

/** One session with its host, and what it has told. */
export class Station {
  readonly session: Session;
  readonly told: string[] = [];
  readonly ends: SessionEnd[] = [];
  readonly ups: Negotiated[] = [];
  /** When it came up and went down. */
  /** Called after each beginning and end. */
  onChange: (what: "up" | "down") => void = () => {};
  readonly times: { readonly is: "up" | "down"; readonly atMs: number }[] = [];

  constructor(setting: Setting) {
    const { network, clock } = setting;
    const transport = network.host(setting.ip ?? NODE);
    this.session = new Session({
      peer: peerConfig(setting.peer),
      speaker: {
        as: setting.as ?? 65000,
        routerId: setting.routerId ?? "10.0.0.1",
        gracefulRestartMs: setting.gracefulRestartMs ?? null,
        restarting: () => false,
        forwarding: () => true,
      },
      transport,
      clock,
      random: seededRandom(setting.seed ?? SEED),
      lookup: setting.lookup ?? (() => Promise.resolve([])),
      linkPeers: setting.linkPeers ?? { peer: () => null, onChange: () => () => {} },
      events: this.#events(clock),
    });
    if (setting.listens === true) this.#listen(transport);
  }

  get state(): string {
    return this.session.report().state;
  }

  #listen(transport: Transport): void {
    transport.listen({
      port: 179,
      keys: [],
      onIncoming: (incoming) => void this.session.incoming(incoming),
      onError: (why) => assert.fail(why),
    });
  }

  #events(clock: VirtualClock): ConstructorParameters<typeof Session>[0]["events"] {
    return {
      established: (negotiated) => {
        this.told.push("established");
        this.ups.push(negotiated);
        this.times.push({ is: "up", atMs: clock.now() });
        this.onChange("up");
      },
      ended: (end) => {
        this.told.push("ended");
        this.ends.push(end);
        this.times.push({ is: "down", atMs: clock.now() });
        this.onChange("down");
      },
      received: (update) => void this.told.push(`update of ${update.announced}`),
      refresh: (family) => void this.told.push(`refresh of ${family}`),
    };
  }
}

const TRAITS: UpdateTraits = { isExternal: true, fourOctetAs: true, families: new Set([4]), extendedNextHop: false };

/** One connection of a {@link Puppet}. */
export class Wire {
  readonly connection: Connection;
  readonly heard: ReceivedMessage[] = [];
  closed: string | null = null;
  /** The puppet has made it. */
  readonly isDialled: boolean;
  readonly #reader = new MessageReader();

  constructor(isDialled: boolean, begin: (events: ConnectionEvents) => Connection) {
    this.isDialled = isDialled;
    this.connection = begin({
      opened: () => {},
      received: (bytes) => {
        this.#reader.push(bytes);
        for (let raw = this.#reader.next(); raw !== null; raw = this.#reader.next()) {
          this.heard.push(decodeMessage(raw, TRAITS));
        }
      },
      closed: (why) => {
        this.closed = why;
      },
    });
  }

  /** Kinds of messages heard, in order; a NOTIFICATION with its numbers. */
  get kinds(): string[] {
    return this.heard.map((one) => one.is === "notification" ? `notification ${one.code}/${one.subcode}` : one.is);
  }

  say(...messages: readonly Uint8Array[]): void {
    for (const message of messages) this.connection.send(message);
  }
}

/** A router without a mind of its own: the test says what it says. */
export class Puppet {
  readonly wires: Wire[] = [];
  readonly #transport: Transport;

  constructor(network: BgpNetwork, ip = ROUTER) {
    this.#transport = network.host(ip);
    this.#transport.listen({
      port: 179,
      keys: [],
      onIncoming: (incoming) => {
        this.wires.push(new Wire(false, (events) => incoming.accept(events, { ttl: 1, minTtl: null })));
      },
      onError: (why) => assert.fail(why),
    });
  }

  /** The connection that came last. */
  get wire(): Wire {
    const wire = this.wires.at(-1);
    assert(wire !== undefined, "nobody has connected to the router");
    return wire;
  }

  /** Connects to a session. */
  connect(ip = NODE): Wire {
    const request = { ip, port: 179, interface: null, bindToInterface: false, sourceIp: null };
    const settings = { password: null, ttl: 1, minTtl: null };
    const wire = new Wire(true, (events) => this.#transport.connect({ ...request, ...settings }, events));
    this.wires.push(wire);
    return wire;
  }
}

/** What routers can do, usually. */
export const CAPABILITIES: readonly Capability[] = [
  { is: "multiprotocol", family: 4 },
  { is: "route-refresh" },
  { is: "four-octet-as", as: 65001 },
];

/** The OPEN of a router. */
export function routerOpen(changes: Partial<OpenMessage> = {}): Uint8Array {
  return encodeOpen({
    is: "open",
    version: 4,
    as: 65001,
    holdTimeS: 9,
    identifier: "10.0.0.254",
    capabilities: CAPABILITIES,
    ...changes,
  });
}

export const KEEPALIVE = encodeKeepalive();

/** A Cease of the router. */
export function cease(subcode: number, data: Uint8Array = new Uint8Array()): Uint8Array {
  return encodeNotification({ is: "notification", code: 6, subcode, data });
}

/** A session that is up with a puppet. */
export interface Pair {
  readonly clock: VirtualClock;
  readonly network: BgpNetwork;
  readonly node: Station;
  readonly router: Puppet;
}

/** Both sides, nothing started. */
export function pair(changes: Omit<Setting, "network" | "clock"> = {}): Pair {
  const clock = new VirtualClock();
  const network = new BgpNetwork(clock);
  return { clock, network, router: new Puppet(network), node: new Station({ network, clock, ...changes }) };
}

/** Lets the router answer the OPEN that has come; the session is up then. */
export function answer({ clock, router, node }: Pair, open = routerOpen()): void {
  clock.advance(5);
  router.wire.say(open, KEEPALIVE);
  clock.advance(5);
  assert.equal(node.state, "established");
}

/** Both sides, up. */
export function upPair(changes: Omit<Setting, "network" | "clock"> = {}, open = routerOpen()): Pair {
  const both = pair(changes);
  both.node.session.start();
  answer(both, open);
  return both;
}

/** Ends the session and makes sure that nothing is left. */
export async function finish({ clock, network, node }: Pair): Promise<void> {
  const stopped = node.session.stop({ is: "deconfigured" });
  clock.advance(2000);
  await stopped;
  clock.advance(10);
  for (const end of [...network.ends]) end.abort();
  clock.advance(10);
  assert.equal(clock.pending, 0, `seed ${SEED}: a timer is left`);
}
