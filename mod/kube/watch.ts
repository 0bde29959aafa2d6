/** Carries out what a {@link Reflector} wants: lists, streams, waits. */

import type { Clock, Random, Timer } from "../base/clock.ts";
import type { KubeObject, Watch, WatchListener, WatchRequest } from "./api.ts";
import { fetchFailure } from "../runtime/fetch_failure.ts";
import { LineSplitter, LineTooLongError } from "./lines.ts";
import { Reflector, type StreamEnd } from "./reflector.ts";
import type { OpenStream, Transport } from "./transport.ts";

/** The server answers a watch at once, or after three seconds when it has not seen the version yet. */
const OPEN_LIMIT_MS = 10_000;
/** For one page of a list. */
const LIST_LIMIT_MS = 30_000;
/** The API server sends a bookmark about every minute; without one for so long, nobody is there. */
const SILENCE_MS = 90_000;
/** Objects are limited to 1.5 MiB by etcd. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

export interface FollowOptions {
  /** Of its own: a long list is no burden on other requests. Not closed by the watch. */
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** Told what a listener has thrown; following goes on. */
  readonly onListenerError: (error: unknown) => void;
  /** Told once {@link Watch.stop} was called. */
  readonly onStop?: () => void;
}

/** Follows from the moment it is called. */
export function follow<T extends KubeObject>(
  request: WatchRequest,
  listener: WatchListener<T>,
  options: FollowOptions,
): Watch {
  const following = new Following(request, listener, options);
  following.run().catch(options.onListenerError);
  return following;
}

class Following<T extends KubeObject> implements Watch {
  readonly #request: WatchRequest;
  readonly #options: FollowOptions;
  readonly #reflector: Reflector<T>;
  readonly #stop = new AbortController();

  constructor(request: WatchRequest, listener: WatchListener<T>, options: FollowOptions) {
    this.#request = request;
    this.#options = options;
    this.#reflector = new Reflector(request, this.#guarded(listener), options.random);
  }

  stop(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort(new Error("The watch was stopped"));
    this.#options.onStop?.();
  }

  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const step = this.#reflector.next();
      if (step.do === "wait") await this.#pause(step.delayMs);
      else if (step.do === "list") await this.#list(step.query);
      else await this.#watch(step.query);
    }
  }

  /** After a stop nobody is told anything; what a listener throws is its own affair. */
  #guarded(listener: WatchListener<T>): WatchListener<T> {
    const tell = (call: () => void): void => {
      if (this.#stop.signal.aborted) return;
      try {
        call();
      } catch (error) {
        this.#options.onListenerError(error);
      }
    };
    return {
      listed: (objects) => tell(() => listener.listed(objects)),
      changed: (object) => tell(() => listener.changed(object)),
      deleted: (object) => tell(() => listener.deleted(object)),
      health: (state, cause) => tell(() => listener.health?.(state, cause)),
    };
  }

  async #list(query: Readonly<Record<string, string>>): Promise<void> {
    const request = { method: "GET", path: this.#request.path, query, limitMs: LIST_LIMIT_MS } as const;
    this.#reflector.listed(await this.#options.transport.send(request));
  }

  async #watch(query: Readonly<Record<string, string>>): Promise<void> {
    const request = { method: "GET", path: this.#request.path, query, limitMs: OPEN_LIMIT_MS } as const;
    const opened = await this.#options.transport.open(request);
    if (opened.outcome !== "open") return this.#reflector.notOpened(opened);
    const onStop = (): void => opened.abort(new Error("The watch was stopped"));
    this.#stop.signal.addEventListener("abort", onStop);
    if (this.#stop.signal.aborted) onStop();
    try {
      const end = await this.#read(opened);
      if (end !== null) this.#reflector.ended(end);
    } finally {
      this.#stop.signal.removeEventListener("abort", onStop);
      opened.abort(new Error("The watch has ended"));
    }
  }

  /** Reads to the end of a stream; null if the reflector had it closed. */
  async #read(opened: OpenStream): Promise<StreamEnd | null> {
    const { clock } = this.#options;
    const startMs = clock.now();
    const silence = new Silence(clock, this.#request.silenceMs ?? SILENCE_MS, (error) => opened.abort(error));
    const lines = new LineSplitter(MAX_LINE_BYTES);
    const ended = <H extends StreamEnd["how"]>(how: H): { how: H; livedMs: number } => ({
      how,
      livedMs: clock.now() - startMs,
    });
    this.#reflector.opened();
    try {
      for await (const chunk of opened.body) {
        silence.heard();
        for (const line of lines.push(chunk)) {
          if (this.#event(line) === "close") return null;
        }
      }
      return ended("finished");
    } catch (error) {
      const cause = fetchFailure(error);
      if (error instanceof LineTooLongError) return { ...ended("unreadable"), cause };
      return error instanceof SilenceError ? { ...ended("silent"), cause } : { ...ended("cut"), cause };
    } finally {
      silence.stop();
    }
  }

  #event(line: string): "go on" | "close" {
    let event: unknown = null;
    try {
      event = JSON.parse(line);
    } catch {
      // The reflector is told of an event without content.
    }
    return this.#reflector.event(event);
  }

  async #pause(delayMs: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(delayMs, over.resolve);
    const onStop = (): void => over.resolve();
    this.#stop.signal.addEventListener("abort", onStop);
    if (this.#stop.signal.aborted) onStop();
    await over.promise;
    timer.cancel();
    this.#stop.signal.removeEventListener("abort", onStop);
  }
}

/** Nothing came for too long. */
class SilenceError extends Error {
  override readonly name = "SilenceError";
}

/** Calls `give up` once nothing was heard for so long; one timer, set again when it fires, however much is heard. */
class Silence {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #giveUp: (error: Error) => void;
  #heardMs: number;
  #timer: Timer;

  constructor(clock: Clock, limitMs: number, giveUp: (error: Error) => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#giveUp = giveUp;
    this.#heardMs = clock.now();
    this.#timer = clock.after(limitMs, () => this.#look());
  }

  heard(): void {
    this.#heardMs = this.#clock.now();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const leftMs = this.#heardMs + this.#limitMs - this.#clock.now();
    if (leftMs <= 0) this.#giveUp(new SilenceError(`Nothing was heard for ${this.#limitMs} ms`));
    else this.#timer = this.#clock.after(leftMs, () => this.#look());
  }
}
