/** `/metrics` for Prometheus, and a page with a link to it for people, as upstream has it. */

import type { Clock } from "../base/clock.ts";
import { type ListenPlace, type Page, PageServer } from "./page_server.ts";

const HTML = "text/html; charset=utf-8";
const LINK_PAGE = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>kube-vip</title></head>
<body><h1>kube-vip</h1><p><a href="/metrics">Metrics</a></p></body>
</html>
`;

/** What is served: `Metrics` fits. */
export interface MetricsPage {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Serves metrics at the place of `prometheus_server`; closed by whoever asked. Throws ListenError. */
export function serveMetrics(
  listen: ListenPlace,
  options: { readonly metrics: MetricsPage; readonly clock: Clock },
): PageServer {
  const { metrics, clock } = options;
  return new PageServer({
    listen,
    setting: "prometheus_server",
    clock,
    page: async (path): Promise<Page> => {
      if (path !== "/metrics") return { status: 200, contentType: HTML, text: LINK_PAGE };
      return { status: 200, contentType: metrics.contentType, text: await metrics.text() };
    },
  });
}
