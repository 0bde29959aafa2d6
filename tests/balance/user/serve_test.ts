import assert from "node:assert/strict";
import type { Letter, Order, Report } from "../../../mod/balance/user/messages.ts";
import { type Scope, serve } from "../../../mod/balance/user/serve.ts";
import { openWakeUp, wakeUp } from "../../../mod/linux/epoll.ts";
import { closeFd } from "../../../mod/linux/socket.ts";

/** What a Worker's global scope is to the thread. */
class FakeScope implements Scope {
  onmessage: ((event: { readonly data: Letter }) => void) | null = null;
  readonly reports: Report[] = [];
  isClosed = false;
  readonly fd = openWakeUp();
  readonly pending = new SharedArrayBuffer(4);

  postMessage(report: Report): void {
    this.reports.push(report);
  }

  close(): void {
    this.isClosed = true;
  }

  /** Counts a letter and wakes the thread, as the main thread does; gives what delivers it. */
  post(...orders: Order[]): () => void {
    Atomics.add(new Int32Array(this.pending), 0, 1);
    wakeUp(this.fd);
    return () => this.onmessage?.({ data: { orders, pending: this.pending, wakeUpFd: this.fd } });
  }
}

Deno.test("a thread does not wait in the kernel before it has every letter that was counted", async () => {
  const scope = new FakeScope();
  const running = serve(scope, () => performance.now());
  const letters = [scope.post(), scope.post(), scope.post({ op: "end" })];
  for (const deliver of letters) {
    deliver();
    // The thread has a turn between two letters: if it waited now, this test would never end.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await running;
  assert.deepEqual(scope.reports.map(({ op }) => op), ["ready", "ended"]);
  assert.ok(scope.isClosed);
  assert.equal(Atomics.load(new Int32Array(scope.pending), 0), 0);
  closeFd(scope.fd);
});
