/**
 * The API server as the rest of the program sees it. Two implementations: the real client over HTTPS, and the fake server of the tests
 * behind the same client. No call throws because of what the server or the network did: that is in the answer.
 */

/** One request. */
export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path without query, e.g. `/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/plndr-cp-lock`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON; a PATCH is a merge patch (RFC 7386). */
  readonly body?: unknown;
  /** The answer, body included, has to be complete within this time. */
  readonly limitMs: number;
}

/** What came back. */
export type KubeAnswer<T> =
  | { readonly outcome: "ok"; readonly status: number; readonly body: T }
  /** The server answered with a status ≥ 400. `reason` and `message` are those of its Status object. */
  | {
    readonly outcome: "refused";
    readonly status: number;
    readonly reason: string;
    readonly message: string;
    /** From Retry-After; null without one. */
    readonly retryAfterMs: number | null;
  }
  /** No whole answer: refused connection, broken TLS, time-out, cut off. A write may have happened all the same. */
  | { readonly outcome: "unreachable"; readonly cause: string };

/** What every object has. */
export interface KubeObject {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** A collection that is followed. */
export interface WatchRequest {
  /** Path of the collection. */
  readonly path: string;
  /** e.g. `metadata.name=plndr-cp-lock`. */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /**
   * Without a word from the server for so long the connection is made anew. Default 90 s: the server sends a bookmark about every minute.
   * Less only for what changes more often than that.
   */
  readonly silenceMs?: number;
}

/** Told about a followed collection, in order. */
export interface WatchListener<T extends KubeObject> {
  /**
   * Everything there is now: at the start, and whenever changes may have been missed (410). A watch that was lost or fell silent is
   * resumed where it ended, and nothing is missed by that.
   */
  listed(objects: readonly T[]): void;
  changed(object: T): void;
  deleted(object: T): void;
  /** Following works (the first time, and again), or has stopped working; it goes on trying by itself. */
  health?(state: "following" | "broken", cause: string): void;
}

export interface Watch {
  /** No listener is called after this. Idempotent. */
  stop(): void;
}

export interface KubeClient {
  /** The server's base URL, for messages. */
  readonly server: string;
  request<T>(request: KubeRequest): Promise<KubeAnswer<T>>;
  /** Lists, then follows, relists when it must, until stopped. */
  watch<T extends KubeObject>(request: WatchRequest, listener: WatchListener<T>): Watch;
  /** The same server and credentials over connections of its own, so that a busy or stuck one delays nobody else. Closed by whoever asked. */
  fork(): KubeClient;
  /** The same credentials at another server of the cluster (base URL). Closed by whoever asked. */
  at(server: string): KubeClient;
  /** Ends connections and watches. Idempotent. */
  close(): void;
}
