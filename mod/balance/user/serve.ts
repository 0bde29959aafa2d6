/** The life of a thread of the engine: it waits in the kernel, and leaves the loop only while there are letters of the main thread. */
import { ordinaryPriority } from "../../linux/priority.ts";
import type { Letter, Report } from "./messages.ts";
import { UserThread } from "./user_thread.ts";

/** What is used of a Worker's global scope, whose types are not those of the main thread. */
export interface Scope {
  onmessage: ((event: { readonly data: Letter }) => void) | null;
  postMessage(report: Report): void;
  close(): void;
}

/**
 * Serves until the main thread ends it. While the thread waits in the kernel nothing else of it runs: whoever posts a letter counts it,
 * posts it and then writes the eventfd; the thread stays out of its loop until it has taken every letter that was counted.
 */
export async function serve(scope: Scope, now: () => number): Promise<void> {
  // The main thread runs before ordinary work, so that moving bytes never delays a heartbeat.
  ordinaryPriority();
  const letters: Letter[] = [];
  let arrived: () => void = () => {};
  scope.onmessage = ({ data }) => {
    letters.push(data);
    arrived();
  };
  const more = (): Promise<void> => new Promise((resolve) => arrived = resolve);
  await more();
  const first = letters[0];
  if (first === undefined) return;
  const pending = new Int32Array(first.pending);
  const thread = new UserThread({ now, post: (report) => scope.postMessage(report), wakeUpFd: first.wakeUpFd });
  do {
    while (Atomics.load(pending, 0) > 0) {
      if (letters.length === 0) await more();
      for (const { orders } of letters.splice(0)) {
        Atomics.sub(pending, 0, 1);
        for (const order of orders) thread.take(order);
      }
    }
  } while (thread.run() === "orders");
  scope.close();
}
