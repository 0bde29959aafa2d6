import type { Clock, Timer } from "../base/clock.ts";
import type { SpeakerLog } from "./speaker_log.ts";
import type { Incoming, Listener, ListenKey, Transport } from "./transport.ts";

/** A port that cannot be had is tried again after this. */
const AGAIN_MS = 5000;

/** Where peers may connect; null: nowhere. */
export type DoorWish = { readonly port: number; readonly keys: readonly ListenKey[] } | null;

export interface DoorOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: SpeakerLog;
  readonly onIncoming: (incoming: Incoming) => void;
}

/** The listening socket: opened, opened again when it breaks or its keys change, closed. */
export class Door {
  readonly #options: DoorOptions;
  #wish: DoorWish = null;
  #listener: Listener | null = null;
  #open: DoorWish = null;
  #timer: Timer | null = null;
  #toldWhy: string | null = null;
  /** One change after the other: a port is free only when its listener has ended. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** The port that is listened on; null: none. */
  get port(): number | null {
    return this.#listener?.port ?? null;
  }

  /** Whether the kernel takes only what is signed from that address (RFC 2385), on the socket that is listened on now. */
  hasKey(ip: string): boolean {
    return this.#open?.keys.some((key) => key.ip === ip) ?? false;
  }

  /** Listens there from now on, as soon as that is possible. Resolves when it was tried. */
  set(wish: DoorWish): Promise<void> {
    this.#wish = wish;
    this.#work = this.#work.then(() => this.#apply());
    return this.#work;
  }

  async #apply(): Promise<void> {
    if (this.#listener !== null && sameWish(this.#open, this.#wish)) return;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#close();
    const wish = this.#wish;
    if (wish === null) return;
    try {
      this.#listener = this.#listen(wish);
      this.#open = wish;
      this.#toldWhy = null;
      this.#options.log.listening(this.#listener.port);
    } catch (error) {
      this.#failed(wish, error instanceof Error ? error.message : String(error));
    }
  }

  #listen(wish: DoorWish & object): Listener {
    const listener: Listener = this.#options.transport.listen({
      ...wish,
      onIncoming: this.#options.onIncoming,
      onError: (why) => {
        if (this.#listener !== listener) return;
        this.#work = this.#work.then(() => this.#close());
        this.#failed(wish, why);
      },
    });
    return listener;
  }

  async #close(): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    this.#open = null;
    try {
      await listener?.close();
    } catch (error) {
      this.#options.log.stopFailed("the listening socket", error instanceof Error ? error.message : String(error));
    }
  }

  #failed(wish: DoorWish & object, why: string): void {
    if (why !== this.#toldWhy) this.#options.log.notListening(why, { port: wish.port, againMs: AGAIN_MS });
    this.#toldWhy = why;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(AGAIN_MS, () => void this.set(this.#wish));
  }
}

function sameWish(a: DoorWish, b: DoorWish): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
