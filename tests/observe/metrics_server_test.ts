import assert from "node:assert/strict";
import { Metrics } from "../../mod/observe/metrics.ts";
import { serveMetrics } from "../../mod/observe/metrics_server.ts";
import { processFacts } from "../../mod/observe/process_facts.ts";
import { systemClock } from "../../mod/runtime/clock.ts";

Deno.test("/metrics is for Prometheus, every other path is a page with a link", async () => {
  const metrics = new Metrics({ version: "v1", build: "b", node: "n", process: processFacts });
  const server = serveMetrics({ host: "127.0.0.1", port: 0 }, { metrics, clock: systemClock });
  const base = `http://127.0.0.1:${server.port}`;
  const scraped = await fetch(`${base}/metrics`);
  assert.equal(scraped.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.match(await scraped.text(), /^# TYPE kube_vip_build_info gauge$/m);
  for (const path of ["/", "/metrics/", "/other"]) {
    const page = await fetch(base + path);
    assert.deepEqual([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
    assert.match(await page.text(), /<a href="\/metrics">/);
  }
  await server.close();
});
