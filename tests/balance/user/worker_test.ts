import assert from "node:assert/strict";
import type { Letter, Report } from "../../../mod/balance/user/messages.ts";
import { openWakeUp, wakeUp } from "../../../mod/linux/epoll.ts";
import { closeFd } from "../../../mod/linux/socket.ts";

Deno.test("a Worker serves from its first letter until it is ended", async () => {
  const worker = new Worker(new URL("../../../mod/balance/user/worker.ts", import.meta.url), { type: "module" });
  const wakeUpFd = openWakeUp();
  const pending = new SharedArrayBuffer(4);
  const said: string[] = [];
  const ended = new Promise<void>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<Report>) => {
      said.push(data.op);
      if (data.op === "ended") resolve();
      if (data.op === "ready") post({ orders: [{ op: "end" }], pending, wakeUpFd });
    };
  });
  const post = (letter: Letter): void => {
    Atomics.add(new Int32Array(pending), 0, 1);
    worker.postMessage(letter);
    wakeUp(wakeUpFd);
  };
  post({ orders: [], pending, wakeUpFd });
  await ended;
  assert.deepEqual(said, ["ready", "ended"]);
  worker.terminate();
  closeFd(wakeUpFd);
});
