/**
 * Backends that are not configured any more and may have connections left: these go on, and are to be found when they have to end. Looked
 * at now and then; one without a connection is let go.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { backendName } from "./connections.ts";
import type { KernelBackend } from "./types.ts";

/** Connections of backends that leave are counted this often. */
const LOOK_MS = 2000;
/** More are not kept: connections of those that left first end, as nobody could end them with their address any more. */
const MOST = 64;

/** What is needed of the balancer. */
export interface LeavingOptions {
  readonly clock: Clock;
  /** Live connections of each backend by its name ({@link backendName}); null: they cannot be counted now. Never rejects. */
  readonly count: () => Promise<ReadonlyMap<string, number> | null>;
  /** Some are about to be let go: the last moment to read what was counted of them. */
  readonly onGone: (names: ReadonlySet<string>) => void;
  /** There are too many: these are let go now, whatever they have. */
  readonly onCrowded: (names: readonly string[]) => void;
}

/** Owned by a kernel balancer, which stops it. */
export class Leaving {
  readonly #options: LeavingOptions;
  readonly #backends = new Map<string, KernelBackend>();
  #timer: Timer | null = null;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: LeavingOptions) {
    this.#options = options;
  }

  /** None of them gets new connections. */
  list(): KernelBackend[] {
    return [...this.#backends.values()];
  }

  /** Those that were there and are not configured leave from now on; those that are configured do not leave any more. */
  change(before: readonly KernelBackend[], configured: readonly { address: string; port: number }[]): void {
    const staying = new Set(configured.map(nameOf));
    for (const backend of before) {
      const name = nameOf(backend);
      if (!staying.has(name) && !this.#backends.has(name)) this.#backends.set(name, { ...backend, usable: false });
    }
    for (const name of staying) this.#backends.delete(name);
    const crowded = [...this.#backends.keys()].slice(0, Math.max(0, this.#backends.size - MOST));
    if (crowded.length > 0) this.#options.onCrowded(crowded);
    this.#letGo(crowded);
    this.#schedule();
  }

  /** Resolves when nobody looks any more. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#looking;
  }

  #schedule(): void {
    if (this.#isStopped || this.#timer !== null || this.#backends.size === 0) return;
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#looking = this.#look().finally(() => {
        this.#timer = null;
        this.#schedule();
      });
    });
  }

  async #look(): Promise<void> {
    const asked = [...this.#backends.keys()];
    const live = await this.#options.count();
    if (this.#isStopped || live === null) return;
    this.#letGo(asked.filter((name) => this.#backends.has(name) && (live.get(name) ?? 0) === 0));
  }

  #letGo(names: readonly string[]): void {
    if (names.length === 0) return;
    this.#options.onGone(new Set(names));
    for (const name of names) this.#backends.delete(name);
  }
}

function nameOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return backendName(address, port);
}
