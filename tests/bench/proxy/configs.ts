/** The configuration files of everybody who takes part. Pure. */

import { stringify } from "@kube-vip/yaml";
import type { Station } from "../../lab/plan.ts";
import type { BenchedEngine } from "./options.ts";

/** Where the backend machine serves. */
export const BULK_PORT = 5201;
export const WEB_PORT = 80;
/** The file that the web server serves besides its short greeting. */
export const BIG_PATH = "/big";
export const BIG_BYTES = 1024 * 1024;
/** What it says to everything else. */
export const GREETING = "hello from the backend\n";

/** What is balanced: the bulk server and the web server as connections, and the web server by requests. */
export const KINDS = ["bulk", "tcp", "http"] as const;
export type Kind = typeof KINDS[number];

/** Where every contestant listens on its own machine. */
export const PROXY_PORTS: Readonly<Record<Kind, number>> = { bulk: 7000, tcp: 7001, http: 7002 };

/** Idle connections must last for as long as memory is looked at. */
const IDLE = "10m";

/** Our configuration: balancers of the kinds that the engine does, in front of one backend machine. */
export function ourConfig(
  local: Station,
  backend: Station,
  options: { readonly engine: BenchedEngine; readonly stateDir: string; readonly maxConnections: number },
): string {
  const { engine, stateDir, maxConnections } = options;
  const limits = engine === "kernel" ? {} : { maxConnections, idleTimeout: IDLE };
  const common = { engine, bindToVip: false, ...limits };
  const plain = ([["bulk", BULK_PORT], ["tcp", WEB_PORT]] as const).map(([name, port]) => ({
    ...common,
    name,
    type: "tcp",
    port: PROXY_PORTS[name],
    backends: [{ address: backend.ip4, port }],
  }));
  const web = {
    ...common,
    name: "http",
    type: "http",
    port: PROXY_PORTS.http,
    backends: [{ url: `http://${backend.ip4}:${WEB_PORT}` }],
  };
  return singleNode(local, stateDir, engine === "kernel" ? plain : [...plain, web]);
}

/** A node of its own without an address to keep alive: only its balancers matter. */
export function singleNode(local: Station, stateDir: string, loadBalancers: readonly unknown[]): string {
  return stringify({
    localPeer: { id: local.name, address: local.ip4, port: 10_000 },
    vip: "10.98.0.200",
    singleNode: true,
    disableVIP: true,
    interface: local.device,
    stateDir,
    loadBalancers,
  });
}

/** HAProxy with one thread, the same balancers. */
export function haproxyConfig(backend: Station, maxConnections: number): string {
  const section = (kind: Kind, mode: string, backendPort: number): string =>
    `listen ${kind}
  mode ${mode}
  bind :${PROXY_PORTS[kind]}
  server backend ${backend.ip4}:${backendPort}
`;
  return `global
  nbthread 1
  maxconn ${maxConnections}
defaults
  maxconn ${maxConnections}
  timeout connect 5s
  timeout client ${IDLE}
  timeout server ${IDLE}
  http-reuse always
${section("bulk", "tcp", BULK_PORT)}${section("tcp", "tcp", WEB_PORT)}${section("http", "http", WEB_PORT)}`;
}

/** nginx with one worker as a proxy of requests, with connections to the backend kept. */
export function nginxProxyConfig(directory: string, backend: Station): string {
  const server = `  upstream backend {
    server ${backend.ip4}:${WEB_PORT};
    keepalive 128;
    keepalive_requests 100000000;
  }
  server {
    listen ${PROXY_PORTS.http};
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
`;
  return nginx(directory, { workerConnections: 4096, http: server });
}

/** The web server on the backend machine: a greeting and a large file. */
export function nginxBackendConfig(directory: string, workerConnections: number): string {
  const server = `  client_header_timeout ${IDLE};
  keepalive_timeout ${IDLE};
  sendfile on;
  server {
    listen ${WEB_PORT};
    location = ${BIG_PATH} { root ${directory}; }
    location / { return 200 "${GREETING.replace("\n", "\\n")}"; }
  }
`;
  return nginx(directory, { workerConnections, http: server });
}

/** A web server of one process, whose answers depend on the argument `n` of the request: see `expectedBody`. */
export function nginxEchoConfig(directory: string, port: number, body: string): string {
  const server = `  server {
    listen ${port};
    location / { return 200 "${body}"; }
  }
`;
  return `master_process off;\n${nginx(directory, { workerConnections: 4096, http: server })}`;
}

function nginx(directory: string, parts: { workerConnections: number; http: string }): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${directory}/${name};\n`);
  return `daemon off;
user root;
worker_processes 1;
pid ${directory}/nginx.pid;
events { worker_connections ${parts.workerConnections}; }
http {
  access_log off;
  keepalive_requests 100000000;
${temporary.join("")}${parts.http}}
`;
}
