/**
 * One agent in each network namespace. Two would take each other's addresses for leftovers and rebuild each other's guard, so that the
 * address would be there and not there many times a second: a static Pod beside a DaemonSet on one machine is enough. Their state
 * directories do not tell, because each container has its own.
 */
import type { Clock } from "../base/clock.ts";
import { NamespaceLock } from "../linux/namespace_lock.ts";
import { getLog } from "../observe/log.ts";
import { type StopSignals, untilStop } from "./stop_signals.ts";

const log = getLog("agent");

/** Name of the abstract socket: `ss -xl` shows who is there. */
export const SOLE_AGENT = "kube-vip";
/** Whoever waits looks this often whether the other has ended. */
const LOOK_AGAIN_MS = 500;

/** What keeps others out. */
export interface Sole {
  release(): void;
}

export interface SoleOptions {
  readonly clock: Clock;
  readonly signals: Pick<StopSignals, "stop" | "stopped">;
  /** Throws when it cannot be known whether another is there. @default {NamespaceLock.take} */
  readonly take?: (name: string) => Sole | null;
}

/** Waits until no other agent is here, and keeps others out; null: a stop was asked for. Touches nothing meanwhile. */
export async function beSole(options: SoleOptions): Promise<Sole | null> {
  const { clock, signals, take = NamespaceLock.take } = options;
  for (let said = false; !signals.stopped; said = true) {
    const lock = tryTake(take);
    if (lock !== null) return lock;
    if (!said) log.error("another kube-vip holds addresses on this machine; waiting until it has ended");
    await untilStop(LOOK_AGAIN_MS, { clock, signals });
  }
  return null;
}

function tryTake(take: (name: string) => Sole | null): Sole | null {
  try {
    return take(SOLE_AGENT);
  } catch (error) {
    log.warning("cannot see whether another kube-vip is on this machine", {
      cause: error instanceof Error ? error.message : String(error),
    });
    return { release: () => {} };
  }
}
