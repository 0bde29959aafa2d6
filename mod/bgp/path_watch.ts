import type { Clock, Timer } from "../base/clock.ts";
import type { BfdChange, BfdMonitor, BfdPath, BfdState, BfdWatch } from "../bfd/types.ts";
import { samePath } from "./bfd_path.ts";
import type { SpeakerLog } from "./speaker_log.ts";

/**
 * The path is watched only so long after BGP has come up: FRR (8.4) makes its BFD session anew then, and takes one that is up before for
 * a failure, which ends BGP. It comes to that state a trip later than this side.
 */
const BEGIN_MS = 100;
/** No attempts for so long after a failure; then without BFD, for routers watch a path only once BGP is up (RFC 5882 §4.2). */
const HOLD_OFF_MS = 1000;
/** A path that has failed is watched on for so long: a short cut is over when BFD is up. What takes longer may be a router that starts. */
const LINGER_MS = 5000;
/** Who has not come up after so long has no BFD. */
const MISSING_MS = 10_000;

/** What is to be done with the session. */
export interface PathEvents {
  /** The path is gone. */
  down(): void;
  /** It may be tried again. */
  up(): void;
}

export interface PathWatchOptions {
  /** Name of the peer. */
  readonly peer: string;
  readonly monitor: () => BfdMonitor;
  readonly clock: Clock;
  readonly log: SpeakerLog;
  readonly events: PathEvents;
}

/** Where things stand between BGP and BFD. */
type Phase =
  /** The session is down for other reasons, and nothing is watched. */
  | "idle"
  /** The session is up. */
  | "session"
  /** The path has failed: no attempts. */
  | "held-off"
  /** It has failed, and attempts are made. */
  | "lingering";

/**
 * BFD of one peer (RFC 5882): a path that was up in this session and goes down ends it at once, also with graceful restart (§4.3). One that
 * does not come up, or that the other side stopped on purpose (§3.2), ends nothing.
 */
export class PathWatch {
  readonly #options: PathWatchOptions;
  #phase: Phase = "idle";
  #path: BfdPath | null = null;
  #watch: BfdWatch | null = null;
  #isUp = false;
  #isMissingTold = false;
  /** There is one: what it waits for belongs to the phase. */
  #timer: Timer | null = null;

  constructor(options: PathWatchOptions) {
    this.#options = options;
  }

  /** What BFD says; "down" also while nothing is watched. */
  get state(): BfdState {
    return this.#watch?.state ?? "down";
  }

  /** The session has come up over this path. */
  sessionUp(path: BfdPath): void {
    this.#phase = "session";
    if (this.#watch !== null && this.#path !== null && samePath(this.#path, path)) return this.#expectUp();
    this.#forget();
    this.#after(BEGIN_MS, () => {
      this.#begin(path);
      this.#expectUp();
    });
  }

  /** The session is not up any more. */
  sessionDown(): void {
    if (this.#phase === "session") this.stop();
  }

  /** Ends it, and tells the other side. Idempotent. */
  stop(): void {
    this.#phase = "idle";
    this.#cancel();
    this.#forget();
  }

  #begin(path: BfdPath): void {
    this.#path = path;
    try {
      this.#watch = this.#options.monitor().watch(path, (change) => {
        if (this.#path === path) this.#changed(change);
      });
    } catch (error) {
      this.#options.log.bfdImpossible(this.#options.peer, error instanceof Error ? error.message : String(error));
    }
  }

  #expectUp(): void {
    this.#cancel();
    if (this.#watch === null || this.#isUp || this.#isMissingTold) return;
    this.#after(MISSING_MS, () => {
      this.#isMissingTold = true;
      this.#options.log.bfdMissing(this.#options.peer);
    });
  }

  #forget(): void {
    this.#watch?.stop();
    this.#watch = null;
    this.#path = null;
    this.#isUp = false;
  }

  #changed(change: BfdChange): void {
    if (change.state === "up") return this.#cameUp();
    if (change.state === "init" || !this.#isUp) return;
    this.#isUp = false;
    if (change.remoteAdminDown) this.#options.log.bfdShutDown(this.#options.peer);
    else if (this.#phase === "session") this.#fail(change.why);
  }

  #cameUp(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#isMissingTold = false;
    this.#options.log.bfdUp(this.#options.peer);
    if (this.#phase === "session") this.#cancel();
    else this.#tryAgain();
  }

  #fail(why: string): void {
    this.#options.log.bfdDown(this.#options.peer, why);
    this.#phase = "held-off";
    this.#after(HOLD_OFF_MS, () => this.#tryAgain());
    this.#options.events.down();
  }

  #tryAgain(): void {
    if (this.#phase !== "held-off") return;
    this.#phase = "lingering";
    this.#after(LINGER_MS, () => this.stop());
    this.#options.events.up();
  }

  #after(delayMs: number, fire: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, fire);
  }

  #cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
