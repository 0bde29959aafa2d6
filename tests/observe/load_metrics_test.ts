import assert from "node:assert/strict";
import { loadMetrics } from "../../mod/observe/load_metrics.ts";
import { processFacts } from "../../mod/observe/process_facts.ts";

Deno.test("metrics that are loaded tell about this very process", async () => {
  const metrics = await loadMetrics({ version: "v9.8.7", build: "abc", node: "n1", process: processFacts });
  const text = await metrics.text();
  assert.match(text, /^kube_vip_build_info\{version="v9\.8\.7",build="abc",node="n1"\} 1$/m);
  assert.match(text, /^process_resident_memory_bytes [1-9]\d{6,}$/m);
});
