/** The Lease at whichever other API server is well, for a holder whose own is gone and that makes way. */
import type { LeaseRead, LeaseRecord, LeaseStore, LeaseWrite } from "../election/lease/store.ts";

const NOBODY = { outcome: "failed", cause: "no other API server is known to be well" } as const;

/** A store at one server, and how to end its connections. */
export interface OpenStore {
  readonly store: LeaseStore;
  close(): void;
}

/** A store behind which the server may change from call to call. */
export class RivalStore implements LeaseStore {
  readonly #rival: () => string | null;
  readonly #open: (server: string) => OpenStore;
  #current: { readonly server: string; readonly opened: OpenStore } | null = null;

  /**
   * @param rival base URL of another API server that is well; null: none is
   * @param open makes a store there; closed by this one
   */
  constructor(rival: () => string | null, open: (server: string) => OpenStore) {
    this.#rival = rival;
    this.#open = open;
  }

  async read(limitMs: number): Promise<LeaseRead> {
    return await this.#store()?.read(limitMs) ?? NOBODY;
  }

  async create(record: LeaseRecord, limitMs: number): Promise<LeaseWrite> {
    return await this.#store()?.create(record, limitMs) ?? NOBODY;
  }

  async update(record: LeaseRecord, version: string, limitMs: number): Promise<LeaseWrite> {
    return await this.#store()?.update(record, version, limitMs) ?? NOBODY;
  }

  /** Nothing is followed there: it is for a release only. */
  watch(): { stop(): void } {
    return { stop: () => {} };
  }

  close(): void {
    this.#current?.opened.close();
    this.#current = null;
  }

  #store(): LeaseStore | null {
    const server = this.#rival();
    if (server === null) return null;
    if (this.#current?.server !== server) {
      this.close();
      this.#current = { server, opened: this.#open(server) };
    }
    return this.#current.opened.store;
  }
}
