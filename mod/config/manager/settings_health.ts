/** Settings of health and observability. */

import { int, text } from "../kinds.ts";
import { INVALID, type Kind } from "../setting.ts";
import { type GivenListen, type GivenUrl, group, healthUrl, listen, managed } from "./kinds.ts";

const healthPort: Kind<number> = {
  ...int(0, 65535, "0 (off) or a port"),
  accepts: "0 (off) or a port from 1024 to 65535",
};

/** Below 1024 upstream's own words. */
const unprivilegedPort: Kind<number> = {
  accepts: healthPort.accepts,
  fromText: (given, place) => above(healthPort.fromText(given, place), place.problem.bind(place)),
  fromTree: (tree, place) => above(healthPort.fromTree(tree, place), place.problem.bind(place)),
};

function above(port: number | typeof INVALID, note: (message: string, value: string) => void): number | typeof INVALID {
  if (port === INVALID || port === 0 || port >= 1024) return port;
  note(`health check port should be > 1024; must be ${healthPort.accepts}`, String(port));
  return INVALID;
}

export const CHECK = {
  address: managed<GivenUrl>({
    key: "address",
    env: ["control_plane_health_check_address"],
    flag: "controlPlaneHealthCheckAddress",
    kind: healthUrl,
    fallback: { url: null, text: "", shown: "" },
    fallbackText: "/livez of the API server of this node, and a read through it, every 0.7 s",
    envText: (url) => url.text,
    help: "URL that says whether this node may hold",
  }),
  period: managed({
    key: "periodSeconds",
    aliases: ["period"],
    env: ["control_plane_health_check_period_seconds"],
    flag: "controlPlaneHealthCheckPeriodSeconds",
    kind: int(0, 86_400, "a number of seconds"),
    fallback: 5,
    help: "Seconds from one check of that URL to the next; 0 is the default",
  }),
  timeout: managed({
    key: "timeoutSeconds",
    aliases: ["timeout"],
    env: ["control_plane_health_check_timeout_seconds"],
    flag: "controlPlaneHealthCheckTimeoutSeconds",
    kind: int(0, 86_400, "a number of seconds"),
    fallback: 3,
    help: "A check of that URL that takes longer has failed; 0 is the default",
  }),
  failureThreshold: managed({
    key: "failureThreshold",
    env: ["control_plane_health_check_failure_threshold"],
    flag: "controlPlaneHealthCheckFailureThreshold",
    kind: int(0, 10_000),
    fallback: 3,
    help: "So many failures of that URL in a row make the node unfit; 0 is the default",
  }),
  caPath: managed({
    key: "caPath",
    env: ["control_plane_health_check_ca_path"],
    flag: "controlPlaneHealthCheckCAPath",
    kind: text,
    fallback: "",
    help: "PEM file of further authorities for that URL",
  }),
};

export const CHECK_GROUP = managed<null>({
  key: "controlPlaneHealthCheck",
  kind: group,
  fallback: null,
  fields: Object.values(CHECK),
  help: "The check that says whether this node may hold",
});

export const OBSERVE = {
  healthPort: managed({
    key: "healthCheckPort",
    env: ["health_check_port"],
    flag: "healthCheckPort",
    kind: unprivilegedPort,
    fallback: 0,
    fallbackText: "0 (off)",
    help: "Port of /healthz and /readyz",
  }),
  metrics: managed<GivenListen>({
    key: "prometheusHTTPServer",
    env: ["prometheus_server"],
    flag: "prometheusHTTPServer",
    emptyCounts: true,
    kind: listen,
    fallback: { at: { host: "", port: 2112 }, shown: ":2112" },
    help: "Where metrics are served; empty switches them off",
  }),
  /** Read before everything else, see `config_file.ts`. */
  configFile: managed({
    key: "configFile",
    env: ["config_file"],
    flag: "config-file",
    kind: text,
    fallback: "",
    help: "File of settings, JSON or YAML by its ending",
  }),
};
