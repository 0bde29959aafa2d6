/** The `tcp` balancer within a thread: bytes from one connection to another and back, without looking at them. */
import type { BalancerConfig, TcpBalancerConfig } from "../../config/types.ts";
import { errnoName, isShortage } from "../../linux/errno.ts";
import { encodeProxyHeader } from "../../net/proxy_protocol.ts";
import type { Flow, FlowOwner, Service, ServiceContext } from "./types.ts";

/** Bytes asked for at once: grows while they come that fast, falls to what a slow receiver takes. */
const WINDOW = { min: 16 * 1024, first: 64 * 1024, max: 256 * 1024 };
/** So many bytes of one connection, then the others have their turn. */
const TURN_BYTES = 1024 * 1024;

/** What sessions of a service share. */
interface Shared extends ServiceContext<TcpBalancerConfig> {
  config: TcpBalancerConfig;
  readonly sessions: Set<TcpSession>;
}

/** Every client of one tcp balancer in this thread. */
export class TcpService implements Service {
  readonly #shared: Shared;

  constructor(context: ServiceContext<TcpBalancerConfig>) {
    this.#shared = { ...context, sessions: new Set() };
  }

  accepted(flow: Flow): void {
    new TcpSession(flow, this.#shared).connect();
  }

  /** Nothing in the bytes says when a connection is done: it goes on until it ends or is cut. */
  drain(): void {}

  cut(localIp: string | null): void {
    for (const session of [...this.#shared.sessions]) session.cutIf(localIp);
  }

  /** Nothing is kept open without use. */
  forget(): void {}

  update(config: BalancerConfig): void {
    if (config.type === "tcp") this.#shared.config = config;
  }
}

/** One direction of a session. */
interface Way {
  window: number;
  /** FIN was received. */
  hasEnded: boolean;
}

/** One client's connection and the backend's that belongs to it. */
class TcpSession implements FlowOwner {
  readonly #shared: Shared;
  readonly #client: Flow;
  #backend: Flow | null = null;
  #isOpen = false;
  #index = -1;
  #tried: Set<number> | null = null;
  readonly #up: Way = { window: WINDOW.first, hasEnded: false };
  readonly #down: Way = { window: WINDOW.first, hasEnded: false };

  constructor(client: Flow, shared: Shared) {
    this.#client = client;
    this.#shared = shared;
    client.owner = this;
    shared.sessions.add(this);
  }

  /** Begins to connect to a backend: the next one if there was one before. */
  connect(): void {
    const { backends, loop, config } = this.#shared;
    for (;;) {
      const index = this.#tried === null ? backends.pick() : backends.pick(this.#tried);
      if (index === null) return this.#end("reset");
      this.#index = index;
      const destination = backends.destination(index);
      const backend = destination === null ? null : loop.connect(destination, this);
      if (backend !== null) {
        this.#backend = backend;
        backend.expireIn(config.connectTimeoutMs);
        return;
      }
      if (destination === null) this.#giveUp("its name has no address");
      else if (isShortage(loop.connectErrno)) this.#passOver();
      else this.#giveUp(errnoName(loop.connectErrno));
    }
  }

  opened(flow: Flow): void {
    const { backends, config } = this.#shared;
    this.#isOpen = true;
    this.#tried = null;
    backends.connected(this.#index);
    flow.neverExpire();
    this.#touch();
    if (config.sendProxyProtocol !== null) flow.send(encodeProxyHeader(config.sendProxyProtocol, this.#client));
    this.#pump(this.#client, flow, this.#up);
  }

  /** The client is not read before a backend is connected: until then another backend can still take its place. */
  readable(flow: Flow): void {
    const backend = this.#backend;
    if (!this.#isOpen || backend === null) return;
    if (flow === this.#client) this.#pump(flow, backend, this.#up);
    else this.#pump(flow, this.#client, this.#down);
  }

  drained(flow: Flow): void {
    const backend = this.#backend;
    if (!this.#isOpen || backend === null || this.#endIfOver()) return;
    if (flow === this.#client) this.#pump(backend, flow, this.#down);
    else this.#pump(this.#client, flow, this.#up);
  }

  failed(flow: Flow, errno: number): void {
    if (flow === this.#client || this.#isOpen) return this.#end("reset");
    this.#giveUp(errnoName(errno));
    this.connect();
  }

  expired(flow: Flow): void {
    if (this.#isOpen) return this.#rested();
    flow.close();
    this.#giveUp(`no connection within ${this.#shared.config.connectTimeoutMs} ms`);
    this.connect();
  }

  /** Ends it with a RST to both sides if it came to this address; null: whatever it came to. */
  cutIf(localIp: string | null): void {
    if (localIp === null || this.#client.local.ip === localIp) this.#end("reset");
  }

  #giveUp(why: string): void {
    this.#shared.backends.connectFailed(this.#index, why);
    this.#passOver();
  }

  /** Another backend is to be tried, if there is one. */
  #passOver(): void {
    this.#backend = null;
    this.#shared.backends.ended(this.#index);
    this.#tried = (this.#tried ?? new Set()).add(this.#index);
    this.#index = -1;
  }

  /** Passes on what is there, until the receiver takes no more or others are to have their turn. */
  #pump(from: Flow, to: Flow, way: Way): void {
    const { loop, backends } = this.#shared;
    const { scratch } = loop;
    let [moved, got] = [0, 0];
    while (from.hasInput && to.keptBytes === 0) {
      if (moved >= TURN_BYTES) {
        from.readAgain();
        break;
      }
      const asked = way.window;
      got = from.receive(scratch, asked);
      if (got <= 0) break;
      moved += got;
      backends.moved(this.#index, got);
      if (!to.send(scratch, got)) way.window = Math.max(WINDOW.min, asked >> 1);
      else if (got === asked && asked < WINDOW.max) way.window = asked << 1;
    }
    if (got < 0) this.#ended(got, to, way);
    else if (moved > 0) this.#touch();
  }

  #ended(how: number, to: Flow, way: Way): void {
    if (how !== -1) return this.#end("reset");
    way.hasEnded = true;
    if (this.#endIfOver()) return;
    to.finish();
    this.#touch();
  }

  /** The idle time begins anew. */
  #touch(): void {
    this.#client.expireIn(this.#shared.config.idleTimeoutMs);
  }

  /** Nothing has come for the idle time; what came before may still be on its way to someone slow. */
  #rested(): void {
    const sinceSentMs = Math.min(this.#client.sinceSentMs, this.#backend?.sinceSentMs ?? Infinity);
    const restMs = this.#shared.config.idleTimeoutMs - sinceSentMs;
    if (restMs > 0) this.#client.expireIn(restMs);
    else this.#end("reset");
  }

  /** Both have sent FIN, and everything has left. */
  #endIfOver(): boolean {
    if (!this.#up.hasEnded || !this.#down.hasEnded) return false;
    if (this.#client.keptBytes > 0 || (this.#backend?.keptBytes ?? 0) > 0) return false;
    this.#end("close");
    return true;
  }

  #end(how: "close" | "reset"): void {
    const { sessions, backends } = this.#shared;
    if (!sessions.delete(this)) return;
    if (this.#index >= 0) backends.ended(this.#index);
    for (const flow of [this.#client, this.#backend]) {
      if (how === "close") flow?.close();
      else flow?.reset();
    }
  }
}
