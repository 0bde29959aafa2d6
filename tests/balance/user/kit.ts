/** A loop that runs in the test's own thread, and what is needed around it. */
import type { BalancerConfig } from "../../../mod/config/types.ts";
import { Acceptor, type Places } from "../../../mod/balance/user/acceptor.ts";
import type { SocketFlow } from "../../../mod/balance/user/flow.ts";
import { EventLoop, type LoopOptions } from "../../../mod/balance/user/loop.ts";
import type { Backends, Destination, Flow, FlowOwner, Loop, ServiceContext } from "../../../mod/balance/user/types.ts";
import { listenerAddress, openListener } from "../../../mod/linux/listen_socket.ts";
import { internetAddress } from "../../../mod/linux/socket.ts";
import { parseIp } from "../../../mod/net/ip.ts";
import { RawConn } from "../kit.ts";

/** Everything that happened to flows, in words; what comes is received at once and kept. */
export class Recorder implements FlowOwner {
  readonly events: string[] = [];
  received = "";
  /** What to do besides. */
  onReadable: ((flow: Parameters<FlowOwner["readable"]>[0]) => void) | null = null;
  readonly #loop: EventLoop;

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  opened(): void {
    this.events.push("opened");
  }

  readable(flow: Parameters<FlowOwner["readable"]>[0]): void {
    if (this.onReadable !== null) return this.onReadable(flow);
    while (flow.hasInput) {
      const got = flow.receive(this.#loop.scratch);
      if (got > 0) this.received += new TextDecoder("latin1").decode(this.#loop.scratch.subarray(0, got));
      else if (got === -1) this.events.push("end");
      else if (got === -2) this.events.push("broken");
    }
  }

  drained(): void {
    this.events.push("drained");
  }

  failed(_flow: unknown, errno: number): void {
    this.events.push(`failed ${errno}`);
  }

  expired(): void {
    this.events.push("expired");
  }
}

/** A listening socket on a loop that this thread turns between the test's own steps. */
export class LoopRig {
  readonly faults: unknown[] = [];
  readonly loop: EventLoop;
  readonly flows: SocketFlow[] = [];
  readonly errors: number[] = [];
  fulls = 0;
  open = 0;
  max = Infinity;
  /** The loop does not turn meanwhile: what happens comes in one batch afterwards. */
  isPaused = false;
  onAccepted: (flow: SocketFlow) => void = (flow) => void this.flows.push(flow);
  readonly acceptor: Acceptor;
  readonly port: number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  turns = 0;

  constructor(options: Pick<LoopOptions, "silenceMs"> = {}) {
    const onFault = (error: unknown): void => void this.faults.push(error);
    this.loop = new EventLoop({ now: () => performance.now(), onFault, ...options });
    const fd = openListener({ ip: "127.0.0.1", port: 0 }, { shared: false });
    this.port = listenerAddress(fd).port;
    let taken = 0;
    const places: Places = {
      take: () => taken < this.max && ++taken > 0,
      giveBack: () => taken--,
      opened: () => this.open++,
      closed: () => {
        taken--;
        this.open--;
        this.acceptor.wake();
      },
    };
    this.acceptor = new Acceptor(fd, {
      loop: this.loop,
      places,
      onAccepted: (flow) => this.onAccepted(flow),
      onError: (errno) => this.errors.push(errno),
      onFull: () => this.fulls++,
    });
    this.#schedule();
  }

  /** A client and the flow that was accepted from it. */
  async accepted(owner: FlowOwner): Promise<{ client: RawConn; flow: SocketFlow }> {
    const before = this.flows.length;
    const client = await RawConn.connect(this.port);
    while (this.flows.length === before) await this.pause();
    const flow = this.flows[before];
    if (flow === undefined) throw new Error("nothing was accepted");
    flow.owner = owner;
    return { client, flow };
  }

  /** Lets the loop turn, and what the runtime has to do as well. */
  pause(ms = 1): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      for (let n = 0; n < 8 && !this.isPaused; n++) this.loop.turn(0);
      this.turns++;
      this.#schedule();
    }, 0);
  }

  /** Ends the turning; everything that is open is reset. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.acceptor.close();
    this.loop.close();
  }
}

/** An address of this machine. */
export function destination(port: number, ip = "127.0.0.1"): Destination {
  const parsed = parseIp(ip);
  if (parsed === null) throw new Error(ip);
  return { address: internetAddress(parsed, port), name: `${ip}:${port}` };
}

/** Backends that are taken in turn, with everything that was said about them. */
export class FakeBackends implements Backends {
  readonly told: string[] = [];
  readonly connections: number[];
  movedBytes = 0;
  /** Not configured any more. */
  readonly gone = new Set<number>();
  readonly #destinations: readonly (Destination | null)[];
  #next = 0;

  constructor(destinations: readonly (Destination | null)[]) {
    this.#destinations = destinations;
    this.connections = destinations.map(() => 0);
  }

  pick(tried: ReadonlySet<number> = new Set()): number | null {
    for (let n = 0; n < this.#destinations.length; n++) {
      const index = this.#next++ % this.#destinations.length;
      if (tried.has(index)) continue;
      this.connections[index] = (this.connections[index] ?? 0) + 1;
      return index;
    }
    return null;
  }

  ended(index: number): void {
    this.connections[index] = (this.connections[index] ?? 0) - 1;
  }

  connected(index: number): void {
    this.told.push(`connected ${index}`);
  }

  connectFailed(index: number, detail: string): void {
    this.told.push(`failed ${index} ${detail}`);
  }

  destination(index: number): Destination | null {
    return this.#destinations[index] ?? null;
  }

  isConfigured(index: number): boolean {
    return !this.gone.has(index);
  }

  moved(_index: number, bytes: number): void {
    this.movedBytes += bytes;
  }
}

/** The loop of a rig, with every flow that was begun on it. */
export function watchedLoop(rig: LoopRig): Loop & { readonly outgoing: Flow[] } {
  const outgoing: Flow[] = [];
  return {
    outgoing,
    scratch: rig.loop.scratch,
    get nowMs(): number {
      return rig.loop.nowMs;
    },
    get connectErrno(): number {
      return rig.loop.connectErrno;
    },
    connect(to, owner): Flow | null {
      const flow = rig.loop.connect(to, owner);
      if (flow !== null) outgoing.push(flow);
      return flow;
    },
  };
}

/** What a service is made with, on a rig. */
export function contextOf<Config extends BalancerConfig>(
  rig: LoopRig,
  config: Config,
  backends: Backends,
): ServiceContext<Config> {
  return { config, loop: rig.loop, backends };
}

/** A port where connects get no answer: its queue is full, and nobody accepts. */
export async function silentPort(): Promise<{ readonly port: number; close(): void }> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const waiting = [await RawConn.connect(port), await RawConn.connect(port)];
  return {
    port,
    close: () => {
      for (const conn of waiting) conn.close();
      listener.close();
    },
  };
}
