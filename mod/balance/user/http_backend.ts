/** Connections to backends: who uses one, and those that nobody uses just now. */
import { MAX_IDLE, MAX_IDLE_MS } from "../http_policy.ts";
import { assertNever } from "../../base/assert.ts";
import type { BackendTarget } from "../targets.ts";
import type { Destination, Flow, FlowOwner, Loop } from "./types.ts";

/** Who uses a connection to a backend is told what happens to it. */
export interface BackendUser {
  backendOpened(backend: BackendConnection): void;
  backendReadable(): void;
  backendDrained(): void;
  /** It is closed. */
  backendFailed(errno: number): void;
  backendExpired(): void;
  /** One of these has thrown, which is a fault of the program: nobody is to wait for what does not come. */
  backendFault(): void;
}

/** One connection to a backend, used by one request after the other. */
export class BackendConnection implements FlowOwner {
  readonly index: number;
  /** null: kept for the next one. */
  user: BackendUser | null;
  /** It has carried a request before, and may be closed by the backend in any moment. */
  isReused = false;
  /** When it was kept. */
  sinceMs = 0;
  /** The name of what it is connected to. */
  to = "";
  /** How to speak to it. */
  readonly target: BackendTarget | null;
  #flow: Flow | null = null;
  readonly #kept: KeptBackends;

  constructor(
    index: number,
    user: BackendUser,
    { kept, target }: { readonly kept: KeptBackends; readonly target: BackendTarget | null },
  ) {
    this.index = index;
    this.user = user;
    this.target = target;
    this.#kept = kept;
  }

  /** Begins to connect; null where no socket is to be had. */
  connect(loop: Loop, to: Destination): Flow | null {
    this.to = to.name;
    this.#flow = loop.connect(to, this);
    return this.#flow;
  }

  /** @throws {Error} before {@link connect} has succeeded. */
  get flow(): Flow {
    if (this.#flow === null) throw new Error("a connection that was never begun has no flow");
    return this.#flow;
  }

  opened(): void {
    this.#tell("opened");
  }

  readable(): void {
    this.#tell("readable");
  }

  drained(): void {
    this.#tell("drained");
  }

  failed(_flow: Flow, errno: number): void {
    this.#tell("failed", errno);
  }

  expired(): void {
    this.#tell("expired");
  }

  /** Of one that is kept, whatever happens is its end: FIN, or bytes that nobody has asked for. */
  #tell(event: keyof FlowOwner, errno = 0): void {
    const { user } = this;
    if (user === null) return this.#kept.drop(this);
    try {
      tell(user, event, { backend: this, errno });
    } catch (error) {
      user.backendFault();
      throw error;
    }
  }
}

function tell(
  user: BackendUser,
  event: keyof FlowOwner,
  what: { readonly backend: BackendConnection; readonly errno: number },
): void {
  switch (event) {
    case "opened":
      return user.backendOpened(what.backend);
    case "readable":
      return user.backendReadable();
    case "drained":
      return user.backendDrained();
    case "failed":
      return user.backendFailed(what.errno);
    case "expired":
      return user.backendExpired();
    default:
      return assertNever(event);
  }
}

const ONE_BYTE = new Uint8Array(1);

/** Owns the connections of one balancer and thread that nobody uses just now. */
export class KeptBackends {
  readonly #perBackend = new Map<number, BackendConnection[]>();
  readonly #loop: Loop;
  #isClosed = false;

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  /** How many are kept. */
  get size(): number {
    let sum = 0;
    for (const list of this.#perBackend.values()) sum += list.length;
    return sum;
  }

  /** Keeps a connection on which an answer has just ended and nothing is left to receive. */
  put(backend: BackendConnection): void {
    let list = this.#perBackend.get(backend.index);
    if (list === undefined) {
      list = [];
      this.#perBackend.set(backend.index, list);
    }
    backend.user = null;
    if (this.#isClosed || list.length >= MAX_IDLE || backend.flow.isClosed) return backend.flow.close();
    backend.isReused = true;
    backend.sinceMs = this.#loop.nowMs;
    backend.flow.expireIn(MAX_IDLE_MS);
    list.push(backend);
  }

  /**
   * The connection used last, if it was put here at most `maxAgeMs` ago: the freshest is the least likely to be stale. `to` is the name of
   * the member that has the index now; of the one that had it before nothing is kept.
   */
  take(index: number, to: string, maxAgeMs: number): BackendConnection | null {
    const list = this.#perBackend.get(index);
    const last = list?.at(-1);
    if (list === undefined || last === undefined) return null;
    if (last.to !== to || last.flow.isClosed) {
      this.forget(index);
      return null;
    }
    if (this.#loop.nowMs - last.sinceMs > maxAgeMs) return null;
    list.pop();
    // What could not be sent twice is not sent to one whose end has come already, though the loop may not have told it yet.
    if (maxAgeMs === Infinity || last.flow.receive(ONE_BYTE) === 0) return last;
    last.flow.close();
    return null;
  }

  /** It is no use any more. */
  drop(backend: BackendConnection): void {
    const list = this.#perBackend.get(backend.index);
    const at = list?.indexOf(backend) ?? -1;
    if (at >= 0) list?.splice(at, 1);
    backend.flow.close();
  }

  /** Closes those to one backend. */
  forget(index: number): void {
    for (const { flow } of this.#perBackend.get(index) ?? []) flow.close();
    this.#perBackend.delete(index);
  }

  /** Closes all; those put here later are closed at once. */
  close(): void {
    this.#isClosed = true;
    for (const index of [...this.#perBackend.keys()]) this.forget(index);
  }
}
