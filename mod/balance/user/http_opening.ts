/** From the backends of a balancer to a connection that carries a request: one that is kept, or a new one to whichever answers. */
import { errnoName, isShortage } from "../../linux/errno.ts";
import { BackendConnection, type BackendUser } from "./http_backend.ts";
import type { HttpShared } from "./http_shared.ts";
import type { Destination } from "./types.ts";

/** What {@link Opening.next} gave. */
export type OpeningStep =
  | { readonly outcome: "kept"; readonly backend: BackendConnection }
  /** The user is told. */
  | { readonly outcome: "connecting"; readonly backend: BackendConnection }
  | { readonly outcome: "unavailable" };

/** The choice of a backend for one request after the other. */
export class Opening {
  readonly #shared: HttpShared;
  readonly #user: BackendUser;
  /** The member that was picked; -1: none. */
  #index = -1;
  #tried: Set<number> | null = null;
  #mayReuse = true;

  constructor(shared: HttpShared, user: BackendUser) {
    this.#shared = shared;
    this.#user = user;
  }

  /** For another request. */
  begin(): void {
    this.#tried = null;
    this.#mayReuse = true;
  }

  /** Picks a member, counted until {@link giveBack}. A kept connection is taken if it was used at most `maxAgeMs` ago. */
  next(maxAgeMs: number): OpeningStep {
    const { backends, kept } = this.#shared;
    for (;;) {
      const index = this.#tried === null ? backends.pick() : backends.pick(this.#tried);
      if (index === null) return { outcome: "unavailable" };
      this.#index = index;
      const to = backends.destination(index);
      const reused = this.#mayReuse && to !== null ? kept.take(index, to.name, maxAgeMs) : null;
      if (reused !== null) {
        reused.user = this.#user;
        return { outcome: "kept", backend: reused };
      }
      const backend = this.#connect(index, to);
      if (backend !== null) return { outcome: "connecting", backend };
    }
  }

  /** The connection stands. */
  succeeded(): void {
    this.#shared.backends.connected(this.#index);
  }

  /** The connect failed: the member is not tried again for this request. */
  failed(detail: string): void {
    this.#shared.backends.connectFailed(this.#index, detail);
    this.#passOver();
  }

  /** Another member is to be tried, if there is one. */
  #passOver(): void {
    this.#tried = (this.#tried ?? new Set()).add(this.#index);
    this.giveBack();
  }

  /** The kept connection was stale: once more from the beginning, with new ones only. */
  again(): void {
    this.giveBack();
    this.#tried = null;
    this.#mayReuse = false;
  }

  /** The member went without an answer: another one is to be asked, on a new connection. */
  elsewhere(): void {
    this.#tried = new Set([this.#index]);
    this.#mayReuse = false;
    this.giveBack();
  }

  /** The request has nothing to do with a member any more. */
  giveBack(): void {
    if (this.#index >= 0) this.#shared.backends.ended(this.#index);
    this.#index = -1;
  }

  /** Bytes from or to the client, for the member's counter. */
  moved(bytes: number): void {
    if (this.#index >= 0 && bytes > 0) this.#shared.backends.moved(this.#index, bytes);
  }

  #connect(index: number, to: Destination | null): BackendConnection | null {
    const { kept, loop, config } = this.#shared;
    // As it is now: the configuration may be another one by the time the connection stands.
    const backend = new BackendConnection(index, this.#user, { kept, target: this.#shared.target(index) });
    const flow = to === null ? null : backend.connect(loop, to);
    if (flow === null) {
      if (to === null) this.failed("its name has no address");
      else if (isShortage(loop.connectErrno)) this.#passOver();
      else this.failed(errnoName(loop.connectErrno));
      return null;
    }
    flow.expireIn(config.connectTimeoutMs);
    return backend;
  }
}
