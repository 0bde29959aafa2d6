/**
 * Several addresses under one grant: those of the control plane go together, and those of a name change while the election runs. Pure.
 */
import type { Grant, GrantSink, RevokeReason } from "./elector.ts";

/** Turns grants of one scope into grants of whatever addresses it stands for at that moment. */
export class SharedScope implements GrantSink {
  readonly #sink: GrantSink;
  readonly #addresses: () => readonly string[];
  #given: readonly string[] = [];

  /** @param addresses what a scope stands for now, canonical text; asked at every grant */
  constructor(sink: GrantSink, addresses: () => readonly string[]) {
    this.#sink = sink;
    this.#addresses = addresses;
  }

  granted(grants: readonly Grant[]): void {
    const [grant] = grants;
    if (grant === undefined) return;
    const now = this.#addresses();
    const gone = this.#given.filter((ip) => !now.includes(ip));
    if (gone.length > 0) this.#sink.revoked(gone, "reassigned");
    this.#given = now;
    this.#sink.granted(now.map((scope) => ({ ...grant, scope })));
  }

  revoked(_scopes: readonly string[], reason: RevokeReason): void {
    if (this.#given.length === 0) return;
    this.#sink.revoked(this.#given, reason);
    this.#given = [];
  }
}
