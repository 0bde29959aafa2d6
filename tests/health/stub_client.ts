import { setImmediate } from "node:timers/promises";
import type { KubeAnswer, KubeClient, KubeRequest, Watch } from "../../mod/kube/api.ts";
import type { VirtualClock } from "../fakes/clock.ts";

/** How a server behaves: an answer, or `hangs`: none before the limit is over. */
export type Behaviour = KubeAnswer<unknown> | "hangs";

/** What is read through etcd. */
export const OBJECT = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/plndr-cp-lock";

export const OK: Behaviour = { outcome: "ok", status: 200, body: "ok" };
export const GONE: Behaviour = { outcome: "unreachable", cause: "connection refused" };

export function refusal(status: number, message = ""): Behaviour {
  return { outcome: "refused", status, reason: "", message, retryAfterMs: null };
}

/** Servers on a virtual clock; what each answers may be changed at any time. */
export class StubServers {
  readonly asked: string[] = [];
  /** How often, at most, the same question was under way to one server at a time. */
  most = 0;
  /** Clients that are open. */
  open = 0;
  readonly #underWay = new Map<string, number>();
  readonly #clock: VirtualClock;
  readonly #behaviour: (server: string, request: KubeRequest) => Behaviour;

  constructor(clock: VirtualClock, behaviour: (server: string, request: KubeRequest) => Behaviour) {
    this.#clock = clock;
    this.#behaviour = behaviour;
  }

  client(server: string): KubeClient {
    this.open += 1;
    let isOpen = true;
    return {
      server,
      request: <T>(request: KubeRequest): Promise<KubeAnswer<T>> => {
        if (!isOpen) return Promise.resolve({ outcome: "unreachable", cause: "closed" });
        this.asked.push(server + request.path);
        return this.#answer<T>(server, request);
      },
      watch: (): Watch => ({ stop: () => {} }),
      fork: () => this.client(server),
      at: (other) => this.client(other),
      close: () => {
        if (isOpen) this.open -= 1;
        isOpen = false;
      },
    };
  }

  #answer<T>(server: string, request: KubeRequest): Promise<KubeAnswer<T>> {
    const behaviour = this.#behaviour(server, request);
    // The tests give bodies of the right type.
    if (behaviour !== "hangs") return Promise.resolve(behaviour as KubeAnswer<T>);
    const { promise, resolve } = Promise.withResolvers<KubeAnswer<T>>();
    const question = server + request.path;
    const underWay = (this.#underWay.get(question) ?? 0) + 1;
    this.#underWay.set(question, underWay);
    this.most = Math.max(this.most, underWay);
    this.#clock.after(request.limitMs, () => {
      this.#underWay.set(question, (this.#underWay.get(question) ?? 0) - 1);
      resolve({ outcome: "unreachable", cause: "no answer in time" });
    });
    return promise;
  }
}

/** Lets virtual time pass in small steps, and promises settle after each. */
export async function pass(clock: VirtualClock, ms: number, stepMs = 50): Promise<void> {
  await setImmediate();
  for (let doneMs = 0; doneMs < ms; doneMs += stepMs) {
    clock.advance(Math.min(stepMs, ms - doneMs));
    await setImmediate();
  }
}
