/**
 * Events (`kubectl get events`, core/v1) for people: what changed hands, and why. Best effort: never in the way of anything, limited in
 * number, given up after a while.
 */
import type { Clock, Random, Timer } from "../base/clock.ts";
import { getLog, type Log } from "../observe/log.ts";
import type { WallClock } from "../runtime/wall_clock.ts";
import type { KubeAnswer, KubeClient } from "./api.ts";
import { Backoff } from "./backoff.ts";

/** At most so many wait; the oldest goes first. */
const QUEUE_LIMIT = 50;
/** So many at once, and then one in so long: client-go's spam filter does alike. */
const BURST = 20;
const REFILL_MS = 10_000;
/** An event that could not be written for so long interests nobody any more. */
const GIVE_UP_MS = 300_000;
const REQUEST_MS = 5000;
/** A server that has just started forbids everything until it has read the roles: only then is it meant. */
const FORBIDDEN_AFTER = 6;
/** What is left at the end has this long. */
const CLOSE_MS = 1000;
/** events.k8s.io, which the API server keeps the same events under, takes no longer notes. */
const MESSAGE_LIMIT = 1024;
/** Of 253 characters for the whole name, and a dot and a number follow. */
const NAME_LIMIT = 220;
const COMPONENT = "kube-vip";

/** The object an event is about. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  /** Events are written beside it; the rights are for that namespace only. */
  readonly namespace: string;
  readonly name: string;
}

/** What happened. */
export interface EventNote {
  readonly type: "Normal" | "Warning";
  /** One word: `VIPTaken`, `VIPReleased`, `LeaderElection`. */
  readonly reason: string;
  readonly message: string;
  readonly about: ObjectReference;
}

/** The Lease that an election goes by. */
export function leaseReference(namespace: string, name: string): ObjectReference {
  return { apiVersion: "coordination.k8s.io/v1", kind: "Lease", namespace, name };
}

export interface EventRecorderOptions {
  /** Not closed by the recorder. */
  readonly client: KubeClient;
  /** The node this program runs on. */
  readonly node: string;
  readonly clock: Clock;
  /** Only for what people read. */
  readonly wallNow: WallClock;
  readonly random: Random;
  readonly log?: Log;
}

interface Waiting {
  readonly atMs: number;
  readonly path: string;
  readonly body: unknown;
}

