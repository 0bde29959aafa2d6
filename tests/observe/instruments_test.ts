import assert from "node:assert/strict";
import { Instruments, replace } from "../../mod/observe/instruments.ts";

Deno.test("two sets of instruments do not know of each other", async () => {
  const [one, other] = [new Instruments(), new Instruments()];
  one.healthy.set(1);
  assert.match(await one.registry.metrics(), /^kube_vip_healthy 1$/m);
  assert.doesNotMatch(await other.registry.metrics(), /^kube_vip_healthy 1$/m);
});

Deno.test("replace() ends the series that are not named", async () => {
  const instruments = new Instruments();
  replace(instruments.holding, [[{ address: "10.0.0.9" }, 1], [{ address: "10.0.0.10" }, 0]]);
  replace(instruments.holding, [[{ address: "10.0.0.10" }, 1]]);
  const text = await instruments.registry.getSingleMetricAsString("kube_vip_holding");
  assert.deepEqual(text.split("\n").filter((line) => !line.startsWith("#")), [
    'kube_vip_holding{address="10.0.0.10"} 1',
  ]);
});

Deno.test("every metric has a name, a description and a unit that Prometheus's conventions ask for", async () => {
  const { registry } = new Instruments();
  const metrics = await registry.getMetricsAsJSON();
  assert.equal(metrics.length, 18);
  for (const { name, help, type } of metrics) {
    assert.match(name, /^(kube_vip|process)_[a-z_]+$/);
    assert.ok(help.length > 10, name);
    // prom-client's type is an enumeration in its declarations and a word in what it gives.
    assert.equal(name.endsWith("_total"), String(type) === "counter", name);
  }
});
