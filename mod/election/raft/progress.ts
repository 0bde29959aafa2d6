/** How far one follower's log agrees with the leader's. One append is under way at a time: the log is small and rarely written. */
export class Progress {
  /** The last index known to agree and to be durable there. */
  match = 0;
  /** The index to send next. */
  next: number;
  /** When the append under way was sent; null if none is. */
  pendingSince: number | null = null;

  constructor(next: number) {
    this.next = next;
  }

  /**
   * The follower has everything up to `index`; false if that says nothing new: a duplicate must not set off another append.
   * It may be news although less than `match`, when the follower has lost what it once acknowledged.
   */
  matched(index: number): boolean {
    if (index <= this.match && index < this.next) return false;
    this.match = Math.max(this.match, index);
    this.next = Math.max(this.next, index + 1);
    this.pendingSince = null;
    return true;
  }

  /** The follower asks for what follows `hint`; it may have forgotten what it acknowledged (a restart in the same term). */
  refused(hint: number, lastIndex: number): void {
    this.next = Math.max(1, Math.min(hint + 1, lastIndex + 1));
    this.pendingSince = null;
  }

  /** True if an append sent at least `patienceMs` ago has not been answered, or none is under way. */
  isIdle(now: number, patienceMs: number): boolean {
    return this.pendingSince === null || now - this.pendingSince >= patienceMs;
  }
}
