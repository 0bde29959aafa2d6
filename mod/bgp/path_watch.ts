import type { Clock, Timer } from "../base/clock.ts";
import type { BfdChange, BfdMonitor, BfdPath, BfdState, BfdWatch } from "../bfd/types.ts";
import { samePath } from "./bfd_path.ts";
import type { SpeakerLog } from "./speaker_log.ts";

/** FRR makes its BFD session anew when BGP comes up: a path that was up goes down once within this time, and means nothing by it. */
const GRACE_MS = 1000;
/** From then on it must come up again within this: three handshakes at one packet a second (RFC 5880 §6.8.3), and some loss. */
const RECOVERY_MS = 5000;
/** No attempts for so long after a failure; then without BFD, for some routers watch a path only once BGP is up (RFC 5882 §4.2). */
const HOLD_OFF_MS = 1000;
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

/**
 * BFD of one peer (RFC 5882): a path that was up and goes down ends the session at once, also with graceful restart (§4.3). One that never
 * comes up, or that the other side stopped on purpose (§3.2), ends nothing.
 */
export class PathWatch {
  readonly #options: PathWatchOptions;
  #path: BfdPath | null = null;
  #watch: BfdWatch | null = null;
  /** BFD has come up and not gone down since. */
  #isUp = false;
  #upAtMs = 0;
  /** null: the session is not up. */
  #sessionAtMs: number | null = null;
  #isBlocked = false;
  #isMissingTold = false;
  #timer: Timer | null = null;

  constructor(options: PathWatchOptions) {
    this.#options = options;
  }

  /** What BFD says; "down" also while nothing is watched. */
  get state(): BfdState {
    return this.#watch?.state ?? "down";
  }

  /** Watches this path from now on, and no other. */
  watch(path: BfdPath): void {
    if (this.#watch !== null && this.#path !== null && samePath(this.#path, path)) return;
    this.#forget();
    this.#path = path;
    try {
      this.#watch = this.#options.monitor().watch(path, (change) => {
        if (this.#path === path) this.#changed(change);
      });
    } catch (error) {
      this.#options.log.bfdImpossible(this.#options.peer, error instanceof Error ? error.message : String(error));
    }
  }

  /** The session has come up over this path. */
  sessionUp(path: BfdPath): void {
    this.#isBlocked = false;
    this.#cancel();
    this.#sessionAtMs = this.#options.clock.now();
    this.watch(path);
    if (this.#watch === null || this.#isUp || this.#isMissingTold) return;
    this.#after(MISSING_MS, () => {
      this.#isMissingTold = true;
      this.#options.log.bfdMissing(this.#options.peer);
    });
  }

  /** The session is not up any more. */
  sessionDown(): void {
    this.#sessionAtMs = null;
    if (!this.#isBlocked) this.#cancel();
  }

  /** Ends it, and tells the other side. Idempotent. */
  stop(): void {
    this.#forget();
    this.#cancel();
    this.#isBlocked = false;
  }

  #forget(): void {
    this.#watch?.stop();
    this.#watch = null;
    this.#path = null;
    this.#isUp = false;
  }

  #changed(change: BfdChange): void {
    if (change.state === "up") return this.#cameUp();
    if (change.remoteAdminDown) return this.#wasStopped();
    if (change.state === "init" || !this.#isUp) return;
    this.#isUp = false;
    if (this.#isInGrace()) this.#after(RECOVERY_MS, () => this.#fail(change.why));
    else this.#fail(change.why);
  }

  #cameUp(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#isMissingTold = false;
    this.#upAtMs = this.#options.clock.now();
    this.#cancel();
    this.#options.log.bfdUp(this.#options.peer);
    this.#unblock();
  }

  #wasStopped(): void {
    if (this.#isUp) this.#options.log.bfdShutDown(this.#options.peer);
    this.#isUp = false;
    this.#cancel();
    this.#unblock();
  }

  /** BGP has just come up, and BFD has not been seen to come up since. */
  #isInGrace(): boolean {
    const sinceMs = this.#sessionAtMs;
    return sinceMs !== null && this.#options.clock.now() - sinceMs <= GRACE_MS && this.#upAtMs <= sinceMs;
  }

  #fail(why: string): void {
    this.#options.log.bfdDown(this.#options.peer, why);
    this.#isBlocked = true;
    this.#after(HOLD_OFF_MS, () => this.#unblock());
    this.#options.events.down();
  }

  #unblock(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#cancel();
    this.#options.events.up();
  }

  /** There is one timer: what it waits for excludes the rest. */
  #after(delayMs: number, fire: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, fire);
  }

  #cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
