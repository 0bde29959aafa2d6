import assert from "node:assert/strict";
import type { AsideOrder, AsideReport } from "../../../mod/balance/tls/aside_messages.ts";
import { posted } from "../../../mod/balance/user/messages.ts";
import { httpConfig } from "../kit.ts";

Deno.test("the worker's entry starts and stops a balancer", async () => {
  const worker = new Worker(import.meta.resolve("../../../mod/balance/tls/aside_worker.ts"), { type: "module" });
  const reports: AsideReport[] = [];
  const stopped = Promise.withResolvers<void>();
  const order = (one: AsideOrder): void => worker.postMessage(one);
  worker.onmessage = ({ data }: MessageEvent<AsideReport>) => {
    reports.push(data);
    if (data.op === "started") order({ op: "stop", mayBeSucceeded: false });
    if (data.op === "stopped") stopped.resolve();
  };
  order({ op: "start", config: posted(httpConfig([1])) });
  await stopped.promise;
  worker.terminate();
  const told = reports.map((report) => report.op === "status" ? report.status.listening.length : report.op);
  assert.deepEqual(told.filter((one) => typeof one === "string"), ["started", "stopped"]);
  assert.ok(told.includes(1) && told.includes(0), "it listened and it did not");
});
