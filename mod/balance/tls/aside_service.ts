/** The thread's side of a balancer that runs in a thread of its own: an engine `listen`, and word of it. */
import { assertNever } from "../../base/assert.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { getLog } from "../../observe/log.ts";
import { type Balancer, BalancerError } from "../balancer.ts";
import { type BalancerDeps, ListenBalancer } from "../listen_balancer.ts";
import { unposted } from "../user/messages.ts";
import type { AsideOrder, AsideReport } from "./aside_messages.ts";

/** How often the main thread hears of changes at most. */
export const REPORT_EVERY_MS = 200;

/** What it is made with. */
export interface AsideServiceOptions extends BalancerDeps {
  readonly post: (report: AsideReport) => void;
}

/** Owns the balancer, from its start to its stop. */
export class AsideService {
  readonly #options: AsideServiceOptions;
  readonly #clock: Clock;
  #balancer: Balancer | null = null;
  #timer: Timer | null = null;
  #told = "";

  constructor(options: AsideServiceOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  /** Does what the main thread wants. Rejects only by a fault of the program. */
  async take(order: AsideOrder): Promise<void> {
    const balancer = this.#balancer;
    switch (order.op) {
      case "start":
        return await this.#start(order);
      case "bind":
        balancer?.bind(order.ip);
        break;
      case "release":
        balancer?.release(order.ip);
        break;
      case "update":
        this.#update(order);
        break;
      case "stop":
        return await this.#stop(order);
      default:
        return assertNever(order);
    }
    this.#tell();
  }

  async #start({ config }: Extract<AsideOrder, { op: "start" }>): Promise<void> {
    try {
      // What is ordered while it starts is for it already.
      this.#balancer = new ListenBalancer(unposted(config), this.#options);
      await this.#balancer.start();
    } catch (error) {
      this.#balancer = null;
      return this.#options.post(failure(error, config.name));
    }
    this.#tell();
    this.#options.post({ op: "started" });
    this.#arm();
  }

  #update({ config }: Extract<AsideOrder, { op: "update" }>): void {
    try {
      this.#balancer?.update(unposted(config));
    } catch (error) {
      getLog("balance").error("A fault of the program", { balancer: config.name, reason: String(error) });
    }
  }

  async #stop({ mayBeSucceeded }: Extract<AsideOrder, { op: "stop" }>): Promise<void> {
    const stopping = this.#balancer?.stop(mayBeSucceeded ? { succeeded: () => true } : {});
    this.#tell();
    await stopping;
    this.#timer?.cancel();
    this.#tell();
    this.#options.post({ op: "stopped" });
  }

  #arm(): void {
    this.#timer = this.#clock.after(REPORT_EVERY_MS, () => {
      this.#tell();
      this.#arm();
    });
  }

  #tell(): void {
    if (this.#balancer === null) return;
    const status = this.#balancer.status();
    const text = JSON.stringify(status);
    if (text === this.#told) return;
    this.#told = text;
    this.#options.post({ op: "status", status });
  }
}

function failure(error: unknown, name: string): AsideReport {
  if (!(error instanceof BalancerError)) {
    return { op: "failed", operation: "start", subject: name, reason: String(error) };
  }
  const { operation, subject, cause } = error;
  return { op: "failed", operation, subject, reason: cause instanceof Error ? cause.message : String(cause) };
}
