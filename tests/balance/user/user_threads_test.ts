import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Report } from "../../../mod/balance/user/messages.ts";
import { type ThreadUser, UserThreads } from "../../../mod/balance/user/user_threads.ts";
import { systemClock } from "../../../mod/runtime/clock.ts";

const CHILD = fileURLToPath(new URL("./broken_thread_child.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));
const NOBODY: ThreadUser = { reported: () => {} };

Deno.test("threads are made when they are needed, shared, and ended with the last who needs them", async () => {
  const threads = new UserThreads(systemClock);
  assert.equal(threads.size, 0);
  const first = threads.join(NOBODY, 1);
  const second = threads.join(NOBODY, 2);
  assert.equal(threads.size, 2);
  await threads.ready(2);
  await threads.leave(second);
  assert.equal(threads.size, 1);
  await threads.leave(first);
  assert.equal(threads.size, 0);
  const again = threads.join(NOBODY, 1);
  assert.notEqual(again, first);
  await threads.ready(1);
  await threads.close();
  assert.equal(threads.size, 0);
});

Deno.test("a report goes to whom it concerns", async () => {
  const threads = new UserThreads(systemClock);
  const [mine, others] = [[] as Report[], [] as Report[]];
  const came = Promise.withResolvers<void>();
  const id = threads.join({ reported: (report) => (mine.push(report), came.resolve()) }, 1);
  threads.join({ reported: (report) => others.push(report) }, 1);
  threads.post(0, {
    op: "open",
    id,
    // No such backends: a fault of the program, which is told to its balancer.
    backends: { config: { type: "udp" } as never, slots: [], destinations: [] },
    counters: new SharedArrayBuffer(8),
    clients: new SharedArrayBuffer(4),
  });
  await came.promise;
  assert.deepEqual(mine.map(({ op }) => op), ["fault"]);
  assert.deepEqual(others, []);
  await threads.close();
});

Deno.test("it may be closed while a thread only begins", async () => {
  const threads = new UserThreads(systemClock);
  threads.join(NOBODY, 1);
  await threads.close();
  assert.equal(threads.size, 0);
});

Deno.test("a thread that breaks down ends the process: its sockets would be nobody's, and clients would wait for ever", async () => {
  const child = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--no-check", "--config", CONFIG, CHILD] });
  const { code, stdout, stderr } = await child.output();
  const [said, cried] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(said, "ready\n");
  assert.match(cried ?? "", /in worker "balancer 0"/);
  assert.equal(code, 1);
});
