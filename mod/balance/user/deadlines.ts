/**
 * Deadlines of very many connections without a timer for each: two wheels. Moving a deadline further away, which happens with every read,
 * is an assignment: a node that comes due too early is put further on.
 */

/** Near deadlines: slots of 1 ms, 512 of them. */
const FINE = { widthMs: 1, slots: 512 };
/** The rest: slots of 64 ms, 65 s; what is later goes round. A deadline of 512 ms or more may be an eighth late, which is 64. */
const COARSE = { widthMs: 64, slots: 1024 };

/** Something that has a deadline; a member of a ring that its slot is the head of. */
export class DeadlineNode {
  /** Monotonic ms; Infinity: none. */
  atMs = Infinity;
  /** The end of the slot that it is in: when it is looked at. */
  dueMs = Infinity;
  previous: DeadlineNode = this;
  next: DeadlineNode = this;

  /** The deadline has passed. It is the wheel that calls. */
  expire(): void {}
}

class Wheel {
  readonly #widthMs: number;
  readonly #heads: readonly DeadlineNode[];
  /** The first slot that was not looked at yet. */
  #slot: number;

  constructor({ widthMs, slots }: typeof FINE, nowMs: number) {
    this.#widthMs = widthMs;
    this.#heads = Array.from({ length: slots }, () => new DeadlineNode());
    this.#slot = Math.floor(nowMs / widthMs);
  }

  /** Into the slot that ends at or after its time, or into the last one. */
  add(node: DeadlineNode): void {
    const last = this.#slot + this.#heads.length - 1;
    const slot = Math.max(this.#slot, Math.min(Math.ceil(node.atMs / this.#widthMs) - 1, last));
    const head = this.#head(slot);
    node.dueMs = (slot + 1) * this.#widthMs;
    node.previous = head.previous;
    node.next = head;
    head.previous.next = node;
    head.previous = node;
  }

  /** When the next slot that has something ends. */
  nextDueMs(): number {
    for (let slot = this.#slot; slot < this.#slot + this.#heads.length; slot++) {
      const head = this.#head(slot);
      if (head.next !== head) return (slot + 1) * this.#widthMs;
    }
    return Infinity;
  }

  /** Takes out what is in the slots that have ended. */
  take(nowMs: number, into: DeadlineNode[]): void {
    const until = Math.floor(nowMs / this.#widthMs);
    const last = Math.min(until, this.#slot + this.#heads.length);
    for (let slot = this.#slot; slot < last; slot++) {
      const head = this.#head(slot);
      while (head.next !== head) {
        into.push(head.next);
        unlink(head.next);
      }
    }
    this.#slot = Math.max(this.#slot, until);
  }

  #head(slot: number): DeadlineNode {
    const head = this.#heads[slot % this.#heads.length];
    if (head === undefined) throw new RangeError(`slot ${slot}`);
    return head;
  }
}

function unlink(node: DeadlineNode): void {
  node.previous.next = node.next;
  node.next.previous = node.previous;
  node.previous = node;
  node.next = node;
  node.dueMs = Infinity;
}

/** The deadlines of one loop. */
export class Deadlines {
  readonly #fine: Wheel;
  readonly #coarse: Wheel;
  /** Not after the first deadline; perhaps before it. */
  #soonestMs = Infinity;
  readonly #due: DeadlineNode[] = [];

  constructor(nowMs: number) {
    this.#fine = new Wheel(FINE, nowMs);
    this.#coarse = new Wheel(COARSE, nowMs);
  }

  /** `expire` is called `delayMs` from now, at most 1 ms later, from 512 ms on at most 64 ms later. */
  set(node: DeadlineNode, nowMs: number, delayMs: number): void {
    node.atMs = nowMs + delayMs;
    if (node.atMs >= node.dueMs) return;
    if (node.next !== node) {
      // It is looked at in time as long as its slot ends within what it may be late.
      if (node.dueMs - node.atMs <= (delayMs < 512 ? 1 : COARSE.widthMs)) return;
      unlink(node);
    }
    (delayMs < 512 ? this.#fine : this.#coarse).add(node);
    if (node.dueMs < this.#soonestMs) this.#soonestMs = node.dueMs;
  }

  /** Takes a deadline back for good. */
  remove(node: DeadlineNode): void {
    node.atMs = Infinity;
    if (node.next !== node) unlink(node);
  }

  /** So long may be waited: whole ms, −1 for ever. */
  waitMs(nowMs: number): number {
    if (this.#soonestMs === Infinity) return -1;
    return Math.max(0, Math.ceil(this.#soonestMs - nowMs));
  }

  /** Calls `expire` of what has passed. */
  run(nowMs: number): void {
    if (nowMs < this.#soonestMs) return;
    const due = this.#due;
    this.#fine.take(nowMs, due);
    this.#coarse.take(nowMs, due);
    for (const node of due) this.#look(node, nowMs);
    due.length = 0;
    this.#soonestMs = Math.min(this.#fine.nextDueMs(), this.#coarse.nextDueMs());
  }

  #look(node: DeadlineNode, nowMs: number): void {
    const { atMs } = node;
    if (atMs > nowMs) {
      if (atMs !== Infinity) this.set(node, nowMs, atMs - nowMs);
      return;
    }
    node.atMs = Infinity;
    node.expire();
  }
}
