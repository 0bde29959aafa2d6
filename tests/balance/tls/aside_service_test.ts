import assert from "node:assert/strict";
import type { AsideReport } from "../../../mod/balance/tls/aside_messages.ts";
import { AsideService, REPORT_EVERY_MS } from "../../../mod/balance/tls/aside_service.ts";
import { posted } from "../../../mod/balance/user/messages.ts";
import { VirtualClock } from "../../fakes/clock.ts";
import { eventually, FakeResetter, httpBackend, httpConfig, okResponse, RawConn, tcpConfig } from "../kit.ts";

function newService(): { service: AsideService; reports: AsideReport[]; clock: VirtualClock } {
  const reports: AsideReport[] = [];
  const clock = new VirtualClock();
  const post = (report: AsideReport): void => void reports.push(structuredClone(report));
  return { service: new AsideService({ clock, random: () => 0, resetter: new FakeResetter(), post }), reports, clock };
}

Deno.test("it tells of its start, then of changes only, at most every 200 ms, and of its stop", async () => {
  const { service, reports, clock } = newService();
  const backend = httpBackend(() => okResponse("hi"));
  await service.take({ op: "start", config: posted(httpConfig([backend.port])) });
  assert.deepEqual(reports.map(({ op }) => op), ["status", "started"]);
  clock.advance(REPORT_EVERY_MS * 5);
  assert.equal(reports.length, 2, "nothing has changed");
  const [first] = reports;
  assert.ok(first?.op === "status");
  const client = await RawConn.connect(Number(/\d+$/.exec(first.status.listening[0] ?? "")?.[0]));
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until("hi");
  assert.equal(reports.length, 2, "not before it is time");
  clock.advance(REPORT_EVERY_MS);
  const told = reports.at(-1);
  assert.ok(told?.op === "status" && told.status.connections === 1);
  const stopping = service.take({ op: "stop", mayBeSucceeded: false });
  const last = reports.at(-1);
  assert.ok(last?.op === "status" && last.status.listening.length === 0, "the port is free at once");
  assert.equal(await client.rest(), "");
  client.close();
  await eventually(() => (clock.advance(10), reports.at(-1)?.op === "stopped"), "it has stopped");
  await stopping;
  await backend.close();
});

Deno.test("a start that fails comes back in parts, and what follows finds nobody", async () => {
  const { service, reports } = newService();
  const taken = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const { port } = taken.addr;
  await service.take({ op: "start", config: posted(tcpConfig([1], { port })) });
  assert.ok(reports[0]?.op === "failed");
  const { operation, subject, reason } = reports[0];
  assert.deepEqual([operation, subject], ["listen on", `port ${port}`]);
  assert.match(reason, /in use/);
  for (const op of ["bind", "release"] as const) await service.take({ op, ip: "127.0.0.1" });
  await service.take({ op: "stop", mayBeSucceeded: false });
  assert.equal(reports.at(-1)?.op, "stopped");
  taken.close();
});
