import type { Entry, HardState, Snapshot, Stored } from "./types.ts";

/** One durable step of a member: all of it, or none of it, survives a crash. */
export interface Batch {
  readonly hard: HardState | null;
  /** Takes the place of every entry up to its index; later entries stay, unless `truncateFrom` removes them. */
  readonly snapshot: Snapshot | null;
  /** Entries from this index on are dropped before `entries` are added. */
  readonly truncateFrom: number | null;
  /** Continue what is left without a gap. */
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
  /**
   * Resolves once the batch is on disk. Batches become durable in call order. Rejects with {@link StorageError}: its operation is
   * "write" if the disk failed, and the batch is then part of the next write that succeeds, so writing an empty batch is how to try
   * again; "refuse" if the batch does not follow from the state or the storage is not open, and it is then as if never asked for.
   */
  write(batch: Batch): Promise<void>;
  /** Ends after the writes that were asked for; idempotent. */
  close(): Promise<void>;
}

/** A state directory that cannot be used, or a write that did not reach the disk. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  /** What was tried: "open", "lock", "write", "refuse" */
  readonly operation: string;
  /** The file or directory. */
  readonly subject: string;

  constructor(operation: string, subject: string, detail: { readonly message: string; readonly cause?: unknown }) {
    super(`${operation} ${subject}: ${detail.message}`, detail.cause === undefined ? {} : { cause: detail.cause });
    this.operation = operation;
    this.subject = subject;
  }
}
