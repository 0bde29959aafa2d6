import { assert } from "../../mod/base/assert.ts";
import { Child } from "../lab/child.ts";
import type { Machine } from "../lab/network.ts";
import { sleep } from "../lab/time.ts";
import { ApiClient } from "./api_client.ts";
import { API_PORT, DIRECT_PORT } from "./flags.ts";
import { Relay, type Road } from "./relay.ts";
import { ADMIN, type Users } from "./users.ts";

const READY_POLL_MS = 50;
const ASK_MS = 2000;
const FRONT = new URL("front.ts", import.meta.url).pathname;
const FRONT_COMMAND = [Deno.execPath(), "run", "-A", "--no-lock", FRONT, String(API_PORT), String(DIRECT_PORT)];

/** The processes of a running server. */
interface Running {
  readonly server: Child;
  readonly front: Child;
}

/**
 * The API server of one node. Its clients reach it on every address of the node, through a {@link Relay} whose road a test may make bad;
 * {@link ApiServer.client} goes past that, so that a test sees and changes the cluster whatever it did to the node. Stopped by its cluster.
 */
export class ApiServer {
  readonly machine: Machine;
  /** One line for each request, see `audit.ts`. */
  readonly auditLog: string;
  readonly #argv: readonly string[];
  readonly #users: Users;
  readonly #past: Entrance;
  readonly #over: Entrance;
  #running: Running | null = null;
  #paused = false;

  constructor(machine: Machine, parts: { argv: readonly string[]; auditLog: string; users: Users }) {
    this.machine = machine;
    this.auditLog = parts.auditLog;
    this.#argv = parts.argv;
    this.#users = parts.users;
    this.#past = new Entrance(machine, DIRECT_PORT, parts.users);
    this.#over = new Entrance(machine, API_PORT, parts.users);
  }

  get name(): string {
    return this.machine.name;
  }

  /** Whether it can answer: it has been started, has not ended and is not paused. */
  get running(): boolean {
    return this.#running !== null && this.#running.server.status === null && !this.#paused;
  }

  /** Whether it has been started and not been ended; it may be paused. */
  get started(): boolean {
    return this.#running !== null;
  }

  /** The server's process. */
  get child(): Child {
    return this.#processes.server;
  }

  get #processes(): Running {
    assert(this.#running !== null, `the API server of ${this.name} has been started`);
    return this.#running;
  }

  /** Starts it; {@link ready} waits for it. */
  start(): void {
    assert(this.#running === null, `the API server of ${this.name} does not run yet`);
    const { inside } = this.machine;
    this.#running = {
      server: Child.start(this.#argv, { name: `kube-apiserver of ${this.name}`, inside }),
      front: Child.start([...FRONT_COMMAND, this.machine.station.ip4], { name: `front of ${this.name}`, inside }),
    };
  }

  /** Resolves when it says that it is ready. Throws, with its log, when it ends before or takes too long. */
  async ready(limitMs: number): Promise<void> {
    const untilMs = performance.now() + limitMs;
    const { server, front } = this.#processes;
    await front.waitForLine("listening", { limitMs });
    for (;;) {
      if (server.status !== null) throw new Error(`${server.name} ended:\n${tail(server)}`);
      if (await this.#isReady()) return;
      if (performance.now() > untilMs) {
        throw new Error(`${server.name}: not ready after ${limitMs} ms:\n${tail(server)}`);
      }
      await sleep(READY_POLL_MS);
    }
  }

  /** SIGTERM: it finishes what it does and leaves. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** SIGKILL: clients are refused from then on, and their connections cut. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGSTOP: clients can connect and hear nothing. */
  pause(): void {
    this.child.signal("SIGSTOP");
    this.#paused = true;
  }

  /** SIGCONT. */
  resume(): void {
    this.child.signal("SIGCONT");
    this.#paused = false;
  }

  /** Makes the road between clients and this server good or bad; resolves when it is. */
  async setRoad(road: Road): Promise<void> {
    const { front } = this.#processes;
    const text = JSON.stringify(road);
    const from = front.log.length;
    await front.write(`${text}\n`);
    await front.waitForLine(`now ${text}`, { limitMs: ASK_MS, from });
  }

  /** A user of this server, the administrator if not named, past the road. Closed with the server. */
  client(user: string = ADMIN): ApiClient {
    return this.#past.client(user);
  }

  /** A user of this server as a program on the node is one: over the road. Closed with the server. */
  clientOnNode(user: string = ADMIN): ApiClient {
    return this.#over.client(user);
  }

  /** What its user needs to reach it from its node, or from another one at `host`. */
  kubeconfig(user: string, host: string = "127.0.0.1"): string {
    return this.#users.kubeconfig(user, `https://${host.includes(":") ? `[${host}]` : host}:${API_PORT}`);
  }

  /** Ends everything. */
  async dispose(): Promise<void> {
    for (const entrance of [this.#past, this.#over]) entrance.hangUp();
    if (this.#running !== null) await this.kill();
    await Promise.all([this.#past.close(), this.#over.close()]);
  }

  async #end(signal: Deno.Signal): Promise<void> {
    const { server, front } = this.#processes;
    await Promise.all([server.stop(signal), front.stop("SIGKILL")]);
    this.#running = null;
    this.#paused = false;
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await this.client().request("GET", "/readyz", { deadlineMs: ASK_MS })).status === 200;
    } catch {
      return false;
    }
  }
}

/** Leads this process, which is in none of the namespaces, to a port of a node's loopback. */
class Entrance {
  readonly #relay: Relay;
  readonly #users: Users;
  readonly #clients = new Map<string, ApiClient>();

  constructor(machine: Machine, port: number, users: Users) {
    this.#users = users;
    // A promise must not leave the namespace as the result of the visit; its socket has been made by then.
    const visit = (): { conn: Promise<Deno.TcpConn> } => ({ conn: Deno.connect({ hostname: "127.0.0.1", port }) });
    this.#relay = new Relay(Deno.listen({ hostname: "127.0.0.1", port: 0 }), () => machine.inside(visit).conn);
  }

  client(user: string): ApiClient {
    const known = this.#clients.get(user);
    if (known !== undefined) return known;
    const authority = this.#users.authority.certificate;
    const made = new ApiClient(`https://127.0.0.1:${this.#relay.port}`, this.#users.identity(user), { authority });
    this.#clients.set(user, made);
    return made;
  }

  hangUp(): void {
    for (const client of this.#clients.values()) client.close();
  }

  async close(): Promise<void> {
    await this.#relay.close();
  }
}

function tail(child: Child): string {
  return child.log.slice(-30).join("\n");
}
