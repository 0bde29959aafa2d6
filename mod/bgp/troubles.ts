/** What has gone wrong with a peer, in words; each reason is new once. Pure. */

/** Reasons that are remembered as told; more than so many different ones are told again. */
const MAX_TOLD = 16;

/** The last error of one peer. */
export class Troubles {
  #last: { readonly why: string; readonly atMs: number } | null = null;
  readonly #told = new Set<string>();

  /** Null: there was none. */
  get last(): string | null {
    return this.#last?.why ?? null;
  }

  /** How long ago the last error was; null: there was none. */
  lastMsAgo(now: number): number | null {
    return this.#last === null ? null : now - this.#last.atMs;
  }

  /** Something went wrong. `new`: for the first time since {@link overcome}. */
  note(why: string, now: number): "new" | "known" {
    this.#last = { why, atMs: now };
    if (this.#told.has(why)) return "known";
    if (this.#told.size >= MAX_TOLD) this.#told.clear();
    this.#told.add(why);
    return "new";
  }

  /** The session is up: whatever goes wrong next is new. */
  overcome(): void {
    this.#told.clear();
  }
}
