import type { Clock, Timer } from "../../mod/base/clock.ts";
import type {
  Connection,
  ConnectionEvents,
  ConnectRequest,
  Incoming,
  Listener,
  ListenRequest,
  SocketSettings,
  Transport,
} from "../../mod/bgp/transport.ts";

/** What happens to those who connect to an address nobody listens on, or that is told to behave so. */
export type Weather =
  /** Connections come up. */
  | "clear"
  /** "connection refused", as from a host without a listener. */
  | "refusing"
  /** Nothing comes back, and nothing gets through on what is up: a cut link, or a wrong password. */
  | "silent";

/** Bytes travel so long. */
const LATENCY_MS = 1;

/** TCP in memory, on virtual time: any number of hosts, each with a {@link Transport}. */
export class BgpNetwork {
  readonly clock: Clock;
  /** Ends of connections that are up or coming up. */
  readonly ends = new Set<FakeConnection>();
  /** All that was ever asked for. */
  readonly requests: ConnectRequest[] = [];
  /** Settings given to accepted connections. */
  readonly accepted: Pick<SocketSettings, "ttl" | "minTtl">[] = [];
  weather: Weather = "clear";
  /** Hosts that read nothing: what is sent to them stays in the queue of the sender. */
  readonly deaf = new Set<string>();
  readonly #listeners = new Map<string, ListenRequest>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The transport of the host with that address. */
  host(ip: string): Transport {
    return {
      connect: (request, events) => this.#connect(ip, request, { events }),
      listen: (request) => this.#listen(ip, request),
    };
  }

  /** Lets the other end know when a packet would get there. */
  later(deliver: () => void): Timer {
    return this.clock.after(LATENCY_MS, () => {
      if (this.weather !== "silent") deliver();
    });
  }

  #listen(ip: string, request: ListenRequest): Listener {
    this.#listeners.set(ip, request);
    return {
      port: 179,
      close: () => {
        this.#listeners.delete(ip);
        return Promise.resolve();
      },
    };
  }

  #connect(from: string, request: ConnectRequest, { events }: { events: ConnectionEvents }): Connection {
    this.requests.push(request);
    const near = new FakeConnection(this, events);
    near.ends = { localIp: request.sourceIp ?? from, remoteIp: request.ip };
    this.later(() => {
      if (!near.isThere) return;
      const listener = this.#listeners.get(request.ip);
      if (listener === undefined || this.weather === "refusing") return near.die("connection refused");
      // First the handshake, then what the other side says at once.
      this.later(() => far === null ? near.die("connection reset by the peer") : near.open(far));
      const far = this.#offer(listener, { near, interfaceName: request.interface });
    });
    return near;
  }

  #offer(
    listener: ListenRequest,
    { near, interfaceName }: { near: FakeConnection; interfaceName: string | null },
  ): FakeConnection | null {
    let far: FakeConnection | null = null;
    const { localIp, remoteIp } = near.ends;
    const incoming: Incoming = {
      remoteIp: localIp,
      localIp: remoteIp,
      interface: localIp.startsWith("fe80:") ? interfaceName : null,
      accept: (events, settings) => {
        this.accepted.push(settings);
        far = new FakeConnection(this, events);
        far.ends = { localIp: remoteIp, remoteIp: localIp };
        far.other = near;
        far.isUp = true;
        return far;
      },
    };
    listener.onIncoming(incoming);
    return far;
  }
}

/** One end of a connection. */
export class FakeConnection implements Connection {
  readonly #network: BgpNetwork;
  readonly #events: ConnectionEvents;
  ends = { localIp: "", remoteIp: "" };
  other: FakeConnection | null = null;
  isUp = false;
  isThere = true;
  queuedBytes = 0;

  constructor(network: BgpNetwork, events: ConnectionEvents) {
    this.#network = network;
    this.#events = events;
    network.ends.add(this);
  }

  get localIp(): string | null {
    return this.isUp ? this.ends.localIp : null;
  }

  get remoteIp(): string | null {
    return this.isUp ? this.ends.remoteIp : null;
  }

  send(bytes: Uint8Array): void {
    if (!this.isThere) return;
    if (this.#network.deaf.has(this.ends.remoteIp)) {
      this.queuedBytes += bytes.length;
      return;
    }
    const copy = bytes.slice();
    const { other } = this;
    this.#network.later(() => other?.take(copy));
  }

  close(limitMs: number): void {
    if (!this.isThere) return;
    if (this.queuedBytes > 0) {
      this.isThere = false;
      this.#network.clock.after(limitMs, () => this.abort());
      return;
    }
    this.#leave("closed by the peer");
  }

  abort(): void {
    this.queuedBytes = 0;
    this.#leave("connection reset by the peer");
  }

  /** The connection has come up. */
  open(other: FakeConnection): void {
    if (!this.isThere) return other.die("connection reset by the peer");
    this.other = other;
    this.isUp = true;
    this.#events.opened();
  }

  /** Bytes arrive. */
  take(bytes: Uint8Array): void {
    if (this.isThere) this.#events.received(bytes);
  }

  /** It ends from outside. */
  die(why: string): void {
    if (!this.isThere) return;
    this.isThere = false;
    this.#network.ends.delete(this);
    this.#events.closed(why);
  }

  #leave(why: string): void {
    this.isThere = false;
    if (!this.#network.ends.delete(this)) return;
    const { other } = this;
    this.#network.later(() => other?.die(why));
  }
}
