/** Sessions, BFD and TCP that a test moves by hand, and a speaker on them. */
import assert from "node:assert/strict";
import type { BfdChange, BfdMonitor, BfdPath, BfdState, BfdWatch } from "../../mod/bfd/types.ts";
import type { HostAddress } from "../../mod/bgp/next_hop.ts";
import type { LinkPeers, SessionOptions } from "../../mod/bgp/session_options.ts";
import type { Cease, PeerSession } from "../../mod/bgp/session_types.ts";
import { BgpSpeaker } from "../../mod/bgp/speaker.ts";
import { SpeakerLog } from "../../mod/bgp/speaker_log.ts";
import type { Incoming, Listener, ListenRequest, Transport } from "../../mod/bgp/transport.ts";
import type { BgpConfig, Negotiated, PeerReport } from "../../mod/bgp/types.ts";
import { VirtualClock } from "../fakes/clock.ts";
import { seededRandom } from "../fakes/random.ts";
import { ADDRESSES, agreement } from "./configs.ts";
import { ModelPeer } from "./model_peer.ts";

/** A session that does nothing by itself. */
export class FakeSession implements PeerSession {
  readonly calls: string[] = [];
  readonly accepted: Incoming[] = [];
  /** Whether it takes connections. */
  isWelcoming = true;
  queuedBytes = 0;
  state: PeerReport["state"] = "idle";
  lastError: string | null = null;
  /** The far end of the session that is up. */
  router = new ModelPeer();
  /** What {@link stop} waits for. */
  stopped: Promise<void> = Promise.resolve();

  constructor(readonly options: SessionOptions) {}

  start(): void {
    this.calls.push("start");
    this.state = "connect";
  }

  stop(cease: Cease): Promise<void> {
    this.calls.push(`stop ${cease.is}`);
    this.state = "idle";
    return this.stopped;
  }

  restart(cease: Cease): void {
    this.calls.push(`restart ${cease.is}`);
  }

  pathDown(): void {
    this.calls.push("path down");
    if (this.state === "established") this.end("BFD says that the path is gone");
  }

  pathUp(): void {
    this.calls.push("path up");
  }

  send(messages: readonly Uint8Array[]): void {
    assert.equal(this.state, "established", "messages are sent while the session is up");
    this.calls.push("send");
    this.router.receive(messages);
  }

  incoming(incoming: Incoming): "taken" | "refused" {
    if (!this.isWelcoming) return "refused";
    this.accepted.push(incoming);
    return "taken";
  }

  report(): ReturnType<PeerSession["report"]> {
    const { state, lastError } = this;
    return {
      state,
      stateForMs: 0,
      remoteAs: null,
      lastError,
      lastErrorMsAgo: null,
      established: 0,
      malformedUpdates: 0,
    };
  }

  /** The session comes up. */
  async establish(changed: Partial<Negotiated> = {}): Promise<void> {
    const { address } = this.options.peer;
    const remoteIp = address.is === "ip" ? address.ip : "fe80::fe";
    this.router = new ModelPeer();
    this.state = "established";
    this.options.events.established(agreement({ remoteIp, families: this.options.peer.families, ...changed }));
    await turn();
  }

  /** And goes down. */
  end(why = "hold timer expired"): void {
    this.state = "idle";
    this.options.events.ended({ why, routes: "dropped" });
  }
}

/** One watched path of {@link FakeBfd}. */
export class FakeWatch implements BfdWatch {
  state: BfdState = "down";
  isStopped = false;

  constructor(readonly path: BfdPath, readonly onChange: (change: BfdChange) => void) {}

  stop(): void {
    this.isStopped = true;
  }

  become(state: BfdState, { remoteAdminDown = false } = {}): void {
    this.state = state;
    this.onChange({ state, why: state === "up" ? "" : "nothing heard for 150 ms", remoteAdminDown });
  }
}

export class FakeBfd implements BfdMonitor {
  readonly watches: FakeWatch[] = [];
  isClosed = false;
  /** The next watches fail with it. */
  error: Error | null = null;

  watch(path: BfdPath, onChange: (change: BfdChange) => void): FakeWatch {
    if (this.error !== null) throw this.error;
    const watch = new FakeWatch(path, onChange);
    this.watches.push(watch);
    return watch;
  }

  close(): void {
    this.isClosed = true;
    for (const watch of this.live) watch.stop();
  }

  /** Paths that are watched. */
  get live(): FakeWatch[] {
    return this.watches.filter((watch) => !watch.isStopped);
  }

