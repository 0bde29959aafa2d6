/**
 * A client of constant rate, a process of its own: `latency_client.ts <host> <port> <requests/s> <seconds> <connections>`. Request k is
 * due at k / rate, whatever happened to those before it; its latency counts from then, so that a pause delays every request that fell
 * into it. A request that is due takes the connection that has been free for longest, or waits for one. Writes one line of JSON, a
 * {@link LatencyResult}.
 */

import { GREETING } from "./configs.ts";
import { percentile } from "./figures.ts";
import { beginConnect, connectError, POLLIN, POLLOUT, PollSet, receive, say, send } from "./raw.ts";

/** What was seen, in milliseconds. */
export interface LatencyResult {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly answered: number;
  /** Not answered when it was over. */
  readonly missed: number;
}

/** Requests of the first seconds are answered, but do not count. */
const WARM_UP_SECONDS = 1;
/** Requests that have no answer so long after the last was due are missed. */
const GRACE_MS = 2000;
const CONNECT_MS = 5000;
/** The end of every answer. */
const TAIL = new TextEncoder().encode(GREETING);

class Run {
  readonly #fds: readonly number[];
  readonly #poll: PollSet;
  readonly #free: number[];
  /** When the request on each connection was due. */
  readonly #dueMs: Float64Array;
  readonly #request: Uint8Array<ArrayBuffer>;
  readonly #buffer = new Uint8Array(16_384);
  readonly latenciesMs: number[] = [];
  answered = 0;

  constructor(fds: readonly number[], request: Uint8Array<ArrayBuffer>) {
    this.#fds = fds;
    this.#poll = new PollSet(fds.length);
    this.#free = fds.map((_, place) => place);
    this.#dueMs = new Float64Array(fds.length);
    this.#request = request;
    for (const [place, fd] of fds.entries()) this.#poll.watch(place, fd, POLLIN);
  }

  /** Sends `total` requests at `rate` per second; those after the first `skipped` count. */
  run(total: number, rate: number, skipped: number): void {
    const everyMs = 1000 / rate;
    const beganMs = performance.now();
    const lastMs = beganMs + total * everyMs + GRACE_MS;
    let next = 0;
    for (let nowMs = beganMs; this.answered < total && nowMs < lastMs; nowMs = performance.now()) {
      for (; next < total && beganMs + next * everyMs <= nowMs && this.#free.length > 0; next++) {
        this.#begin(beganMs + next * everyMs);
      }
      const idle = next < total && this.#free.length > 0;
      if (this.#poll.wait(idle ? beganMs + next * everyMs - performance.now() : 100) > 0) {
        this.#receive(beganMs + skipped * everyMs);
      }
    }
  }

  #begin(dueMs: number): void {
    const place = this.#free.shift() ?? 0;
    this.#dueMs[place] = dueMs;
    const sent = send(this.#fds[place] ?? -1, this.#request);
    if (sent !== this.#request.length) throw new Error(`sending gave ${sent}`);
  }

  #receive(countFromMs: number): void {
    for (const [place, fd] of this.#fds.entries()) {
      if (!this.#poll.isReady(place)) continue;
      const got = receive(fd, this.#buffer);
      if (got === null) continue;
      if (got <= 0) throw new Error(`a connection ended: ${got}`);
      if (!endsAnswer(this.#buffer.subarray(0, got))) continue;
      this.answered++;
      const dueMs = this.#dueMs[place] ?? 0;
      if (dueMs >= countFromMs) this.latenciesMs.push(performance.now() - dueMs);
      this.#free.push(place);
    }
  }
}

/** Answers are alike and short: the last bytes tell that one is whole. */
function endsAnswer(bytes: Uint8Array): boolean {
  const from = bytes.length - TAIL.length;
  return from >= 0 && TAIL.every((byte, index) => bytes[from + index] === byte);
}

function connectAll(host: string, port: number, count: number): number[] {
  const poll = new PollSet(1);
  return Array.from({ length: count }, () => {
    const fd = beginConnect(host, port);
    if (fd >= 0) poll.watch(0, fd, POLLOUT);
    const error = fd < 0 ? -fd : poll.wait(CONNECT_MS) === 0 ? -1 : connectError(fd);
    if (error !== 0) throw new Error(`cannot connect to ${host}:${port}: errno ${error}`);
    return fd;
  });
}

if (import.meta.main) {
  const [host = "", ...numbers] = Deno.args;
  const [port = 0, rate = 0, seconds = 0, connections = 0] = numbers.map(Number);
  const fds = connectAll(host, port, connections);
  const run = new Run(fds, new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
  const total = Math.round(rate * (seconds + WARM_UP_SECONDS));
  run.run(total, rate, Math.round(rate * WARM_UP_SECONDS));
  const result: LatencyResult = {
    p50Ms: percentile(run.latenciesMs, 0.5),
    p99Ms: percentile(run.latenciesMs, 0.99),
    maxMs: percentile(run.latenciesMs, 1),
    answered: run.answered,
    missed: total - run.answered,
  };
  say(JSON.stringify(result));
  Deno.exit(0);
}
