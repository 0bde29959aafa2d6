/** What tests of the API client share: a client of a fake server, credentials that need no file, a listener that can be waited for. */

import type { Clock, Random } from "../../mod/base/clock.ts";
import type { KubeClient, KubeObject, WatchListener } from "../../mod/kube/api.ts";
import { createKubeClient } from "../../mod/kube/client.ts";
import { Credentials } from "../../mod/kube/credentials.ts";
import type { Files } from "../../mod/kube/files.ts";
import type { KubeAccess } from "../../mod/kube/kubeconfig.ts";
import type { Log } from "../../mod/observe/log.ts";
import { systemClock } from "../../mod/runtime/clock.ts";
import { seededRandom } from "../fakes/random.ts";

export const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
export const NODES = "/api/v1/nodes";

export const noLog: Log = { debug: () => {}, info: () => {}, warning: () => {}, error: () => {} };

/** Files in memory; a value of null stands for one that cannot be read. */
export class MemoryFiles implements Files {
  readonly content = new Map<string, string | null>();
  reads = 0;

  constructor(content: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(content)) this.content.set(path, text);
  }

  read(path: string): Promise<string | null> {
    this.reads++;
    const text = this.content.get(path);
    if (text === null) return Promise.reject(new Deno.errors.PermissionDenied(path));
    return Promise.resolve(text ?? null);
  }
}

/** Access without any credential. */
export const OPEN_ACCESS: KubeAccess = {
  server: "http://127.0.0.1:1",
  ca: null,
  client: null,
  authorization: { kind: "none" },
  namespace: null,
};

export interface ClientKit {
  readonly access?: Partial<KubeAccess>;
  readonly files?: Files;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

/** A client of the server at `server`. */
export function clientOf(server: string, kit: ClientKit = {}): KubeClient {
  const clock = kit.clock ?? systemClock;
  return createKubeClient({ server, ...parts(clock, kit), version: "1.2.3" });
}

function parts(
  clock: Clock,
  kit: ClientKit,
): { credentials: Credentials; clock: Clock; random: Random; log: Log } {
  const access = { ...OPEN_ACCESS, ...kit.access };
  const files = kit.files ?? new MemoryFiles();
  return {
    credentials: new Credentials({ access: () => Promise.resolve(access), files, clock }),
    clock,
    random: kit.random ?? seededRandom(1),
    log: kit.log ?? noLog,
  };
}

/** What a listener was told, as text: `listed a=1 b=2`, `changed a=3`, `deleted a`, `following`, `broken`. */
export class Told implements WatchListener<KubeObject> {
  readonly lines: string[] = [];
  readonly causes: string[] = [];
  readonly #waiting = new Set<() => void>();

  listed(objects: readonly KubeObject[]): void {
    this.#tell(["listed", ...objects.map(brief)].join(" "));
  }

  changed(object: KubeObject): void {
    this.#tell(`changed ${brief(object)}`);
  }

  deleted(object: KubeObject): void {
    this.#tell(`deleted ${object.metadata?.name}`);
  }

  health(state: "following" | "broken", cause: string): void {
    this.causes.push(cause);
    this.#tell(state);
  }

  /** Resolves once `line` has been told so many times. */
  async until(line: string, times = 1): Promise<void> {
    while (this.lines.filter((told) => told === line).length < times) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
    }
  }

  #tell(line: string): void {
    this.lines.push(line);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Name and the label `v`, which the tests change. */
function brief(object: KubeObject): string {
  return `${object.metadata?.name}=${object.metadata?.labels?.["v"] ?? ""}`;
}
