/** The backends of a configuration in the form that pool, connector and health checks use. */
import type { BalancerConfig, HttpBackend, TcpBackend } from "../config/types.ts";

/** One backend: its name and weight, where to connect, and how to speak to it. */
export interface BackendTarget {
  readonly name: string;
  readonly weight: number;
  /** IP text without brackets, or a host name. */
  readonly hostname: string;
  readonly port: number;
  /** `host:port` as a Host field has it. */
  readonly host: string;
  /** What goes before a request's path, without a slash at its end; empty for none. */
  readonly pathPrefix: string;
  /** It is spoken to by TLS. */
  readonly isSecure: boolean;
}

function tcpTarget({ address, port, weight }: TcpBackend): BackendTarget {
  const host = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return { name: host, weight, hostname: address, port, host, pathPrefix: "", isSecure: false };
}

function httpTarget({ url, weight }: HttpBackend): BackendTarget {
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const isSecure = url.protocol === "https:";
  const port = url.port === "" ? (isSecure ? 443 : 80) : Number(url.port);
  const pathPrefix = url.pathname.replace(/\/$/, "");
  const name = `${url.hostname}:${port}${pathPrefix}`;
  return { name, weight, hostname, port, host: url.host, pathPrefix, isSecure };
}

/** Every backend of a balancer, in the order of the configuration. */
export function backendTargets(config: BalancerConfig): BackendTarget[] {
  return config.type === "http" ? config.backends.map(httpTarget) : config.backends.map(tcpTarget);
}
