/**
 * Members' datagrams over UDP. Who sent one is decided by its authentication code alone; answers go to the configured address.
 * Whatever the network does to a datagram is counted, never thrown.
 */
import { assert } from "../../base/assert.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { Errno, SysError } from "../../linux/errno.ts";
import type { Poller, Watch } from "../../linux/poller.ts";
import { type UdpAddress, udpAddress, UdpSocket } from "../../linux/udp_socket.ts";
import { getLog } from "../../observe/log.ts";
import { MAX_PAYLOAD_BYTES } from "./frame.ts";
import { PeerSessions } from "./session.ts";
import type { DropReason, Sealed } from "./session.ts";
import type { Transport } from "./transport.ts";
import type { MemberId } from "./types.ts";

const log = getLog("election");

/** A missing local address is looked for again after the first, then doubled up to the last. */
const REBIND_FIRST_MS = 100;
const REBIND_LAST_MS = 5000;
/** A wrong secret of one peer is logged at most this often, whatever arrives in between. */
const WRONG_SECRET_LOG_MS = 60_000;

/** Where a member listens. */
export interface Endpoint {
  readonly id: MemberId;
  /** Canonical IP text. */
  readonly address: string;
  readonly port: number;
}

/** What a {@link UdpTransport} needs. */
export interface UdpOptions {
  readonly local: Endpoint;
  readonly peers: readonly Endpoint[];
  /** null: datagrams are not authenticated. */
  readonly secret: string | null;
  readonly clusterId: string;
  readonly clock: Clock;
  /** Tells when datagrams wait; belongs to the caller, who closes it later than this. */
  readonly poller: Poller;
  /** Fills an array with random bytes; the system's generator unless given. */
  readonly randomBytes?: (bytes: number) => Uint8Array;
}

/** What went through and what did not, since the start. */
export interface UdpCounters {
  readonly sent: number;
  readonly received: number;
  /** By what the system said, such as "ENETUNREACH"; "unproven", "unbound" and "unknown-member" are our own. */
  readonly notSent: Readonly<Record<string, number>>;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
}

/** The local address cannot be used, for a reason that waiting does not mend. */
export class TransportError extends Error {
  override readonly name = "TransportError";

