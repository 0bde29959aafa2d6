import assert from "node:assert/strict";
import type { Check, Verdict } from "../../mod/observe/checks.ts";
import { serveHealth } from "../../mod/observe/health_server.ts";
import { systemClock } from "../../mod/runtime/clock.ts";

Deno.test("/healthz and /readyz tell the truth, each of its own checks", async () => {
  let loop: Verdict = { is: "good" };
  let link: Verdict = { is: "good" };
  const healthz: Check[] = [{ name: "event-loop", verdict: () => loop }];
  const readyz: Check[] = [...healthz, { name: "link", verdict: () => link }];
  const server = serveHealth({ port: 0, clock: systemClock, healthz, readyz });
  const ask = async (path: string): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return [response.status, await response.text()];
  };
  assert.deepEqual(await ask("/healthz"), [200, "OK"]);
  assert.deepEqual(await ask("/readyz"), [200, "OK"]);
  link = { is: "bad", why: "eth0 is down" };
  assert.deepEqual(await ask("/healthz"), [200, "OK"]);
  assert.deepEqual(await ask("/readyz"), [503, "link: eth0 is down\n"]);
  loop = { is: "bad", why: "stood still" };
  assert.deepEqual(await ask("/healthz"), [503, "event-loop: stood still\n"]);
  assert.deepEqual(await ask("/readyz"), [503, "event-loop: stood still\nlink: eth0 is down\n"]);
  assert.deepEqual(await ask("/"), [404, "Not found\n"]);
  await server.close();
});