/** See the head of this file. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #log: Log;
  readonly #backoff: Backoff;
  readonly #tokens: TokenBucket;
  readonly #queue: Waiting[] = [];
  #sending: Promise<void> | null = null;
  #timer: Timer | null = null;
  #notBefore = -Infinity;
  #closing: Promise<void> | null = null;
  #closeBy = Infinity;
  #refusal: string | null = null;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#log = options.log ?? getLog("kube");
    this.#backoff = new Backoff(options.random);
    this.#tokens = new TokenBucket(options.clock.now());
  }

  /** Takes an event in and returns at once. */
  record(note: EventNote): void {
    if (this.#closing !== null) return;
    this.#queue.push(this.#waiting(note));
    if (this.#queue.length > QUEUE_LIMIT) this.#queue.shift();
    this.#turn();
  }

  /** Writes what is left, for a second at most. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  #waiting(note: EventNote): Waiting {
    const { clock, wallNow, random, node } = this.#options;
    const { about, type, reason } = note;
    const { namespace } = about;
    const wallMs = Math.floor(wallNow());
    const number = BigInt(wallMs) * 1_000_000n + BigInt(Math.floor(random() * 1_000_000));
    const time = new Date(wallMs).toISOString().replace(/\.\d+Z$/, "Z");
    const body = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `${about.name.slice(0, NAME_LIMIT)}.${number.toString(16)}`, namespace },
      involvedObject: about,
      reason,
      message: note.message.slice(0, MESSAGE_LIMIT),
      type,
      source: { component: COMPONENT, host: node },
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
      reportingComponent: COMPONENT,
      reportingInstance: node,
    };
    return { atMs: clock.now(), path: `/api/v1/namespaces/${namespace}/events`, body };
  }

  /** Sends the next event, or sees to it that somebody looks again in time. */
  #turn(): void {
    this.#timer?.cancel();
    if (this.#sending !== null) return;
    const { clock } = this.#options;
    const now = clock.now();
    while (this.#queue[0] !== undefined && now >= this.#queue[0].atMs + GIVE_UP_MS) this.#queue.shift();
    const [next] = this.#queue;
    if (next === undefined || now >= this.#closeBy) return;
    const atMs = Math.max(this.#notBefore, this.#closing === null ? this.#tokens.readyAt(now) : now);
    if (atMs > now) {
      this.#timer = clock.after(Math.min(atMs, this.#closeBy) - now, () => this.#turn());
      return;
    }
    this.#tokens.take(now);
    this.#sending = this.#send(next).catch((error: unknown) => {
      this.#sending = null;
      this.#queue.shift();
      this.#refused("broken", String(error));
    });
  }

  async #send(waiting: Waiting): Promise<void> {
    const { client, clock } = this.#options;
    const { path, body } = waiting;
    const limitMs = Math.max(1, Math.min(REQUEST_MS, this.#closeBy - clock.now()));
    const answer = await client.request<unknown>({ method: "POST", path, body, limitMs });
    this.#sending = null;
    const again = this.#retryMs(answer);
    if (again === null) {
      const at = this.#queue.indexOf(waiting);
      if (at >= 0) this.#queue.splice(at, 1);
    }
    this.#notBefore = again === null ? -Infinity : clock.now() + again;
    this.#turn();
  }

  /** How long to wait before the same event is tried again; null: it is done with. */
  #retryMs(answer: KubeAnswer<unknown>): number | null {
    if (answer.outcome === "unreachable") return this.#backoff.next();
    if (answer.outcome === "ok") {
      this.#refusal = null;
      this.#backoff.reset();
      return null;
    }
    const { status, reason, message, retryAfterMs } = answer;
    if (status === 429 || status >= 500) return Math.max(this.#backoff.next(), retryAfterMs ?? 0);
    const isForbidden = status === 403;
    if (isForbidden && this.#backoff.failures < FORBIDDEN_AFTER) return this.#backoff.next();
    // 409: it was written by a try whose answer was lost.
    if (status !== 409) this.#refused(`${status} ${reason}`, message);
    if (!isForbidden) this.#backoff.reset();
    return null;
  }

  /** Says so once for each kind of refusal. */
  #refused(kind: string, message: string): void {
    if (this.#refusal === kind) return;
    this.#refusal = kind;
    this.#log.warning("Events cannot be written", { reason: kind, message });
  }

  async #finish(): Promise<void> {
    const { clock } = this.#options;
    this.#closeBy = clock.now() + CLOSE_MS;
    while (this.#queue.length > 0 && clock.now() < this.#closeBy) {
      this.#turn();
      const untilMs = this.#sending === null ? Math.min(this.#notBefore, this.#closeBy) : this.#closeBy;
      const later = Promise.withResolvers<void>();
      const timer = clock.after(Math.max(0, untilMs - clock.now()), later.resolve);
      await Promise.race([this.#sending ?? later.promise, later.promise]);
      timer.cancel();
    }
    this.#queue.length = 0;
    this.#timer?.cancel();
  }
}

/** Permissions to send: {@link BURST} at first, one more every {@link REFILL_MS}, never more than {@link BURST}. */
class TokenBucket {
  /** When it would be full if nothing were taken. */
  #fullAt: number;

  constructor(now: number) {
    this.#fullAt = now;
  }

  /** When one can be taken. */
  readyAt(now: number): number {
    return Math.max(now, this.#fullAt - (BURST - 1) * REFILL_MS);
  }

  take(now: number): void {
    this.#fullAt = Math.max(now, this.#fullAt) + REFILL_MS;
  }
}
