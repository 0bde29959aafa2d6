import type { Clock } from "../../mod/base/clock.ts";
import type { KubeAnswer, KubeClient, KubeRequest } from "../../mod/kube/api.ts";

/** A client whose answers a test gives; without one a request is answered with "ok", or hangs until its limit. */
export class StubClient implements KubeClient {
  readonly server = "https://stub";
  readonly requests: KubeRequest[] = [];
  /** Given in turn; then {@link StubClient.usual}. */
  readonly answers: KubeAnswer<unknown>[] = [];
  usual: KubeAnswer<unknown> | "hangs" = { outcome: "ok", status: 200, body: {} };
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async request<T>(request: KubeRequest): Promise<KubeAnswer<T>> {
    this.requests.push(request);
    const answer = this.answers.shift() ?? this.usual;
    if (answer !== "hangs") return answer as KubeAnswer<T>;
    const over = Promise.withResolvers<void>();
    this.#clock.after(request.limitMs, over.resolve);
    await over.promise;
    return { outcome: "unreachable", cause: "no answer in time" };
  }

  watch(): never {
    throw new Error("nobody watches here");
  }

  fork(): KubeClient {
    return this;
  }

  at(): KubeClient {
    return this;
  }

  close(): void {}
}

/** An answer with an error status. */
export function refusal(status: number, reason: string, retryAfterMs: number | null = null): KubeAnswer<unknown> {
  return { outcome: "refused", status, reason, message: `${reason} message`, retryAfterMs };
}

export const UNREACHABLE: KubeAnswer<unknown> = { outcome: "unreachable", cause: "refused connection" };

/** Lets everything run that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
