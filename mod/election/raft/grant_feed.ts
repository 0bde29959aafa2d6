/** Keeps a {@link GrantSink} in step with what this member may hold: tells it what moved and what ended, nothing twice. */
import type { Grant, GrantSink, RevokeReason } from "../elector.ts";
import type { HeldGrant } from "./types.ts";

export class GrantFeed {
  readonly #sink: GrantSink;
  #given = new Map<string, Grant>();

  constructor(sink: GrantSink) {
    this.#sink = sink;
  }

  /** What the sink was last given and has not been told to end. */
  get given(): ReadonlyMap<string, Grant> {
    return this.#given;
  }

  /** `held` is everything this member may hold now; what is missing ends before anything new begins. */
  update(held: readonly HeldGrant[], { epoch, reason }: { epoch: number; reason: () => RevokeReason }): void {
    if (held.length === 0 && this.#given.size === 0) return;
    const next = new Map(held.map(({ ip, validUntil }) => [ip, { scope: ip, epoch, validUntil }]));
    const previous = this.#given;
    const ended = [...previous.keys()].filter((scope) => !next.has(scope));
    // Only once this has returned may anybody learn that they are free: if it throws they are still given, and ended the next time.
    if (ended.length > 0) this.#sink.revoked(ended, reason());
    this.#given = next;
    const moved = [...next.values()].filter((grant) => {
      const before = previous.get(grant.scope);
      return before === undefined || before.validUntil !== grant.validUntil || before.epoch !== epoch;
    });
    if (moved.length > 0) this.#sink.granted(moved);
  }
}
