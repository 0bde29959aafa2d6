/**
 * Whether the Lease can be reached, so that it is said once when that changes. Reads that work say nothing about writes that do not: the
 * namespace may be missing, a verb in a role, space in etcd. After a write that failed only another write says that all is well, one of
 * this node's or one of somebody's that is seen. Pure.
 */
import type { LeaseRead, LeaseWrite } from "./store.ts";

/** One request: for a write, the version that it names (null: it creates the Lease). */
export type Asked = { readonly kind: "read" } | { readonly kind: "write"; readonly version: string | null };

export class Reach {
  #failure: string | null = null;
  /** What a write that failed was to replace. */
  #unwritten: { readonly version: string | null } | null = null;

  /** Why the Lease is out of reach; null: it is not. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Takes in what came of a request. @returns `lost` or `regained` if that changes the matter, else `same` */
  note(asked: Asked, answer: LeaseRead | LeaseWrite): "lost" | "regained" | "same" {
    const was = this.#failure;
    if (answer.outcome === "failed") {
      this.#failure = answer.cause;
      if (asked.kind === "write") this.#unwritten = { version: asked.version };
      return was === null ? "lost" : "same";
    }
    if (asked.kind === "read" && this.#unwritten?.version === versionIn(answer)) return "same";
    this.#failure = null;
    this.#unwritten = null;
    return was === null ? "same" : "regained";
  }
}

function versionIn(answer: LeaseRead | LeaseWrite): string | null {
  return answer.outcome === "found" ? answer.lease.version : null;
}
