import type { Entry, HardState, Snapshot, Stored } from "./types.ts";

/** One durable step of a member: all of it, or none of it, survives a crash. */
export interface Batch {
  readonly hard: HardState | null;
  readonly snapshot: Snapshot | null;
  readonly truncateFrom: number | null;
  readonly entries: readonly Entry[];
}

/** What was found at start. */
export type Opened =
  | { readonly outcome: "restored"; readonly stored: Stored; readonly cutBytes: number }
  | { readonly outcome: "empty" }
  | { readonly outcome: "damaged"; readonly detail: string };

/** Durable term, vote and log. Two implementations: a file, and memory (tests); one contract suite. */
export interface Storage {
  /** Reads what is there. A torn tail is cut and counted; anything worse is "damaged" and set aside, not overwritten. */
  open(): Promise<Opened>;
  /** Resolves once the batch is on disk. Batches become durable in call order. */
  write(batch: Batch): Promise<void>;
  close(): Promise<void>;
}
