import { libc } from "./libc.ts";

const PRIO_PROCESS = 0;
/** The calling thread, which is the one that sends beats and renews permissions; threads born later inherit it. */
const SELF = 0;
/** Woken before ordinary work, after the kernel's own threads and anything of real time. */
const NICE = -10;

/**
 * Asks the scheduler to run this thread before ordinary work, so that a busy machine does not delay a hand-over. Needs root or
 * CAP_SYS_NICE; without it everything works, only less punctually under load.
 */
export function raisePriority(): "raised" | "refused" {
  return libc.setpriority(PRIO_PROCESS, SELF, NICE) === 0 ? "raised" : "refused";
}

/** The nice value of this thread, −20 to 19. */
export function niceValue(): number {
  return libc.getpriority(PRIO_PROCESS, SELF);
}

/** Gives the calling thread the place of ordinary work again: for threads born of one that has {@link raisePriority}. */
export function ordinaryPriority(): void {
  libc.setpriority(PRIO_PROCESS, SELF, 0);
}
