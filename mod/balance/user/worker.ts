/** A thread of the engine `user`: the entry of its Worker. */
import { systemClock } from "../../runtime/clock.ts";
import { type Scope, serve } from "./serve.ts";

/** In a Worker the global object is its scope; the types here are those of the main thread. */
function isScope(candidate: object): candidate is Scope {
  return "postMessage" in candidate && "onmessage" in candidate;
}

const scope: object = globalThis;
if (isScope(scope)) await serve(scope, () => systemClock.now());
