/** Passes grants on only while a fence is open, and takes back what was given when it closes. Pure. */
import type { Grant, GrantSink, RevokeReason } from "../elector.ts";

export class FencedSink implements GrantSink {
  readonly #sink: GrantSink;
  readonly #open: () => boolean;
  readonly #given = new Set<string>();

  /** @param open asked before every grant */
  constructor(sink: GrantSink, open: () => boolean) {
    this.#sink = sink;
    this.#open = open;
  }

  /** What has come meanwhile is not kept: whoever grants goes on granting. */
  granted(grants: readonly Grant[]): void {
    if (!this.#open()) return this.closed();
    for (const { scope } of grants) this.#given.add(scope);
    this.#sink.granted(grants);
  }

  revoked(scopes: readonly string[], reason: RevokeReason): void {
    const given = scopes.filter((scope) => this.#given.has(scope));
    if (given.length === 0) return;
    this.#sink.revoked(given, reason);
    for (const scope of given) this.#given.delete(scope);
  }

  /** The fence has closed. */
  closed(): void {
    this.revoked([...this.#given], "lease-lost");
  }
}
