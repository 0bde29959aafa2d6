/** A thread that breaks down when it is to bind 192.0.2.1, and never answers a start without backends. */
import type { AsideOrder, AsideReport } from "../../../mod/balance/tls/aside_messages.ts";

interface Scope {
  onmessage: ((event: { readonly data: AsideOrder }) => void) | null;
  postMessage(report: AsideReport): void;
}

function isScope(candidate: object): candidate is Scope {
  return "postMessage" in candidate && "onmessage" in candidate;
}

const scope: object = globalThis;
if (isScope(scope)) {
  scope.onmessage = ({ data }) => {
    if (data.op === "start" && data.config.backends.length > 0) scope.postMessage({ op: "started" });
    if (data.op === "stop") scope.postMessage({ op: "stopped" });
    if (data.op !== "bind") return;
    if (data.ip === "192.0.2.1") reportError(new Error("broken on purpose"));
    const counters = { connections: 0, totalConnections: 0, backends: [] };
    const status = { name: "web", type: "http", engine: "listen", listening: [`${data.ip}:80`], ...counters } as const;
    scope.postMessage({ op: "status", status });
  };
}
