/**
 * The candidates as etcd keeps them, in the order of the creation of their keys; the first one holds. Compatible with
 * `clientv3/concurrency`, so that kube-vip nodes of the Go program may stand in the same queue:
 *
 *     <prefix>/<place>            = node name           the candidacy; `place` is the hexadecimal id of the lease it was made with
 *     kube-vip/<prefix>/<place>   = boot id ["unfit"]   the mark: which boot of which machine, written together with the candidacy
 *
 * Both keys are bound to the same lease and vanish together. A mark whose candidacy is gone says that somebody deleted that by hand while
 * its writer may still answer: those behind it wait until the mark has gone too. Pure.
 */
import type { KeyValue, LeaseId, Txn, TxnResult } from "./types.ts";

/** One place in the queue. */
export interface Candidate {
  readonly place: string;
  readonly name: string;
  readonly lease: LeaseId;
  readonly createRevision: number;
  /** null: written by another program. */
  readonly mark: Mark | null;
}

/** What a node of this program writes beside its candidacy. */
export interface Mark {
  readonly bootId: string;
  /** It stood although it was unfit, because nobody else did. */
  readonly unfit: boolean;
  readonly createRevision: number;
  readonly modRevision: number;
}

/** The queue at one revision. */
export interface QueueView {
  readonly revision: number;
  /** In the order of creation. */
  readonly candidates: readonly Candidate[];
  /** Marks without a candidacy. */
  readonly orphans: readonly Mark[];
}

/** Who stands: name, boot, and whether it is unfit. */
export interface Standing {
  readonly name: string;
  readonly bootId: string;
  readonly unfit: boolean;
}

/** The place of a candidacy that is made with `lease`, as Go's `%x` prints an int64. */
export function placeOf(lease: LeaseId): string {
  return BigInt(lease).toString(16);
}

/** The keys of candidates begin with this: what is to be watched. */
export function candidatePrefix(prefix: string): string {
  return `${prefix}/`;
}

function markPrefix(prefix: string): string {
  return `kube-vip/${prefix}/`;
}

/** Reads the queue. */
export function lookTxn(prefix: string): Txn {
  return {
    compare: [],
    success: [{ do: "range", prefix: candidatePrefix(prefix) }, { do: "range", prefix: markPrefix(prefix) }],
  };
}

/** Takes the last place, with a lease that has none yet. Doing it twice is doing it once. */
export function standTxn(prefix: string, lease: LeaseId, standing: Standing): Txn {
  const place = placeOf(lease);
  return {
    compare: [{ key: candidatePrefix(prefix) + place, createRevision: 0 }],
    success: writes(prefix, place, { lease, standing }),
  };
}

/**
 * Puts another lease under a place that an earlier process of this machine left: the creation, and with it the place, stays. Fails once
 * anybody has touched that place. What the earlier process may still have under way (a revocation of its lease) no longer reaches it.
 */
export function resumeTxn(prefix: string, lease: LeaseId, of: Resumable & { readonly standing: Standing }): Txn {
  const { place, createRevision, markRevision, standing } = of;
  return {
    compare: [
      { key: candidatePrefix(prefix) + place, createRevision },
      { key: markPrefix(prefix) + place, modRevision: markRevision },
    ],
    success: writes(prefix, place, { lease, standing }),
  };
}

function writes(
  prefix: string,
  place: string,
  what: { readonly lease: LeaseId; readonly standing: Standing },
): Txn["success"] {
  const { lease, standing } = what;
  return [
    { do: "put", key: candidatePrefix(prefix) + place, value: standing.name, lease },
    { do: "put", key: markPrefix(prefix) + place, value: markText(standing), lease },
  ];
}

function markText(standing: Standing): string {
  return standing.unfit ? `${standing.bootId} unfit` : standing.bootId;
}

/** A place that can be resumed. */
export interface Resumable {
  readonly place: string;
  readonly lease: LeaseId;
  readonly createRevision: number;
  readonly markRevision: number;
}

/** The first place that an earlier process of this boot of this machine left; null without one. */
export function resumable(view: QueueView, self: { readonly name: string; readonly bootId: string }): Resumable | null {
  for (const { place, name, lease, createRevision, mark } of view.candidates) {
    if (name !== self.name || mark?.bootId !== self.bootId) continue;
    return { place, lease, createRevision, markRevision: mark.modRevision };
  }
  return null;
}

/** The answer to {@link lookTxn}. */
export function readQueue(prefix: string, result: TxnResult): QueueView {
  const [stands = [], marks = []] = result.ranges;
  const byPlace = new Map(marks.map((kv) => [kv.key.slice(markPrefix(prefix).length), readMark(kv)]));
  const candidates = stands.map((kv): Candidate => {
    const place = kv.key.slice(candidatePrefix(prefix).length);
    const mark = byPlace.get(place) ?? null;
    byPlace.delete(place);
    return { place, name: kv.value, lease: kv.lease, createRevision: kv.createRevision, mark };
  });
  candidates.sort((a, b) => a.createRevision - b.createRevision);
  return { revision: result.revision, candidates, orphans: [...byPlace.values()] };
}

function readMark(kv: KeyValue): Mark {
  const [bootId = "", word] = kv.value.split(" ");
  return { bootId, unfit: word === "unfit", createRevision: kv.createRevision, modRevision: kv.modRevision };
}
