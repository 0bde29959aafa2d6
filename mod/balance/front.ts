/** What of a balancer can change while it runs. */
import type { BalancerConfig } from "../config/types.ts";

/** Whether a balancer speaks TLS with its clients or with a backend: then the runtime's own sockets carry it. */
export function speaksTls(config: BalancerConfig): boolean {
  return config.tls !== null ||
    (config.type === "http" && config.backends.some(({ url }) => url.protocol === "https:"));
}

/** Whether a balancer asks for what only the engine `user` has. */
export function needsThreads(config: BalancerConfig): boolean {
  const tellsBackends = config.type !== "http" && config.sendProxyProtocol !== null;
  return speaksTls(config) || config.threads > 1 || config.acceptProxyProtocol || tellsBackends;
}

/**
 * Whether a running balancer can go over to `next` by `Balancer.update`: all that is bound to sockets, threads or the choice of the engine
 * is the same. Otherwise another balancer takes its place.
 */
export function sameFront(running: BalancerConfig, next: BalancerConfig): boolean {
  const plain = (config: BalancerConfig): unknown => {
    if (config.type === "http") return null;
    // What the kernel cannot do counts where the kernel may have been chosen.
    const beyondKernel = config.engine === "auto" && config.listenOnly.length > 0;
    return [config.affinity, config.preserveClientAddress, config.sendProxyProtocol, beyondKernel];
  };
  const front = (config: BalancerConfig): string => {
    const { name, type, port, bindToVip, engine, threads, tls, acceptProxyProtocol } = config;
    return JSON.stringify([
      name,
      type,
      port,
      bindToVip,
      engine,
      threads,
      tls,
      acceptProxyProtocol,
      speaksTls(config),
      plain(config),
    ]);
  };
  return front(running) === front(next);
}
