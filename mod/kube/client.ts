/** The client that talks to a real API server. */

import type { Clock, Random } from "../base/clock.ts";
import type { Log } from "../observe/log.ts";
import type { KubeAnswer, KubeClient, KubeObject, KubeRequest, Watch, WatchListener, WatchRequest } from "./api.ts";
import type { Credentials } from "./credentials.ts";
import { Transport } from "./transport.ts";
import { follow } from "./watch.ts";

export interface KubeClientOptions {
  /** Base URL without a slash at its end. */
  readonly server: string;
  /** Shared with every fork: what one of them finds out to be outdated is new for all. */
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly random: Random;
  /** Of this program: told to the server as `kube-vip/<version>`. */
  readonly version: string;
  readonly log: Log;
}

/** No connection is made before the first request. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  return new HttpKubeClient(options);
}

class HttpKubeClient implements KubeClient {
  readonly server: string;
  readonly #options: KubeClientOptions;
  readonly #requests: Transport;
  /** Connections of watches and their lists: neither a long list nor a request that was given up concerns the other kind. */
  readonly #streams: Transport;
  readonly #watches = new Set<Watch>();
  #closed = false;

  constructor(options: KubeClientOptions) {
    this.server = options.server;
    this.#options = options;
    const transport = { ...options, userAgent: `kube-vip/${options.version}` };
    this.#requests = new Transport(transport);
    this.#streams = new Transport(transport);
  }

  /** The body is what the server sent; that it is a `T` is the caller's word. */
  async request<T>(request: KubeRequest): Promise<KubeAnswer<T>> {
    return await this.#requests.send(request) as KubeAnswer<T>;
  }

  watch<T extends KubeObject>(request: WatchRequest, listener: WatchListener<T>): Watch {
    if (this.#closed) return { stop: () => {} };
    const { clock, random, log } = this.#options;
    const watch = follow(request, listener, {
      transport: this.#streams,
      clock,
      random,
      onListenerError: (error) => {
        log.error("Listener of a watch failed", {
          path: request.path,
          cause: error instanceof Error ? error.message : String(error),
        });
      },
      onStop: () => void this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    return watch;
  }

  fork(): KubeClient {
    return new HttpKubeClient(this.#options);
  }

  at(server: string): KubeClient {
    return new HttpKubeClient({ ...this.#options, server: server.replace(/\/+$/, "") });
  }

  close(): void {
    this.#closed = true;
    for (const watch of [...this.#watches]) watch.stop();
    this.#requests.close();
    this.#streams.close();
  }
}
