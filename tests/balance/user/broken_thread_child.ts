/** Serves with a thread that breaks down when it is told to: the process of its own that the test of the threads needs. */
import { UserThreads } from "../../../mod/balance/user/user_threads.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";

const print = (line: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const made: Worker[] = [];
const { Worker } = globalThis;
globalThis.Worker = class extends Worker {
  constructor(...options: ConstructorParameters<typeof Worker>) {
    super(...options);
    made.push(this);
  }
};
const threads = new UserThreads(systemClock);
threads.join({ reported: () => {} }, 1);
await threads.ready(1);
print("ready");
// No letter: nothing that the thread expects has this form.
for (const worker of made) worker.postMessage({});
threads.post(0);
setTimeout(() => print("alive"), 60_000);