  constructor(readonly operation: string, readonly subject: string, cause: unknown) {
    super(`${operation} ${subject}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** {@link Transport} over one UDP socket on the local member's address. */
export class UdpTransport implements Transport {
  onReceive: (from: MemberId, payload: Uint8Array) => void = () => {};
  readonly #options: UdpOptions;
  #peers: ReadonlyMap<MemberId, UdpAddress>;
  readonly #sessions: PeerSessions;
  readonly #wrongSecretLogged = new Map<MemberId, number>();
  readonly #rejected = new Set<MemberId>();
  readonly #notSent = new Map<string, number>();
  readonly #dropped = new Map<DropReason, number>();
  #socket: UdpSocket | null = null;
  #watch: Watch | null = null;
  #rebind: Timer | null = null;
  #bindError = "";
  #state: "new" | "started" | "stopped" = "new";
  #sent = 0;
  #received = 0;

  constructor(options: UdpOptions) {
    const randomBytes = options.randomBytes ?? ((bytes) => crypto.getRandomValues(new Uint8Array(bytes)));
    this.#options = options;
    this.#peers = new Map(options.peers.map((peer) => [peer.id, udpAddress(peer.address, peer.port)]));
    this.#sessions = new PeerSessions({
      self: options.local.id,
      peers: [...this.#peers.keys()],
      secret: options.secret,
      clusterId: options.clusterId,
      session: randomSession(randomBytes),
      nonce: () => randomBytes(16),
    });
  }

  /**
   * Binds the local address in the current network namespace, and greets every peer. If the address is not on this machine yet, binding
   * goes on in the background. Rejects with {@link TransportError} if it can never be bound (in use, not permitted).
   */
  start(): Promise<void> {
    if (this.#state !== "new") return Promise.resolve();
    this.#state = "started";
    try {
      this.#bind(REBIND_FIRST_MS);
    } catch (error) {
      this.#state = "stopped";
      return Promise.reject(error);
    }
    return Promise.resolve();
  }

  /** What was sent until now still leaves: the system has it. The port is free when this resolves. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#rebind?.cancel();
    this.#rebind = null;
    this.#watch?.stop();
    this.#watch = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.close();
    await this.#options.poller.released();
  }

  send(to: MemberId, payload: Uint8Array): void {
    if (!this.#peers.has(to)) return this.#lost("unknown-member");
    if (payload.length > MAX_PAYLOAD_BYTES) return this.#lost("EMSGSIZE");
    const sealed = this.#sessions.seal(this.#options.clock.now(), to, payload);
    if (sealed.outcome === "sealed") return this.#transmit({ to, datagram: sealed.datagram });
    this.#lost("unproven");
    if (sealed.hello !== null) this.#transmit(sealed.hello);
  }

  /**
   * The same peers are somewhere else from now on, and are greeted there. Sessions go on: a member is whoever has the key, not who has an
   * address.
   */
  readdress(peers: readonly Endpoint[]): void {
    assert(
      peers.length === this.#peers.size && peers.every(({ id }) => this.#peers.has(id)),
      "the members stay the same",
    );
    this.#peers = new Map(peers.map((peer) => [peer.id, udpAddress(peer.address, peer.port)]));
    if (this.#socket !== null) this.#greet();
  }

  /** Counters since the start. */
  counters(): UdpCounters {
    return {
      sent: this.#sent,
      received: this.#received,
      notSent: Object.fromEntries(this.#notSent),
      dropped: Object.fromEntries(this.#dropped),
    };
  }

  /** The port that was bound (for a local port of 0); null while none is. */
  get port(): number | null {
    return this.#socket?.port ?? null;
  }

  #bind(retryMs: number): void {
    const { address, port } = this.#options.local;
    let socket;
    try {
      socket = new UdpSocket(address, port);
    } catch (error) {
      if (error instanceof SysError && error.errno === Errno.EADDRNOTAVAIL) return this.#bindLater(retryMs);
      throw new TransportError("bind", `localPeer ${address} port ${port}`, error);
    }
    if (retryMs > REBIND_FIRST_MS) log.info("The local peer's address is there, taking part now", { address, port });
    this.#listen(socket);
  }

  #bindLater(retryMs: number): void {
    if (this.#state !== "started") return;
    const { address, port } = this.#options.local;
    if (retryMs === REBIND_FIRST_MS) {
      log.warning("The local peer's address is not on this machine yet, waiting for it", { address, port });
    }
    const nextMs = Math.min(REBIND_LAST_MS, retryMs * 2);
    this.#rebind = this.#options.clock.after(retryMs, () => {
      try {
        this.#bind(nextMs);
      } catch (error) {
        this.#logBindError(error);
        this.#bindLater(REBIND_LAST_MS);
      }
    });
  }

  #logBindError(error: unknown): void {
    const text = String(error);
    if (text !== this.#bindError) log.error("The local peer's address cannot be used, trying again", { error: text });
    this.#bindError = text;
  }

  #listen(socket: UdpSocket): void {
    this.#socket = socket;
    const take = (datagram: Uint8Array): void => this.#take(datagram);
    const lost = (why: string): void => this.#lost(why);
    this.#watch = this.#options.poller.watch(socket.fd, () => void socket.drain(take, lost));
    this.#greet();
  }

  #greet(): void {
    for (const id of this.#peers.keys()) {
      const hello = this.#sessions.hello(this.#options.clock.now(), id);
      if (hello !== null) this.#transmit(hello);
    }
  }

  #take(datagram: Uint8Array): void {
    if (this.#state !== "started") return;
    const outcome = this.#sessions.open(this.#options.clock.now(), datagram);
    if (outcome.answer !== null) this.#transmit(outcome.answer);
    switch (outcome.outcome) {
      case "data":
        this.#received++;
        this.#rejected.delete(outcome.from);
        return this.onReceive(outcome.from, outcome.payload);
      case "handshake":
        return;
      case "dropped":
        this.#dropped.set(outcome.reason, (this.#dropped.get(outcome.reason) ?? 0) + 1);
        if (outcome.reason === "bad-mac" && outcome.from !== null) this.#rejected.add(outcome.from);
        if (outcome.news && outcome.from !== null) this.#logWrongSecret(outcome.from);
    }
  }

  /** Peers in whose name datagrams arrive that do not authenticate, and none since that do. */
  rejected(): MemberId[] {
    return [...this.#rejected];
  }

  #logWrongSecret(peer: MemberId): void {
    const now = this.#options.clock.now();
    if (now < (this.#wrongSecretLogged.get(peer) ?? -Infinity) + WRONG_SECRET_LOG_MS) return;
    this.#wrongSecretLogged.set(peer, now);
    log.warning("A datagram in this peer's name has a wrong authentication code; is peerSecret the same everywhere?", {
      peer,
    });
  }

  #transmit({ to, datagram }: Sealed): void {
    const address = this.#peers.get(to);
    if (address === undefined || this.#socket === null) return this.#lost("unbound");
    const outcome = this.#socket.send(datagram, address);
    if (outcome === "sent") this.#sent++;
    else this.#lost(outcome);
  }

  #lost(why: string): void {
    this.#notSent.set(why, (this.#notSent.get(why) ?? 0) + 1);
  }
}

function randomSession(randomBytes: (bytes: number) => Uint8Array): bigint {
  const bytes = randomBytes(8);
  const session = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  return session === 0n ? 1n : session;
}
