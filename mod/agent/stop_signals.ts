/** The signals that an agent listens to while it runs. */
import type { Clock } from "../base/clock.ts";

/** SIGHUP would end the process without a hand-over; a terminal that closes is no reason for that either. */
const STOPPING: readonly Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGHUP"];
const DUMPING: Deno.Signal = "SIGUSR1";

/** Listens from the moment it is made until it is closed. */
export class StopSignals {
  /** Resolves with the name of the first signal that says stop. */
  readonly stop: Promise<string>;
  /** Called for every further one: whoever sends two does not want to wait. */
  onSecond: () => void = () => {};
  /** Called for SIGUSR1. */
  onDump: () => void = () => {};
  readonly #handlers: readonly (readonly [Deno.Signal, () => void])[];
  #stopped = false;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.stop = promise;
    const stopping = STOPPING.map((signal) =>
      [signal, () => {
        if (this.#stopped) return this.onSecond();
        this.#stopped = true;
        resolve(signal);
      }] as const
    );
    this.#handlers = [...stopping, [DUMPING, () => this.onDump()]];
    for (const [signal, handler] of this.#handlers) Deno.addSignalListener(signal, handler);
  }

  /** Whether a stop was asked for. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Lets signals do again what they do by default. */
  close(): void {
    for (const [signal, handler] of this.#handlers) Deno.removeSignalListener(signal, handler);
  }
}

/** Waits for so long, or until a stop is asked for. */
export async function untilStop(
  delayMs: number,
  { clock, signals }: { readonly clock: Clock; readonly signals: Pick<StopSignals, "stop"> },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(delayMs, resolve);
  await Promise.race([promise, signals.stop]);
  timer.cancel();
}
