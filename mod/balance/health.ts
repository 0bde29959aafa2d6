/** Active checks: is a backend fit to get connections? */
import { assertNever } from "../base/assert.ts";
import type { Clock, Random, Timer } from "../base/clock.ts";
import type { HealthCheckConfig } from "../config/types.ts";
import { encodeHead, ResponseHeadParser } from "../net/http1.ts";
import { field } from "../net/http1_fields.ts";
import { ByteStream, type StreamContext } from "./byte_stream.ts";
import { type Dial, dial, type DialTarget } from "./dial.ts";

/** A health check's answer is small; more is a sign of a wrong path, but no reason to read it all. */
const HEAD_LIMITS = { maxHeadBytes: 16 * 1024, maxHeaders: 128 };

/** A backend to check. */
export interface HealthTarget extends DialTarget {
  /** The Host of a check by HTTP. */
  readonly host: string;
}

/** After a change the first check comes within so long: until then nobody knows whether a new backend is well. */
const SOON_MS = 100;

/** What the checks need. */
export interface HealthOptions {
  readonly config: HealthCheckConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly streams: StreamContext;
  /** Called with each result. */
  readonly onResult: (index: number, result: CheckResult) => void;
  /** How connections are opened. @default {dial} */
  readonly dial?: Dial;
  /** What backends want to hear first on every connection. @default {nothing} */
  readonly hello?: Uint8Array;
}

/** What one check found, in words. */
export interface CheckResult {
  readonly ok: boolean;
  readonly detail: string;
}

/** The checks of one backend: one after the other until it is stopped. */
interface Loop {
  readonly index: number;
  readonly target: HealthTarget;
  readonly stop: AbortController;
  timer: Timer | null;
}

/** Owns one loop of checks a backend. */
export class HealthChecks {
  readonly #options: HealthOptions;
  readonly #loops = new Map<number, Loop>();
  readonly #running = new Set<Promise<void>>();
  #config: HealthCheckConfig;
  #state: "new" | "running" | "stopped" = "new";

  constructor(targets: readonly HealthTarget[], options: HealthOptions) {
    this.#options = options;
    this.#config = options.config;
    for (const [index, target] of targets.entries()) this.#add(index, target);
  }

  /** Begins, each backend at a random moment of the first interval, so that checks do not come in step. */
  start(): void {
    this.#state = "running";
    const { random } = this.#options;
    for (const loop of this.#loops.values()) this.#schedule(loop, random() * this.#config.intervalMs);
  }

  /**
   * Goes over to other backends, named by their index, and other checks. Where neither the backend nor its check has changed, its checks
   * go on undisturbed; what is under way for one that has does not count any more, and its next check comes soon.
   */
  update(targets: ReadonlyMap<number, HealthTarget>, config: HealthCheckConfig): void {
    if (this.#state === "stopped") return;
    const isOther = JSON.stringify(config) !== JSON.stringify(this.#config);
    this.#config = config;
    for (const loop of [...this.#loops.values()]) {
      const target = targets.get(loop.index);
      if (isOther || JSON.stringify(target) !== JSON.stringify(loop.target)) this.#end(loop);
    }
    const soonMs = Math.min(SOON_MS, config.intervalMs);
    for (const [index, target] of targets) {
      if (this.#loops.has(index)) continue;
      const loop = this.#add(index, target);
      if (this.#state === "running") this.#schedule(loop, this.#options.random() * soonMs);
    }
  }

  /** Ends every check; resolves when nothing is under way. Idempotent. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    for (const loop of [...this.#loops.values()]) this.#end(loop);
    await Promise.all(this.#running);
  }

  #add(index: number, target: HealthTarget): Loop {
    const loop: Loop = { index, target, stop: new AbortController(), timer: null };
    this.#loops.set(index, loop);
    return loop;
  }

  #end(loop: Loop): void {
    this.#loops.delete(loop.index);
    loop.stop.abort();
    loop.timer?.cancel();
  }

  #schedule(loop: Loop, delayMs: number): void {
    if (loop.stop.signal.aborted) return;
    loop.timer = this.#options.clock.after(delayMs, () => {
      const running = this.#checkOnce(loop).catch((error: unknown) => this.#report(loop, failed(error)));
      this.#running.add(running);
      running.then(() => {
        this.#running.delete(running);
        this.#schedule(loop, this.#config.intervalMs);
      });
    });
  }

  #report(loop: Loop, result: CheckResult): void {
    if (!loop.stop.signal.aborted) this.#options.onResult(loop.index, result);
  }

  async #checkOnce(loop: Loop): Promise<void> {
    const { target } = loop;
    const { signal } = loop.stop;
    const config = this.#config;
    const { clock, streams, hello = null } = this.#options;
    const startMs = clock.now();
    const open = this.#options.dial ?? dial;
    const dialled = await open(target, { clock, timeoutMs: config.timeoutMs, signal });
    if (dialled.outcome === "aborted") return;
    if (dialled.outcome === "failed") return this.#report(loop, { ok: false, detail: dialled.detail });
    const stream = ByteStream.adopt(dialled.conn, streams);
    if (stream === null) return this.#report(loop, { ok: false, detail: "reset at once" });
    const cut = (): void => stream.cut();
    signal.addEventListener("abort", cut);
    try {
      stream.expireIn(config.timeoutMs - (clock.now() - startMs));
      this.#report(loop, await judge(stream, { config, host: target.host, hello }));
    } finally {
      signal.removeEventListener("abort", cut);
      stream.cut();
    }
  }
}

/** What a check is about. */
interface Asked {
  readonly config: HealthCheckConfig;
  /** The Host of a check by HTTP. */
  readonly host: string;
  readonly hello: Uint8Array | null;
}

async function judge(stream: ByteStream, asked: Asked): Promise<CheckResult> {
  try {
    if (asked.hello !== null) await stream.write(asked.hello);
  } catch (error) {
    return failed(error);
  }
  switch (asked.config.type) {
    case "tcp":
      return { ok: true, detail: "accepts connections" };
    case "http":
      return await askHttp(stream, asked);
    default:
      return assertNever(asked.config.type);
  }
}

function failed(error: unknown): CheckResult {
  return { ok: false, detail: error instanceof Error ? error.message : String(error) };
}

async function askHttp(stream: ByteStream, { config, host }: Asked): Promise<CheckResult> {
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
