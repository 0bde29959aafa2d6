/** Where a Lease is kept. Two implementations: the API server, and memory for tests; one contract suite (`tests/contracts/lease_store.ts`). */

/** The content of a Lease that elections are about. */
export interface LeaseRecord {
  /** Empty: free. */
  readonly holder: string;
  readonly durationSeconds: number;
  /** MicroTime text (`2026-01-02T03:04:05.000006Z`), for people only: no decision is made from it. */
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly transitions: number;
  /**
   * What this program wrote about itself together with {@link renewTime}; null when somebody else wrote the record last. Kept as the
   * annotation `kube-vip.io/mark: <mark>@<renewTime>`: other programs copy annotations along and change the time.
   */
  readonly mark: string | null;
}

/** A record and the version that a conditional write names. */
export interface StoredLease {
  readonly record: LeaseRecord;
  readonly version: string;
}

export type LeaseRead =
  | { readonly outcome: "found"; readonly lease: StoredLease }
  | { readonly outcome: "absent" }
  | { readonly outcome: "failed"; readonly cause: string };

export type LeaseWrite =
  | { readonly outcome: "written"; readonly version: string }
  /** Somebody else was first: the version is not the current one, or the Lease exists, or is gone. */
  | { readonly outcome: "conflict" }
  /** Not done, or nobody knows: it may still have been written (or be written later). */
  | { readonly outcome: "failed"; readonly cause: string };

export interface LeaseStore {
  read(limitMs: number): Promise<LeaseRead>;
  create(record: LeaseRecord, limitMs: number): Promise<LeaseWrite>;
  /** Writes only over `version`. */
  update(record: LeaseRecord, version: string, limitMs: number): Promise<LeaseWrite>;
  /** Calls `seen` with the state now and after every change (null: absent), until stopped. Best effort: reads remain necessary. */
  watch(seen: (lease: StoredLease | null) => void): { stop(): void };
  close(): void;
}
