/** Keeps a {@link GrantSink} in step with what this node may hold: tells it what is new and what has ended, nothing twice. Pure. */
import type { Grant, GrantSink, RevokeReason } from "./elector.ts";

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

  /**
   * `held` is everything this node may hold now; what is missing ends before anything new begins. `reason` is asked only if something
   * ends, while {@link given} still says what was.
   */
  update(held: readonly Grant[], reason: () => RevokeReason): void {
    if (held.length === 0 && this.#given.size === 0) return;
    const next = new Map(held.map((grant) => [grant.scope, grant]));
    const before = this.#given;
    const ended = [...before.keys()].filter((scope) => !next.has(scope));
    // If this throws they are still given, and ended the next time: nobody may learn earlier that they are free.
    if (ended.length > 0) this.#sink.revoked(ended, reason());
    this.#given = next;
    const moved = held.filter((grant) => !sameGrant(grant, before.get(grant.scope)));
    if (moved.length > 0) this.#sink.granted(moved);
  }
}

function sameGrant(one: Grant, other: Grant | undefined): boolean {
  return other !== undefined && one.validUntil === other.validUntil && one.epoch === other.epoch &&
    one.preserved === other.preserved;
}
