/** Shapes of the API that every client of it needs. Dates are text, as they are on the wire. */

import type { KubeObject } from "./api.ts";

/** Why the server did not do something. */
export interface StatusObject {
  readonly kind?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
}

/** One page of a collection. */
export interface ObjectList<T extends KubeObject> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[];
}

/** Whether a value of JSON is an object, not a list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
