/** Active checks: is a backend fit to get connections? */
import { assertNever } from "../base/assert.ts";
import type { Clock, Random, Timer } from "../base/clock.ts";
import type { HealthCheckConfig } from "../config/types.ts";
import { encodeHead, ResponseHeadParser } from "../net/http1.ts";
import { field } from "../net/http1_fields.ts";
import { ByteStream, type StreamContext } from "./byte_stream.ts";
import { dial, type DialTarget } from "./dial.ts";

/** A health check's answer is small; more is a sign of a wrong path, but no reason to read it all. */
const HEAD_LIMITS = { maxHeadBytes: 16 * 1024, maxHeaders: 128 };

/** A backend to check. */
export interface HealthTarget extends DialTarget {
  /** The Host of a check by HTTP. */
  readonly host: string;
}

/** What the checks need. */
export interface HealthOptions {
  readonly config: HealthCheckConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly streams: StreamContext;
  /** Called with each result. */
  readonly onResult: (index: number, result: CheckResult) => void;
}

/** What one check found, in words. */
export interface CheckResult {
  readonly ok: boolean;
  readonly detail: string;
}

/** Owns one loop of checks a backend. */
export class HealthChecks {
  readonly #targets: readonly HealthTarget[];
  readonly #options: HealthOptions;
  readonly #stop = new AbortController();
  readonly #timers = new Map<number, Timer>();
  readonly #running = new Set<Promise<void>>();

  constructor(targets: readonly HealthTarget[], options: HealthOptions) {
    this.#targets = targets;
    this.#options = options;
  }

  /** Begins, each backend at a random moment of the first interval, so that checks do not come in step. */
  start(): void {
    const { config, random } = this.#options;
    for (const index of this.#targets.keys()) this.#schedule(index, random() * config.intervalMs);
  }

  /** Ends every check; resolves when nothing is under way. Idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    await Promise.all(this.#running);
  }

  #schedule(index: number, delayMs: number): void {
    if (this.#stop.signal.aborted) return;
    const timer = this.#options.clock.after(delayMs, () => {
      const running = this.#checkOnce(index).catch((error: unknown) => this.#report(index, failed(error)));
      this.#running.add(running);
      running.then(() => {
        this.#running.delete(running);
        this.#schedule(index, this.#options.config.intervalMs);
      });
    });
    this.#timers.set(index, timer);
  }

  #report(index: number, result: CheckResult): void {
    if (!this.#stop.signal.aborted) this.#options.onResult(index, result);
  }

  async #checkOnce(index: number): Promise<void> {
    const target = this.#targets[index];
    if (target === undefined) return;
    const { clock, config, streams } = this.#options;
    const { signal } = this.#stop;
    const startMs = clock.now();
    const dialled = await dial(target, { clock, timeoutMs: config.timeoutMs, signal });
    if (dialled.outcome === "aborted") return;
    if (dialled.outcome === "failed") return this.#report(index, { ok: false, detail: dialled.detail });
    const stream = ByteStream.adopt(dialled.conn, streams);
    if (stream === null) return this.#report(index, { ok: false, detail: "reset at once" });
    const cut = (): void => stream.cut();
    signal.addEventListener("abort", cut);
    try {
      stream.expireIn(config.timeoutMs - (clock.now() - startMs));
      this.#report(index, await this.#judge(stream, target));
    } finally {
      signal.removeEventListener("abort", cut);
      stream.cut();
    }
  }

  #judge(stream: ByteStream, target: HealthTarget): Promise<CheckResult> {
    const { config } = this.#options;
    switch (config.type) {
      case "tcp":
        return Promise.resolve({ ok: true, detail: "accepts connections" });
      case "http":
        return askHttp(stream, { config, host: target.host });
      default:
        return assertNever(config.type);
    }
  }
}

function failed(error: unknown): CheckResult {
  return { ok: false, detail: error instanceof Error ? error.message : String(error) };
}

async function askHttp(
  stream: ByteStream,
  options: { readonly config: HealthCheckConfig; readonly host: string },
): Promise<CheckResult> {
  const { config, host } = options;
  const parser = new ResponseHeadParser(HEAD_LIMITS, "GET");
  const fields = [field("Host", host), field("User-Agent", "kube-vip"), field("Connection", "close")];
  try {
    await stream.write(encodeHead(`GET ${config.path} HTTP/1.1`, fields));
    for (;;) {
      const progress = parser.next(stream.buffered);
      if (progress.outcome === "refused") return { ok: false, detail: `no valid answer (${progress.reason})` };
      if (progress.outcome === "complete") return judgeStatus(progress.head.status, config);
      if (!await stream.fill()) return { ok: false, detail: "closed without an answer" };
    }
  } catch (error) {
    return stream.isClosed ? { ok: false, detail: `no answer within ${config.timeoutMs} ms` } : failed(error);
  }
}

function judgeStatus(status: number, config: HealthCheckConfig): CheckResult {
  const ok = status >= config.expectMin && status <= config.expectMax;
  return { ok, detail: `answered ${status}` };
}
