/**
 * A balancer that speaks TLS, as the main thread sees it: an engine `listen` in a thread of its own, so that enciphering never delays a
 * heartbeat.
 */
import { workerEntry } from "../worker_entry.ts";
import { assert, assertNever } from "../../base/assert.ts";
import type { Timer } from "../../base/clock.ts";
import type { BalancerConfig } from "../../config/types.ts";
import { getLog, type Log } from "../../observe/log.ts";
import { logForwarded } from "../../observe/log_forward.ts";
import { type Balancer, BalancerError, type BalancerStatus, type StopOptions } from "../balancer.ts";
import { sameFront } from "../front.ts";
import type { BalancerDeps } from "../listen_balancer.ts";
import { posted } from "../user/messages.ts";
import type { AsideOrder, AsideReport } from "./aside_messages.ts";

/** A thread that has not started its balancer by then is a failure to start. */
const START_MS = 60_000;
/** A thread that does not stop so long after its connections were to end is ended by force. */
const STOP_GRACE_MS = 5000;
/** A thread that broke down is replaced after so long. */
const RESTART_MS = 1000;

/** What it is given from outside. */
export interface AsideDeps extends BalancerDeps {
  /** What the thread begins with. @default {the entry beside this file} */
  readonly entry?: URL;
}

/** What a thread is waited for. */
interface Awaited {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Owns the thread. */
export class AsideBalancer implements Balancer {
  #config: BalancerConfig;
  readonly #deps: AsideDeps;
  readonly #log: Log = getLog("balance");
  readonly #bound = new Set<string>();
  #worker: Worker | null = null;
  #status: BalancerStatus;
  #starting: Awaited | null = null;
  #stopping: Awaited | null = null;
  #restart: Timer | null = null;
  #stopped: Promise<void> | null = null;

  constructor(config: BalancerConfig, deps: AsideDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#status = idle(config);
  }

  get config(): BalancerConfig {
    return this.#config;
  }

  /** Throws {@link BalancerError} when the port cannot be listened on, a file of TLS cannot be used, or there is no thread in time. */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  bind(ip: string): void {
    if (!this.#config.bindToVip || this.#stopped !== null) return;
    this.#bound.add(ip);
    this.#post({ op: "bind", ip });
  }

  /**
   * The connections are reset before this returns, whatever the thread is doing: descriptors are the process's. The thread closes the
   * listener, and cuts what it accepted meanwhile, when it comes to it.
   */
  release(ip: string): void {
    this.#bound.delete(ip);
    this.#post({ op: "release", ip });
    const port = portOf(this.#status) ?? this.#config.port;
    try {
      this.#deps.resetter.reset(ip, port);
    } catch (error) {
      this.#log.error("Connections could not be reset", { balancer: this.#config.name, ip, reason: String(error) });
    }
  }

  update(config: BalancerConfig): void {
    assert(sameFront(this.#config, config), "another front is another balancer");
    if (this.#stopped !== null) return;
    this.#config = config;
    this.#post({ op: "update", config: posted(config) });
  }

  stop(options: StopOptions = {}): Promise<void> {
    this.#stopped ??= this.#stop(options);
    return this.#stopped;
  }

  /** At most 200 ms old. */
  status(): BalancerStatus {
    const { name, type } = this.#config;
    return { ...this.#status, name, type, engine: "user" };
  }

  async #start(): Promise<void> {
    const { name } = this.#config;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#starting = { resolve, reject };
    const timer = this.#deps.clock.after(START_MS, () => {
      reject(new BalancerError("start a thread for", name, { cause: new Error(`no answer within ${START_MS} ms`) }));
    });
    const worker = new Worker(this.#deps.entry ?? workerEntry("aside_worker", import.meta.url), {
      type: "module",
      name: `tls ${name}`,
    });
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<AsideReport>) => this.#take(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#broke(event.message);
    };
    this.#post({ op: "start", config: posted(this.#config) });
    for (const ip of this.#bound) this.#post({ op: "bind", ip });
    try {
      await promise;
    } finally {
      timer.cancel();
      this.#starting = null;
    }
  }

  async #stop({ succeeded }: StopOptions): Promise<void> {
    this.#restart?.cancel();
    if (this.#worker === null) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#stopping = { resolve, reject };
    const timer = this.#deps.clock.after(this.#config.drainMs + STOP_GRACE_MS, resolve);
    this.#post({ op: "stop", mayBeSucceeded: succeeded !== undefined });
    await promise;
    timer.cancel();
    this.#end();
  }

  #end(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#status = { ...this.#status, listening: [], connections: 0 };
  }

  #post(order: AsideOrder): void {
    this.#worker?.postMessage(order);
  }

  #take(report: AsideReport): void {
    switch (report.op) {
      case "status":
        this.#status = report.status;
        return;
      case "log":
        return logForwarded(report.line);
      case "started":
        return this.#starting?.resolve();
      case "failed": {
        const { operation, subject, reason } = report;
        return this.#starting?.reject(new BalancerError(operation, subject, { cause: new Error(reason) }));
      }
      case "stopped":
        return this.#stopping?.resolve();
      default:
        return assertNever(report);
    }
  }

  /** A fault of the program has ended the thread and its connections with it. Another one takes its place. */
  #broke(reason: string): void {
    const { name } = this.#config;
    if (this.#starting !== null) {
      return this.#starting.reject(new BalancerError("start a thread for", name, { cause: new Error(reason) }));
    }
    this.#log.error("A thread broke down", { balancer: name, reason });
    this.#end();
    if (this.#stopped !== null) return this.#stopping?.resolve();
    this.#restart = this.#deps.clock.after(RESTART_MS, () => void this.#startAgain());
  }

  async #startAgain(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      this.#broke(error instanceof Error ? error.message : String(error));
    }
  }
}

function idle({ name, type }: BalancerConfig): BalancerStatus {
  return { name, type, engine: "user", listening: [], connections: 0, totalConnections: 0, backends: [] };
}

/** For port 0, where the system chooses. */
function portOf({ listening: [first] }: BalancerStatus): number | null {
  return first === undefined ? null : Number(first.slice(first.lastIndexOf(":") + 1));
}
