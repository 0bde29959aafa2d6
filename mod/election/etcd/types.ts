/** What the election needs of etcd ≥ 3.4. Two implementations: its JSON gateway, and memory for tests. No call throws for what the network did. */

/** An int64 in decimal; never "0", which is etcd's word for no lease. */
export type LeaseId = string;

/** What came of one request. */
export type EtcdAnswer<T> =
  | { readonly outcome: "ok"; readonly body: T }
  /** etcd understood and said no; nothing was done. `code` is gRPC's: {@link CODE_NOT_FOUND}, {@link CODE_FAILED_PRECONDITION}, … */
  | { readonly outcome: "refused"; readonly code: number; readonly message: string }
  /** No whole answer, or etcd could not say (no leader, time-out): it may have been done all the same, or be done later. */
  | { readonly outcome: "unreachable"; readonly cause: string };

/** gRPC: no such lease. */
export const CODE_NOT_FOUND = 5;
/** gRPC: the lease exists already. */
export const CODE_FAILED_PRECONDITION = 9;

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** "0": kept for ever. */
  readonly lease: LeaseId;
  readonly createRevision: number;
  readonly modRevision: number;
}

/** Holds if the key was created (last changed) at the revision; 0 means that there is no such key. */
export type Compare =
  | { readonly key: string; readonly createRevision: number }
  | { readonly key: string; readonly modRevision: number };

export type Operation =
  /** Every key that begins with `prefix`, in the order of creation. */
  | { readonly do: "range"; readonly prefix: string }
  | { readonly do: "put"; readonly key: string; readonly value: string; readonly lease: LeaseId };

/** All operations at one revision if every comparison holds, else none. */
export interface Txn {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
}

export interface TxnResult {
  readonly succeeded: boolean;
  readonly revision: number;
  /** What each `range` of the transaction found, in their order. */
  readonly ranges: readonly (readonly KeyValue[])[];
}

export interface LeaseTtl {
  /** 0: there is no such lease (any more). */
  readonly ttlSeconds: number;
}

/** Told about keys that are followed. */
export interface EtcdWatchListener {
  /** Something was written or deleted. */
  changed(): void;
  /** Following has ended; called once, and nothing after it. Begin again after a look at the state. */
  ended(cause: string): void;
}

export interface EtcdWatch {
  /** The listener is not called after this. Idempotent. */
  stop(): void;
}

/** What is followed: the keys that begin with `prefix`, from a revision on. */
export interface EtcdWatchRequest {
  readonly prefix: string;
  readonly fromRevision: number;
}

export interface Etcd {
  txn(txn: Txn, limitMs: number): Promise<EtcdAnswer<TxnResult>>;
  grantLease(
    lease: { readonly id: LeaseId; readonly ttlSeconds: number },
    limitMs: number,
  ): Promise<EtcdAnswer<LeaseTtl>>;
  keepLease(id: LeaseId, limitMs: number): Promise<EtcdAnswer<LeaseTtl>>;
  /** Ends the lease and deletes its keys. */
  revokeLease(id: LeaseId, limitMs: number): Promise<EtcdAnswer<null>>;
  watch(request: EtcdWatchRequest, listener: EtcdWatchListener): EtcdWatch;
  /** Ends connections, watches and requests under way. Idempotent. */
  close(): void;
}