  /** The only one. */
  get watched(): FakeWatch {
    const [watch, ...others] = this.live;
    assert.ok(watch !== undefined && others.length === 0, `${this.live.length} paths are watched`);
    return watch;
  }
}

/** Listens only. */
export class FakeTransport implements Transport {
  readonly requests: ListenRequest[] = [];
  open = 0;
  /** The next listeners fail with it. */
  error: Error | null = null;

  connect(): never {
    throw new Error("no session of this test connects");
  }

  listen(request: ListenRequest): Listener {
    if (this.error !== null) throw this.error;
    this.requests.push(request);
    this.open++;
    const close = (): Promise<void> => {
      this.open--;
      return Promise.resolve();
    };
    return { port: request.port === 0 ? 40179 : request.port, close };
  }

  /** Somebody connects to the last listener. */
  incoming(remoteIp: string, link: string | null = null): Incoming {
    const incoming: Incoming = {
      remoteIp,
      localIp: "10.0.0.1",
      interface: link,
      accept: () => {
        throw new Error("no session of this test takes a connection");
      },
    };
    this.requests.at(-1)?.onIncoming(incoming);
    return incoming;
  }
}

/** Routers on links. */
export class FakeLinks implements LinkPeers {
  readonly listeners = new Set<() => void>();
  readonly #routers = new Map<string, string>();

  peer(interfaceName: string): string | null {
    return this.#routers.get(interfaceName) ?? null;
  }

  onChange(changed: () => void): () => void {
    this.listeners.add(changed);
    return () => void this.listeners.delete(changed);
  }

  /** A router is seen on a link; null: it is gone. */
  see(interfaceName: string, ip: string | null): void {
    if (ip === null) this.#routers.delete(interfaceName);
    else this.#routers.set(interfaceName, ip);
    for (const changed of this.listeners) changed();
  }
}

/** A log whose lines a test can look at: severity, sentence and properties. */
export function recordedLog(): { log: SpeakerLog; lines: string[] } {
  const lines: string[] = [];
  const at = (severity: string) => (message: string, properties: object = {}): void =>
    void lines.push(`${severity} ${message} ${JSON.stringify(properties)}`);
  const log = { debug: at("debug"), info: at("info"), warning: at("warning"), error: at("error") };
  return { log: new SpeakerLog(log), lines };
}

/** A speaker on fakes. */
export class SpeakerKit {
  readonly clock = new VirtualClock();
  readonly bfd = new FakeBfd();
  readonly transport = new FakeTransport();
  readonly links = new FakeLinks();
  readonly sessions: FakeSession[] = [];
  readonly speaker: BgpSpeaker;
  readonly lines: string[];
  addresses: readonly HostAddress[] = ADDRESSES;
  /** So often they were asked for. */
  asked = 0;
  /** The kernel does not say them. */
  isMute = false;
  monitors = 0;

  constructor(config: BgpConfig, addressesKept = true) {
    const { log, lines } = recordedLog();
    this.lines = lines;
    this.speaker = new BgpSpeaker({
      config,
      addressesKept,
      transport: this.transport,
      bfdMonitor: () => {
        this.monitors++;
        return this.bfd;
      },
      clock: this.clock,
      random: seededRandom(1),
      addresses: () => {
        this.asked++;
        if (this.isMute) throw new Error("no buffer space available");
        return this.addresses;
      },
      lookup: () => Promise.resolve([]),
      linkPeers: this.links,
      makeSession: (options) => {
        const session = new FakeSession(options);
        this.sessions.push(session);
        return session;
      },
      log,
    });
  }

  /** The latest session of the peer at 10.0.0.`host`. */
  session(host: number): FakeSession {
    const found = this.sessions.findLast(({ options }) => options.peer.name === `10.0.0.${host}:179`);
    assert.ok(found !== undefined, `no session with 10.0.0.${host}`);
    return found;
  }

  /** Lines of the log that have this in them. */
  said(part: string): number {
    return this.lines.filter((line) => line.includes(part)).length;
  }

  /** Closes the speaker, moving the time that it takes. */
  async close(): Promise<void> {
    const closed = this.speaker.close();
    for (let i = 0; i < 50; i++) {
      await turn();
      this.clock.advance(100);
    }
    await closed;
    assert.equal(this.clock.pending, 0, "no timer is left");
    assert.equal(this.transport.open, 0, "no listener is left");
    assert.equal(this.bfd.live.length, 0, "no path is watched");
  }
}

/** Lets everything happen that waits for nothing. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
