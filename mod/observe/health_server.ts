/** `/healthz`: is this process able to do its work? `/readyz`: can this node do it now? Both tell the truth. */

import type { Clock } from "../base/clock.ts";
import { type Check, complaints } from "./checks.ts";
import { type Page, PageServer, PLAIN } from "./page_server.ts";

export interface HealthServerOptions {
  /** `health_check_port`. */
  readonly port: number;
  readonly clock: Clock;
  /** For `/healthz`: only what a restart would mend. The kubelet restarts what is not healthy. */
  readonly healthz: readonly Check[];
  /** For `/readyz`. */
  readonly readyz: readonly Check[];
}

/** Serves on all addresses of both families; closed by whoever asked. Throws ListenError. */
export function serveHealth(options: HealthServerOptions): PageServer {
  const { port, clock } = options;
  const pages = new Map([["/healthz", options.healthz], ["/readyz", options.readyz]]);
  return new PageServer({
    listen: { host: "", port },
    setting: "health_check_port",
    clock,
    page: (path): Page => {
      const checks = pages.get(path);
      if (checks === undefined) return { status: 404, contentType: PLAIN, text: "Not found\n" };
      const why = complaints(checks);
      // Upstream's answer has no line end.
      if (why.length === 0) return { status: 200, contentType: PLAIN, text: "OK" };
      return { status: 503, contentType: PLAIN, text: why.map((line) => `${line}\n`).join("") };
    },
  });
}
