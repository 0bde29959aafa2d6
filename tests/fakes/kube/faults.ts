/** What the fake API server can be told to do wrong, and to which requests. */

import type { Verb } from "./paths.ts";

/** Which requests a fault hits; everything left out matches. */
export interface FaultMatch {
  readonly verb?: Verb | readonly Verb[];
  /** The path contains this. */
  readonly path?: string;
  /** So many requests, then the fault is over. Default: until it is ended. */
  readonly times?: number;
}

export type FaultKind =
  /** Accepted, never answered (until the fault ends: then it is answered as if nothing had been). */
  | { readonly kind: "hang" }
  /** Done and answered so much later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Not done; the connection breaks after the head and half of the body. */
  | { readonly kind: "drop" }
  /** Done, the answer is lost: the connection closes without a byte. */
  | { readonly kind: "lostWrite" }
  /** Done, the body comes in so many pieces with a pause before each. */
  | { readonly kind: "slowBody"; readonly pieces: number; readonly pauseMs: number }
  /** Not done; a Status of this kind. */
  | { readonly kind: "status"; readonly status: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** Not done; a body of any kind. */
  | { readonly kind: "body"; readonly status: number; readonly body: string; readonly contentType?: string }
  /** Reads are served as of this resourceVersion (a cache that is behind). */
  | { readonly kind: "stale"; readonly version: number };

export interface Fault {
  /** Requests it has hit. */
  readonly hits: number;
  /** Over; requests that hang are answered. Idempotent. */
  end(): void;
}

interface Active {
  readonly match: FaultMatch;
  readonly fault: FaultKind;
  readonly ended: PromiseWithResolvers<void>;
  over: boolean;
  hits: number;
}

/** The faults that are on, oldest first; the first that matches a request is the one it suffers. */
export class Faults {
  readonly #active = new Set<Active>();

  add(fault: FaultKind, match: FaultMatch): Fault {
    const active: Active = { match, fault, ended: Promise.withResolvers(), over: false, hits: 0 };
    this.#active.add(active);
    return {
      get hits(): number {
        return active.hits;
      },
      end: () => this.#end(active),
    };
  }

  /** The fault this request suffers, and the promise of its end. */
  take(verb: Verb, path: string): { readonly fault: FaultKind; readonly ended: Promise<void> } | null {
    for (const active of this.#active) {
      const { match } = active;
      if (active.over || (match.path !== undefined && !path.includes(match.path))) continue;
      if (match.verb !== undefined && !(Array.isArray(match.verb) ? match.verb : [match.verb]).includes(verb)) continue;
      active.hits++;
      if (match.times !== undefined && active.hits >= match.times) this.#exhaust(active);
      return { fault: active.fault, ended: active.ended.promise };
    }
    return null;
  }

  /** Ends all. */
  clear(): void {
    for (const active of [...this.#active]) this.#end(active);
  }

  /** Hits nobody else; what hangs in it goes on hanging. */
  #exhaust(active: Active): void {
    active.over = true;
  }

  #end(active: Active): void {
    active.over = true;
    this.#active.delete(active);
    active.ended.resolve();
  }
}
