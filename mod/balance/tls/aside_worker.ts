/** A thread with one balancer that speaks TLS: the entry of its Worker. */
import { ordinaryPriority } from "../../linux/priority.ts";
import { connectionResetter } from "../../linux/reset_connections.ts";
import { forwardLogging } from "../../observe/log_forward.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { AsideOrder, AsideReport } from "./aside_messages.ts";
import { AsideService } from "./aside_service.ts";
import { trustSystem } from "./system_trust.ts";

/** What is used of a Worker's global scope, whose types are not those of the main thread. */
interface Scope {
  onmessage: ((event: { readonly data: AsideOrder }) => void) | null;
  postMessage(report: AsideReport): void;
}

function isScope(candidate: object): candidate is Scope {
  return "postMessage" in candidate && "onmessage" in candidate;
}

const scope: object = globalThis;
if (isScope(scope)) {
  // The main thread runs before ordinary work, so that enciphering never delays a heartbeat.
  ordinaryPriority();
  trustSystem();
  const post = (report: AsideReport): void => scope.postMessage(report);
  forwardLogging((line) => post({ op: "log", line }));
  const service = new AsideService({ clock: systemClock, random: Math.random, resetter: connectionResetter, post });
  scope.onmessage = ({ data }) => {
    service.take(data).catch((error: unknown) => {
      // What is thrown outside of every promise ends the thread and reaches the main thread as an error.
      reportError(error);
    });
  };
}
